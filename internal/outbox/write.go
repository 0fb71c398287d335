package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// ErrUnconfirmed means that a write is stored but an instance may still serve what was there before.
var ErrUnconfirmed = errors.New("outbox: the change is stored, but its invalidation is pending and instances may still serve what was there before")

// Write runs do in a transaction and, once it is committed, makes its changes visible: when it returns without an error,
// no read on any instance that can ask PostgreSQL returns what was there before.
//
// pending = false: what depends on the change has been invalidated. pending = true: it could not be (Redis cannot be
// reached, or refuses writes), and instead every instance has closed its gate until it is, which takes up to 850 ms from
// the commit. pending = true with ErrUnconfirmed: not even that could be confirmed within 5 s; the change is committed
// nevertheless, and its invalidation recorded. Any other error means that nothing was committed, unless the commit itself
// failed. do may run more than once.
func (r *Relay) Write(ctx context.Context, do func(tx *gorm.DB) error) (pending bool, err error) {
	facts, err := r.commit(ctx, do)
	if err != nil || len(facts) == 0 {
		return false, err
	}
	committed := r.opt.Now()
	// Committed: the caches must be told even if the client is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	ids, err := r.apply(ctx, facts)
	if err == nil {
		r.metrics.direct.Add(float64(len(facts)))
		r.desk.delete(ids)
		return false, nil
	}
	r.close(ids)
	r.opt.Logger.Warn("invalidation is pending", "facts", len(facts), "error", err)
	pending, unsure := r.unseen(ctx, committed, ids)
	switch {
	case unsure != nil:
		r.metrics.unconfirmed.Inc()
		return true, fmt.Errorf("%w: %w", ErrUnconfirmed, errors.Join(unsure, err))
	case pending:
		r.metrics.pending.Inc()
	}
	return pending, nil
}

// unseen waits until no instance can serve what was there before the commit, and reports whether the invalidation is
// still pending then. Any of three things guarantees that:
//   - a relay has applied the facts: a later look no longer shows them;
//   - all gates have been closed since before: some fact has been marked as refused for closedBy, so that every look
//     older than its mark is too old, and it was still there after ours had been marked as well;
//   - closedBy has passed since the commit, and looks have been answered all along: other instances could ask, too.
func (r *Relay) unseen(ctx context.Context, committed time.Time, ids []int64) (pending bool, err error) {
	last := ids[0]
	for _, id := range ids {
		last = max(last, id)
	}
	refused := &refusal{ids: ids, marked: make(chan struct{})}
	r.desk.refuse(refused)
	defer r.desk.forget(refused)
	r.worker.Wake()
	var marked time.Time
	sure := time.NewTimer(committed.Add(closedBy).Sub(r.opt.Now()))
	defer sure.Stop()
	for waiting := refused.marked; ; {
		next := r.next()
		l := r.look.Load()
		switch {
		case l == nil:
		case l.gone(committed, last):
			return false, nil
		case l.lastAway.After(committed):
		case l.err == nil && !marked.IsZero() && l.at.After(marked) && l.refused != 0 && l.at.Sub(l.since) > closedBy && !l.lastAway.After(l.since):
			return true, nil
		case l.answered() && !l.at.Before(committed.Add(closedBy)):
			return true, nil
		}
		select {
		case <-next:
		case <-waiting:
			marked, waiting = r.opt.Now(), nil
			r.looker.Wake()
		case <-sure.C:
			r.looker.Wake()
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}

// commit runs do in a transaction, again if PostgreSQL chose it as the victim of a deadlock (two imports that share
// articles can meet), and returns the facts it left.
func (r *Relay) commit(ctx context.Context, do func(tx *gorm.DB) error) (facts []Fact, err error) {
	for range writeTries {
		err = r.opt.DB.Gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			if err := do(tx); err != nil {
				return err
			}
			var err error
			facts, err = r.recorded(tx)
			return err
		})
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != deadlockDetected && refused.Code != serializationFailure {
			break
		}
	}
	return facts, err
}

const (
	writeTries = 4
	// SQLSTATEs after which PostgreSQL wants the transaction repeated.
	deadlockDetected, serializationFailure = "40P01", "40001"
)

// recorded reads and claims what the triggers recorded in this transaction for the relay's own region: relays leave it alone
// for a while, since this writer is about to apply it. Its age counts from now, just before the commit.
func (r *Relay) recorded(tx *gorm.DB) (facts []Fact, err error) {
	// Arrays travel as JSON because database/sql knows none.
	rows, err := tx.Raw(`UPDATE cache_outbox SET recorded_at = clock_timestamp(), held_until = clock_timestamp() + make_interval(secs => ?)
		WHERE tx = pg_current_xact_id() AND region = ?
		RETURNING id, table_name, operation, coalesce(array_to_json(keys), 'null')::text, coalesce(labels, 'null')::text`,
		r.hold.Seconds(), r.opt.Region).Rows()
	if err != nil {
		return nil, fmt.Errorf("read back what the write changes: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var f Fact
		var keys, labels []byte
		if err := rows.Scan(&f.ID, &f.Table, &f.Operation, &keys, &labels); err != nil {
			return nil, fmt.Errorf("read back what the write changes: %w", err)
		}
		if err := errors.Join(json.Unmarshal(keys, &f.Keys), json.Unmarshal(labels, &f.Labels)); err != nil {
			return nil, fmt.Errorf("read back what the write changes: %w", err)
		}
		facts = append(facts, f)
	}
	return facts, rows.Err()
}

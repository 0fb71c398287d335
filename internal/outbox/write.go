package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// Write runs do in a transaction and, once it is committed, makes its changes visible: when it returns pending = false,
// no read on any instance returns what was there before. pending = true means that the change is committed and its
// invalidation recorded but not applied yet (Redis cannot be reached, so nothing is served from it); an instance that still
// reaches it stops serving entries once the fact is a second old, until it is applied.
// An error means that nothing was committed, unless it is one of the commit itself. do may run more than once.
func (r *Relay) Write(ctx context.Context, do func(tx *gorm.DB) error) (pending bool, err error) {
	facts, err := r.commit(ctx, do)
	if err != nil || len(facts) == 0 {
		return false, err
	}
	// Committed: that the client has gone must not keep the caches from hearing of it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), opTimeout)
	defer cancel()
	ids, err := r.apply(ctx, facts)
	if err != nil {
		r.opt.Logger.Warn("invalidation is pending", "facts", len(facts), "error", err)
		r.metrics.pending.Inc()
		r.hurry()
		return true, nil
	}
	r.metrics.direct.Add(float64(len(facts)))
	select {
	case r.applied <- ids:
	default: // the relay is behind; it will apply them once more, which does no harm
	}
	return false, nil
}

// commit runs do in a transaction, again if PostgreSQL chose it as the victim of a deadlock (two imports that share
// articles can meet), and returns the facts it left.
func (r *Relay) commit(ctx context.Context, do func(tx *gorm.DB) error) (facts []Fact, err error) {
	for range writeTries {
		err = r.opt.Gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
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
	// SQLSTATEs whose transactions PostgreSQL asks to be repeated.
	deadlockDetected, serializationFailure = "40P01", "40001"
)

// recorded reads what the triggers recorded in this transaction, for the relay's own region.
func (r *Relay) recorded(tx *gorm.DB) (facts []Fact, err error) {
	// Arrays travel as JSON because database/sql knows none.
	rows, err := tx.Raw(`SELECT id, table_name, operation, coalesce(array_to_json(keys), 'null')::text, coalesce(array_to_json(sources), 'null')::text
		FROM cache_outbox WHERE tx = pg_current_xact_id() AND region = ?`, r.opt.Region).Rows()
	if err != nil {
		return nil, fmt.Errorf("read back what the write changes: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var f Fact
		var keys, sources []byte
		if err := rows.Scan(&f.ID, &f.Table, &f.Operation, &keys, &sources); err != nil {
			return nil, fmt.Errorf("read back what the write changes: %w", err)
		}
		if err := errors.Join(json.Unmarshal(keys, &f.Keys), json.Unmarshal(sources, &f.Sources)); err != nil {
			return nil, fmt.Errorf("read back what the write changes: %w", err)
		}
		facts = append(facts, f)
	}
	return facts, rows.Err()
}

// hurry makes the relay look now.
func (r *Relay) hurry() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func collect(rows pgx.Rows) ([]Fact, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Fact, error) {
		var f Fact
		err := row.Scan(&f.ID, &f.Table, &f.Operation, &f.Keys, &f.Sources)
		return f, err
	})
}

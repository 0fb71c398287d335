package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// desk is what the worker has to write to the outbox. Requests that arrive while it is busy go into one statement.
type desk struct {
	mu      sync.Mutex
	applied []int64 // rows to delete
	refused []*refusal
	rest    time.Time // no claims before this time; used by the worker alone
}

// refusal holds facts that could not be applied.
type refusal struct {
	ids    []int64
	marked chan struct{} // closed when the outbox has them marked
}

// deskMost bounds what is kept while the outbox cannot be written; what is dropped is applied once more.
const deskMost = 100_000

func (d *desk) delete(ids []int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.applied)+len(ids) <= deskMost {
		d.applied = append(d.applied, ids...)
	}
}

func (d *desk) take() (applied []int64, refused []*refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	applied, refused = d.applied, d.refused
	d.applied, d.refused = nil, nil
	return applied, refused
}

func (d *desk) refuse(rs ...*refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = append(d.refused, rs...)
}

// forget removes a refusal whose writer no longer waits.
func (d *desk) forget(gone *refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, r := range d.refused {
		if r == gone {
			d.refused = append(d.refused[:i], d.refused[i+1:]...)
			return
		}
	}
}

// work writes to the outbox what has been applied and what could not be, and applies what nobody else has claimed.
func (r *Relay) work(ctx context.Context) error {
	err := r.clear(ctx)
	l := r.look.Load()
	if l == nil || l.err != nil || l.claimable == 0 || r.opt.Now().Before(r.desk.rest) {
		return err
	}
	for {
		n, claimErr := r.claim(ctx)
		err = errors.Join(err, claimErr)
		if claimErr != nil || n < claimMost {
			break
		}
	}
	r.looker.Wake()
	return err
}

// exec runs one statement on the connection for work.
func (r *Relay) exec(ctx context.Context, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	return r.opt.DB.Work.Do(ctx, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, sql, args...)
		return err
	})
}

// clear marks facts that could not be applied, for every instance to see, and deletes those that writers have applied. What
// fails now is tried again next time.
func (r *Relay) clear(ctx context.Context) error {
	applied, refused := r.desk.take()
	var errs []error
	if len(refused) > 0 {
		var ids []int64
		for _, f := range refused {
			ids = append(ids, f.ids...)
		}
		if err := r.mark(ctx, ids); err != nil {
			r.desk.refuse(refused...)
			errs = append(errs, err)
		} else {
			for _, f := range refused {
				close(f.marked)
			}
			r.looker.Wake()
		}
	}
	for len(applied) > 0 {
		n := min(len(applied), deleteMost)
		if err := r.delete(ctx, applied[:n]); err != nil {
			r.desk.delete(applied)
			errs = append(errs, err)
			break
		}
		applied = applied[n:]
	}
	if l := r.look.Load(); l != nil && l.pending > 0 && !r.MayServe() {
		r.looker.Wake()
	}
	return errors.Join(errs...)
}

// mark releases facts and closes every instance's gate at its next look.
func (r *Relay) mark(ctx context.Context, ids []int64) error {
	if err := r.exec(ctx, `UPDATE cache_outbox SET refused = true, held_until = NULL WHERE id = ANY($1)`, ids); err != nil {
		return fmt.Errorf("mark %d facts that could not be applied: %w", len(ids), err)
	}
	return nil
}

func (r *Relay) delete(ctx context.Context, ids []int64) error {
	if err := r.exec(ctx, `DELETE FROM cache_outbox WHERE id = ANY($1)`, ids); err != nil {
		return fmt.Errorf("delete %d applied facts: %w", len(ids), err)
	}
	return nil
}

// claim takes up to claimMost facts that nobody has claimed, applies and deletes them, and returns how many. Nothing is
// locked while Redis is asked: if the claimer dies, others take over its facts after the hold.
func (r *Relay) claim(ctx context.Context) (int, error) {
	var facts []Fact
	asking, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	err := r.opt.DB.Work.Do(asking, func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, claimQuery, r.opt.Region, claimMost, r.hold.Seconds())
		if err != nil {
			return err
		}
		facts, err = collect(rows)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("claim facts: %w", err)
	}
	if len(facts) == 0 {
		return 0, nil
	}
	ids, err := r.apply(ctx, facts)
	if err != nil {
		// This instance cannot apply them: it serves nothing from now on, and leaves the facts to others for a while.
		r.close(ids)
		r.desk.rest = r.opt.Now().Add(2 * r.opt.Poll)
		return 0, errors.Join(err, r.mark(ctx, ids))
	}
	r.metrics.relayed.Add(float64(len(facts)))
	if err := r.delete(ctx, ids); err != nil {
		r.desk.delete(ids)
		return 0, err
	}
	return len(facts), nil
}

const claimQuery = `
UPDATE cache_outbox SET held_until = clock_timestamp() + make_interval(secs => $3)
WHERE id IN (SELECT id FROM cache_outbox WHERE region = $1 AND (held_until IS NULL OR held_until <= clock_timestamp())
             ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id, table_name, operation, keys, labels`

func collect(rows pgx.Rows) ([]Fact, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Fact, error) {
		var f Fact
		err := row.Scan(&f.ID, &f.Table, &f.Operation, &f.Keys, &f.Labels)
		return f, err
	})
}

// apply invalidates what depends on the facts and returns their ids.
func (r *Relay) apply(ctx context.Context, facts []Fact) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	ids := make([]int64, 0, len(facts))
	seen := map[string]bool{}
	var deps []string
	for _, f := range facts {
		ids = append(ids, f.ID)
		for _, d := range r.opt.Rules.dependencies(f) {
			if !seen[d] {
				seen[d] = true
				deps = append(deps, d)
			}
		}
	}
	tell(ctx, deps)
	if err := r.cache.Invalidate(ctx, deps...); err != nil {
		return ids, fmt.Errorf("apply %d facts: %w", len(facts), err)
	}
	return ids, nil
}

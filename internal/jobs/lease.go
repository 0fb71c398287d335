package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A process that runs jobs gives a sign of life every few seconds. With it, it also looks for jobs whose process has not
// given one for the length of a lease, and releases them to others. River's own rescue only knows how long a job may take,
// and a pass over a newspaper may take twenty minutes.
//
// The other side of a lease: a process that could not give a sign for two thirds of it ends its jobs' contexts, because
// others may soon begin them. Times of the server's clock and times of this process's clock are never compared with each
// other.

// errLeaseLost is the cause of contexts that end because this process may be presumed dead.
var errLeaseLost = errors.New("jobs: no sign of life could be given for too long")

const (
	seen = `INSERT INTO job_workers (id, seen_at) VALUES ($1, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()`
	gone = `DELETE FROM job_workers WHERE seen_at < now() - interval '1 day'`

	// An attempt of a process that died counts, as in River's own rescue.
	rescue = `WITH lost AS (
	SELECT id FROM river_job AS j WHERE state = 'running' AND NOT EXISTS (
		SELECT FROM job_workers AS w WHERE w.id = j.attempted_by[array_upper(j.attempted_by, 1)] AND w.seen_at > now() - $1 * interval '1 microsecond')
	FOR UPDATE SKIP LOCKED
)
UPDATE river_job AS j SET
	state = (CASE WHEN attempt < max_attempts THEN 'available' ELSE 'discarded' END)::river_job_state,
	finalized_at = CASE WHEN attempt < max_attempts THEN NULL ELSE now() END,
	scheduled_at = now(),
	errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', attempt, 'error', 'the process that worked on it died or cannot be reached', 'trace', ''))
FROM lost WHERE j.id = lost.id`
)

// beat gives a sign of life, and starts the workers after the first one.
func (c *Client) beat(ctx context.Context) error {
	defer c.checkLease()
	began := time.Now()
	asking, cancel := context.WithTimeout(ctx, max(c.options.Beat, time.Second))
	defer cancel()
	if _, err := c.pool.Exec(asking, seen, c.id); err != nil {
		return fmt.Errorf("say that this process is there: %w", err)
	}
	c.mu.Lock()
	c.heard = began
	c.mu.Unlock()
	if err := c.startRiver(ctx); err != nil {
		return err
	}
	got, err := c.pool.Exec(asking, rescue, c.options.Lease.Microseconds())
	if err != nil {
		return fmt.Errorf("look for jobs whose process is gone: %w", err)
	}
	if n := got.RowsAffected(); n > 0 {
		c.metrics.rescued.Add(float64(n))
		c.log.Warn("took jobs over from a process that is gone", "jobs", n)
	}
	if _, err := c.pool.Exec(asking, gone); err != nil {
		return fmt.Errorf("forget processes: %w", err)
	}
	return nil
}

// checkLease gives up the running jobs if others may soon get them.
func (c *Client) checkLease() {
	c.mu.Lock()
	late := c.started && time.Since(c.heard) > c.options.Lease*2/3
	c.mu.Unlock()
	if !late {
		return
	}
	c.current.Range(func(_, cancel any) bool {
		cancel.(context.CancelCauseFunc)(errLeaseLost)
		return true
	})
}

// leave removes this process from the list once it runs no jobs. If that fails the row is deleted a day later.
func (c *Client) leave() {
	if !c.works {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := c.pool.Exec(ctx, `DELETE FROM job_workers WHERE id = $1`, c.id); err != nil {
		c.log.Debug("this process stays on the list of workers", "error", err)
	}
}

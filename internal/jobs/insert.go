package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
)

// askLimit bounds one query of the jobs' tables.
const askLimit = 5 * time.Second

// Inserted is the result of inserting a job.
type Inserted struct {
	ID int64
	// Duplicate says that such a job already existed and has not ended; this is it.
	Duplicate bool
	State     State
}

// Insert inserts a job that runs as soon as a worker is free.
func (c *Client) Insert(ctx context.Context, args Args) (Inserted, error) {
	return c.InsertAt(ctx, args, time.Time{})
}

// InsertAt inserts a job that runs at the given time; the zero time is now.
func (c *Client) InsertAt(ctx context.Context, args Args, at time.Time) (Inserted, error) {
	o, err := c.optsOf(args)
	if err != nil {
		return Inserted{}, err
	}
	o.ScheduledAt = at
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	got, err := c.river.Insert(ctx, args, o)
	if err != nil {
		return Inserted{}, fmt.Errorf("jobs: insert %s: %w", args.Kind(), err)
	}
	return Inserted{ID: got.Job.ID, Duplicate: got.UniqueSkippedAsDuplicate, State: State(got.Job.State)}, nil
}

// InsertMany inserts jobs, in one statement unless two are duplicates of each other, and returns the result for each in
// order. A duplicate is not an error.
func (c *Client) InsertMany(ctx context.Context, many []Args) ([]Inserted, error) {
	if len(many) == 0 {
		return nil, nil
	}
	params := make([]river.InsertManyParams, len(many))
	for i, args := range many {
		o, err := c.optsOf(args)
		if err != nil {
			return nil, err
		}
		params[i] = river.InsertManyParams{Args: args, InsertOpts: o}
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	got, err := c.river.InsertMany(ctx, params)
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == twiceInOne {
		return c.insertEach(ctx, many)
	}
	if err != nil {
		return nil, fmt.Errorf("jobs: insert %d: %w", len(many), err)
	}
	out := make([]Inserted, len(got))
	for i, g := range got {
		out[i] = Inserted{ID: g.Job.ID, Duplicate: g.UniqueSkippedAsDuplicate, State: State(g.Job.State)}
	}
	return out, nil
}

// twiceInOne is the SQLSTATE of a statement that would affect a row twice: two of the jobs are duplicates of each other.
const twiceInOne = "21000"

func (c *Client) insertEach(ctx context.Context, many []Args) ([]Inserted, error) {
	out := make([]Inserted, len(many))
	for i, args := range many {
		var err error
		if out[i], err = c.Insert(ctx, args); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Client) optsOf(args Args) (*river.InsertOpts, error) {
	if c.river == nil {
		return nil, errors.New("jobs: nothing is registered yet")
	}
	k, ok := c.kinds[args.Kind()]
	if !ok {
		return nil, fmt.Errorf("jobs: no worker is registered for %q", args.Kind())
	}
	return k.insertOpts(args), nil
}

// RunNow lets a job that waits for its time or for its next attempt begin now. It does not change a job that runs or has
// ended.
func (c *Client) RunNow(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	const wake = `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE id = $1 AND state IN ('scheduled', 'retryable')`
	if _, err := c.pool.Exec(ctx, wake, id); err != nil {
		return fmt.Errorf("jobs: run %d now: %w", id, err)
	}
	return nil
}

package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// State is the state of a job.
type State string

// The states of jobs, as in River.
const (
	Available State = "available" // waits for a worker
	Scheduled State = "scheduled" // waits for its time
	Retryable State = "retryable" // failed, and waits for its next attempt
	Running   State = "running"
	Completed State = "completed"
	Cancelled State = "cancelled" // ended without having been done
	Discarded State = "discarded" // failed in every attempt
	Pending   State = "pending"   // waits to be released
)

// Ended says whether the job has ended.
func (s State) Ended() bool { return s == Completed || s == Cancelled || s == Discarded }

// Info is the current state of a job.
type Info struct {
	ID                int64
	Kind, Queue       string
	State             State
	Attempt, Attempts int
	Args              json.RawMessage
	Progress          json.RawMessage // last reported by the job; nil = nothing yet
	Worker            string          // the process that runs it or ran it last
	Created           time.Time
	Scheduled         time.Time
	Begun             *time.Time // its latest attempt
	Ended             *time.Time
	Errors            []AttemptError // of the failed attempts, oldest first
}

// AttemptError is why an attempt failed.
type AttemptError struct {
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Error   string    `json:"error"`
}

// ErrNotFound means that there is no such job, or that it was deleted (a day after it ended; a week if it failed).
var ErrNotFound = errors.New("no such job")

// Filter selects jobs. Kinds is required.
type Filter struct {
	Kinds  []string
	States []State // empty = all
	Like   Args    // with these arguments, as far as they are not null; nil = any
	Before int64   // with lower ids; 0 = the newest
	Limit  int     // 0 = 50
}

const columns = `SELECT id, kind, queue, state::text, attempt, max_attempts, args, metadata -> 'progress', coalesce(attempted_by[array_upper(attempted_by, 1)], ''),
	created_at, scheduled_at, attempted_at, finalized_at, coalesce(to_jsonb(errors), '[]') FROM river_job `

// Get returns one job of one of these kinds.
func (c *Client) Get(ctx context.Context, id int64, kinds ...string) (Info, error) {
	found, err := c.query(ctx, columns+`WHERE id = $1 AND kind = ANY($2)`, id, kinds)
	if err != nil {
		return Info{}, err
	}
	if len(found) == 0 {
		return Info{}, fmt.Errorf("job %d: %w", id, ErrNotFound)
	}
	return found[0], nil
}

// List returns a page of jobs, the newest first.
func (c *Client) List(ctx context.Context, f Filter) ([]Info, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	like := []byte("{}")
	if f.Like != nil {
		var err error
		if like, err = json.Marshal(f.Like); err != nil {
			return nil, fmt.Errorf("jobs: list: %w", err)
		}
	}
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = string(s)
	}
	return c.query(ctx, columns+`WHERE kind = ANY($1) AND (cardinality($2::text[]) = 0 OR state = ANY($2::text[]::river_job_state[]))
		AND ($3::bigint = 0 OR id < $3) AND args @> jsonb_strip_nulls($4::jsonb) ORDER BY id DESC LIMIT $5`, f.Kinds, states, f.Before, string(like), f.Limit)
}

func (c *Client) query(ctx context.Context, sql string, args ...any) ([]Info, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	rows, err := c.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("jobs: look: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Info, error) {
		var i Info
		var failed []byte
		err := row.Scan(&i.ID, &i.Kind, &i.Queue, &i.State, &i.Attempt, &i.Attempts, &i.Args, &i.Progress, &i.Worker, &i.Created, &i.Scheduled, &i.Begun, &i.Ended, &failed)
		if err == nil {
			err = json.Unmarshal(failed, &i.Errors)
		}
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: look: %w", err)
	}
	return found, nil
}

// tellEvery is the least time between two records of a job's progress.
const tellEvery = 2 * time.Second

// Tell records the job's progress as JSON, at most every two seconds: calls in between are dropped, so that a job may call
// it as often as it likes. A failure is only logged, because progress is just for observers.
func (j *Job[T]) Tell(ctx context.Context, progress any) {
	if time.Since(j.told) < tellEvery {
		return
	}
	j.Conclude(ctx, progress)
}

// Conclude records the job's final progress immediately, even after the job's context has ended.
func (j *Job[T]) Conclude(ctx context.Context, progress any) {
	j.told = time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askLimit)
	defer cancel()
	b, err := json.Marshal(progress)
	if err == nil {
		_, err = j.client.pool.Exec(ctx, `UPDATE river_job SET metadata = jsonb_set(metadata, '{progress}', $2::jsonb) WHERE id = $1 AND state = 'running' AND attempt = $3`, j.ID, string(b), j.Attempt)
	}
	if err != nil {
		j.client.log.Warn("a job's progress was not recorded", "job", j.ID, "error", err)
	}
}

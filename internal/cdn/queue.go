package cdn

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"openlearn/internal/cache/httpcache/tags"
	"openlearn/internal/outbox"
)

// Region is the outbox's region of changes that are to be told.
const Region = "cdn"

// Bounds of the queue.
const (
	rowTags  = 100    // in one row, and in one delivery: CDNs take that many at once
	mostRows = 1000   // that wait; beyond, they become one that purges everything
	mostTags = 20_000 // of one handful of changes; beyond, everything is purged
	mostKept = 10_000 // facts of a feed that nobody reads

	// unread ends a feed that nobody reads. What was held then has expired: nobody says that more may be held unless the feed
	// is read.
	unread = MostAge + time.Hour
)

// Queue is what a CDN is still to be told, in PostgreSQL.
type Queue struct {
	pool *pgxpool.Pool
	feed *outbox.Feed
	all  string
}

// NewQueue makes a queue. all is the tag of every answer; feed is where changes come from.
func NewQueue(pool *pgxpool.Pool, feed *outbox.Feed, all string) *Queue {
	return &Queue{pool, feed, all}
}

// Purge has everything purged that depends on these, if anybody is told of changes. It is for what no recorded change stands
// for; the caches must have been invalidated before.
func (q *Queue) Purge(ctx context.Context, deps []string) error {
	joined, err := q.feed.Joined(ctx)
	if err == nil && joined && len(deps) > 0 {
		err = pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error { return q.put(ctx, tx, outbox.Handful{Deps: deps, Since: time.Now()}) })
	}
	if err != nil {
		return fmt.Errorf("tell the CDN: %w", err)
	}
	return nil
}

// PurgeAll is Purge for everything.
func (q *Queue) PurgeAll(ctx context.Context) error {
	joined, err := q.feed.Joined(ctx)
	if err == nil && joined {
		err = pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error { return q.everything(ctx, tx, time.Now()) })
	}
	if err != nil {
		return fmt.Errorf("tell the CDN: %w", err)
	}
	return nil
}

// Tend bounds what waits while nobody delivers. Every instance calls it now and then.
func (q *Queue) Tend(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, statementTime)
	defer cancel()
	return q.feed.Tend(ctx, unread, mostKept)
}

// put appends what a handful of changes purges.
func (q *Queue) put(ctx context.Context, tx pgx.Tx, h outbox.Handful) error {
	list := tags.Purge(h.Deps)
	if h.Unknown || len(list) > mostTags {
		return q.everything(ctx, tx, h.Since)
	}
	for chunk := range slices.Chunk(list, rowTags) {
		if _, err := tx.Exec(ctx, `INSERT INTO cdn_purges (tags, changed_at) VALUES ($1, $2)`, chunk, h.Since); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) everything(ctx context.Context, tx pgx.Tx, since time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO cdn_purges (tags, everything, changed_at) VALUES ($1, true, $2)`, []string{q.all}, since)
	return err
}

// move takes changes from the feed, and reports whether there may be more.
func (q *Queue) move(ctx context.Context) (more bool, err error) {
	const most = 500
	n, err := q.feed.Take(ctx, most, q.put)
	return n == most, err
}

// shrink replaces what has not been delivered, if it is too much, by one row for everything.
func (q *Queue) shrink(ctx context.Context, most int) error {
	_, err := q.pool.Exec(ctx, `
WITH gone AS (DELETE FROM cdn_purges WHERE id IN (
    SELECT id FROM cdn_purges WHERE delivered = 0 AND (held_until IS NULL OR held_until <= clock_timestamp())
    AND (SELECT count(*) FROM cdn_purges WHERE delivered = 0) > $2 FOR UPDATE SKIP LOCKED) RETURNING changed_at)
INSERT INTO cdn_purges (tags, everything, changed_at) SELECT $1, true, min(changed_at) FROM gone HAVING count(*) > 0`, []string{q.all}, most)
	if err != nil {
		return fmt.Errorf("shrink the CDN's queue: %w", err)
	}
	return nil
}

// purge is a row of the queue.
type purge struct {
	id         int64
	tags       []string
	everything bool
	changed    time.Time
	delivered  int
}

// claim takes up to most rows whose time has come, the oldest first. They are this instance's for a while.
func (q *Queue) claim(ctx context.Context, most int, hold time.Duration) ([]purge, error) {
	rows, err := q.pool.Query(ctx, `
WITH due AS (SELECT id FROM cdn_purges WHERE due_at <= clock_timestamp() AND (held_until IS NULL OR held_until <= clock_timestamp())
             ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE cdn_purges AS p SET held_until = clock_timestamp() + make_interval(secs => $2) FROM due WHERE p.id = due.id
RETURNING p.id, p.tags, p.everything, p.changed_at, p.delivered`, most, hold.Seconds())
	if err != nil {
		return nil, fmt.Errorf("claim purges: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p purge, err error) {
		err = row.Scan(&p.id, &p.tags, &p.everything, &p.changed, &p.delivered)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim purges: %w", err)
	}
	slices.SortFunc(list, func(a, b purge) int { return int(a.id - b.id) })
	return list, nil
}

// settle records that rows were acknowledged: the second delivery is due after again, and after that one they are done with.
func (q *Queue) settle(ctx context.Context, list []purge, again time.Duration) error {
	first, second := split(list)
	_, err := q.pool.Exec(ctx, `
WITH done AS (DELETE FROM cdn_purges WHERE id = ANY($2))
UPDATE cdn_purges SET delivered = 1, held_until = NULL, due_at = clock_timestamp() + make_interval(secs => $3) WHERE id = ANY($1)`, first, second, again.Seconds())
	if err != nil {
		return fmt.Errorf("record %d deliveries: %w", len(list), err)
	}
	return nil
}

func split(list []purge) (first, second []int64) {
	first, second = []int64{}, []int64{}
	for _, p := range list {
		if p.delivered == 0 {
			first = append(first, p.id)
		} else {
			second = append(second, p.id)
		}
	}
	return first, second
}

// release lets others have rows that were not delivered.
func (q *Queue) release(ctx context.Context, list []purge) error {
	if len(list) == 0 {
		return nil
	}
	first, second := split(list)
	_, err := q.pool.Exec(ctx, `UPDATE cdn_purges SET held_until = NULL WHERE id = ANY($1)`, append(first, second...))
	if err != nil {
		return fmt.Errorf("release %d purges: %w", len(list), err)
	}
	return nil
}

// waiting reports what has not been delivered once, and how old the oldest change among it is.
func (q *Queue) waiting(ctx context.Context) (n int64, oldest time.Duration, err error) {
	var age float64
	err = q.pool.QueryRow(ctx, `SELECT count(*), greatest(coalesce(extract(epoch FROM clock_timestamp() - min(changed_at)), 0), 0)::float8 FROM cdn_purges WHERE delivered = 0`).Scan(&n, &age)
	if err != nil {
		return 0, 0, fmt.Errorf("look at the CDN's queue: %w", err)
	}
	return n, time.Duration(age * float64(time.Second)), nil
}

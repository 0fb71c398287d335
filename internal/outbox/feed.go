package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Feed is another reader of what the triggers record, for whoever has to tell others of changes (a CDN). It has a region, and
// so rows of its own, which come with the transaction of the change, wait as long as they must, and are in nobody's way: the relays of caches
// never look at them. What it hands on has been invalidated in the caches before, so that whoever is told and asks at
// once does not get what was there before.
type Feed struct {
	opt   FeedOptions
	known map[int64]time.Time // facts whose turn has not come, by when they were first seen; used by Take alone
}

// FeedOptions configures a Feed.
type FeedOptions struct {
	// Pool is where its statements run.
	Pool *pgxpool.Pool
	// Region is the feed's; it must not be one of caches.
	Region string
	// Rules map facts to what they change for those who are told.
	Rules Rules
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// NewFeed makes a feed. Nothing is recorded for it until Join.
func NewFeed(o FeedOptions) *Feed {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Feed{opt: o, known: map[int64]time.Time{}}
}

// On is the same feed on other connections.
func (f *Feed) On(pool *pgxpool.Pool) *Feed {
	o := f.opt
	o.Pool = pool
	return NewFeed(o)
}

// Join has every change recorded for the feed from now on, if that is not so yet: then first runs in the same transaction.
func (f *Feed) Join(ctx context.Context, first func(context.Context, pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, f.opt.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `INSERT INTO cache_region (name, read_at, since_tx) VALUES ($1, clock_timestamp(), pg_current_xact_id()) ON CONFLICT DO NOTHING`, f.opt.Region)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		return first(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("join region %s of the outbox: %w", f.opt.Region, err)
	}
	return nil
}

// FeedState is what a feed finds.
type FeedState struct {
	Joined   bool
	Complete bool // every change that can still commit is recorded
	Waiting  int64
	Oldest   time.Duration // age of the oldest that waits
}

// Look reports the feed's state, and that it is being read.
func (f *Feed) Look(ctx context.Context) (s FeedState, err error) {
	var oldest float64
	err = f.opt.Pool.QueryRow(ctx, lookAtFeed, f.opt.Region, heartbeat.Seconds()).Scan(&s.Joined, &s.Complete, &s.Waiting, &oldest)
	if err != nil {
		return FeedState{}, fmt.Errorf("look at region %s of the outbox: %w", f.opt.Region, err)
	}
	s.Oldest = time.Duration(oldest * float64(time.Second))
	return s, nil
}

// heartbeat is how often a feed that is read says so.
const heartbeat = time.Minute

// A transaction that began before the region was there may have recorded its changes without it.
const lookAtFeed = `
WITH read AS (UPDATE cache_region SET read_at = clock_timestamp() WHERE name = $1 AND read_at < clock_timestamp() - make_interval(secs => $2))
SELECT EXISTS (SELECT FROM cache_region WHERE name = $1),
       coalesce((SELECT pg_snapshot_xmin(pg_current_snapshot()) > since_tx FROM cache_region WHERE name = $1), false),
       count(*), greatest(coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0), 0)::float8
FROM cache_outbox WHERE region = $1`

// Joined asks whether changes are recorded for the feed.
func (f *Feed) Joined(ctx context.Context) (joined bool, err error) {
	err = f.opt.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM cache_region WHERE name = $1)`, f.opt.Region).Scan(&joined)
	return joined, err
}

// Handful is what several facts change.
type Handful struct {
	Deps []string
	// Unknown says that there were more facts than were kept: anything may have changed.
	Unknown bool
	// Since is when the oldest was recorded.
	Since time.Time
}

// Take hands on up to most facts whose turn has come, and reports how many. give runs in the transaction that removes them.
//
// Its turn has come when no cache has a fact of the same transaction left to apply, or closedBy after it was first seen here:
// by then all instances that could not be told serve from the source.
func (f *Feed) Take(ctx context.Context, most int, give func(context.Context, pgx.Tx, Handful) error) (taken int, err error) {
	err = pgx.BeginFunc(ctx, f.opt.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, takeQuery, f.opt.Region, most)
		if err != nil {
			return err
		}
		now := f.opt.Now()
		var ids []int64
		var h Handful
		seen := map[string]bool{}
		for rows.Next() {
			var fact Fact
			var at time.Time
			var early bool
			if err := rows.Scan(&fact.ID, &fact.Table, &fact.Operation, &fact.Keys, &fact.Labels, &at, &early); err != nil {
				rows.Close()
				return err
			}
			if early {
				if _, ok := f.known[fact.ID]; !ok {
					f.known[fact.ID] = now
				}
				if now.Sub(f.known[fact.ID]) < closedBy {
					continue
				}
			}
			ids = append(ids, fact.ID)
			if h.Since.IsZero() || at.Before(h.Since) {
				h.Since = at
			}
			if fact.Table == everyTable {
				h.Unknown = true
				continue
			}
			for _, d := range f.opt.Rules.dependencies(fact) {
				if !seen[d] {
					seen[d] = true
					h.Deps = append(h.Deps, d)
				}
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		maps.DeleteFunc(f.known, func(_ int64, first time.Time) bool { return now.Sub(first) > knownFor })
		if taken = len(ids); taken == 0 {
			return nil
		}
		if _, err := tx.Exec(ctx, `DELETE FROM cache_outbox WHERE id = ANY($1)`, ids); err != nil {
			return err
		}
		return give(ctx, tx, h)
	})
	if err != nil {
		return 0, fmt.Errorf("take facts of region %s: %w", f.opt.Region, err)
	}
	return taken, nil
}

// knownFor is how long facts are remembered that others may have taken.
const knownFor = time.Minute

const takeQuery = `
SELECT id, table_name, operation, keys, labels, recorded_at,
       EXISTS (SELECT FROM cache_outbox AS own JOIN cache_region ON name = own.region WHERE own.tx = feed.tx AND read_at IS NULL)
FROM cache_outbox AS feed WHERE region = $1 ORDER BY id LIMIT $2 FOR UPDATE OF feed SKIP LOCKED`

// everyTable stands, in a feed's fact, for more than was kept.
const everyTable = "*"

// Tend bounds a feed that nobody reads: beyond most facts they become one, which says that anything may have changed, and
// after unread it ends. Every instance calls it now and then, whether or not it reads.
func (f *Feed) Tend(ctx context.Context, unread time.Duration, most int) error {
	err := pgx.BeginFunc(ctx, f.opt.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM cache_region WHERE name = $1 AND read_at < clock_timestamp() - make_interval(secs => $2)`, f.opt.Region, unread.Seconds())
		if err != nil {
			return err
		}
		if done.RowsAffected() > 0 {
			_, err := tx.Exec(ctx, `DELETE FROM cache_outbox WHERE region = $1`, f.opt.Region)
			return err
		}
		var many bool
		err = tx.QueryRow(ctx, `SELECT count(*) > $2 FROM (SELECT FROM cache_outbox WHERE region = $1 LIMIT $2 + 1) AS counted`, f.opt.Region, most).Scan(&many)
		if err != nil || !many {
			return err
		}
		// One that is being taken, or that caches have still to apply, stays.
		_, err = tx.Exec(ctx, `
WITH kept AS (SELECT id FROM cache_outbox AS feed WHERE region = $1
              AND NOT EXISTS (SELECT FROM cache_outbox AS own JOIN cache_region ON name = own.region WHERE own.tx = feed.tx AND read_at IS NULL)
              FOR UPDATE OF feed SKIP LOCKED),
     gone AS (DELETE FROM cache_outbox USING kept WHERE cache_outbox.id = kept.id RETURNING recorded_at)
INSERT INTO cache_outbox (region, table_name, operation, recorded_at) SELECT $1, $2, 'UPDATE', min(recorded_at) FROM gone HAVING count(*) > 0`, f.opt.Region, everyTable)
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("tend region %s of the outbox: %w", f.opt.Region, err)
	}
	return nil
}

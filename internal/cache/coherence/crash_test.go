package coherence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"openlearn/internal/cache"
	"openlearn/internal/outbox"
	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

// instance is one instance of the service: a database pool, a relay, and a cache with the relay as its gate.
type instance struct {
	t      *testing.T
	db     *postgres.DB
	relay  *outbox.Relay
	cache  *cache.Cache
	titles *cache.Func[int64, string]
}

// titles is the instances' one layer.
const titles = "titles"

func dependencies(f outbox.Fact) []string {
	deps := []string{"articles"}
	for _, k := range f.Keys {
		deps = append(deps, "article:"+k)
	}
	return deps
}

// newInstance makes an instance with its relay, or without relay and gate: the control.
func newInstance(t *testing.T, dsn string, rdb redis.UniversalClient, gated bool) *instance {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: dsn, MaxConns: 4}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, db: db}
	i.relay = outbox.New(outbox.Options{DB: db, Rules: outbox.Rules{"scraped_content": dependencies}})
	o := cache.Options{
		Redis: rdb, Layers: []cache.Layer{cache.Graced(cache.Layer{Name: titles, Namespace: titles, TTL: time.Hour})},
		RedisTimeout: 300 * time.Millisecond, BreakerProbe: 20 * time.Millisecond, EarlyRefresh: -1,
	}
	if gated {
		o.Gate = i.relay.MayServe
	}
	if i.cache, err = cache.New(o); err != nil {
		t.Fatal(err)
	}
	if err := i.cache.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if gated {
		i.relay.Start(context.Background(), i.cache)
	}
	i.titles = cache.Wrap(i.cache, cache.Spec[int64]{
		Layer: titles,
		Key:   func(id int64) cache.Key { return cache.Key{ID: strconv.FormatInt(id, 10)} },
		Deps:  func(id int64) []string { return []string{"article:" + strconv.FormatInt(id, 10), "articles"} },
	}, func(ctx context.Context, id int64) (title string, err error) {
		err = db.Pool.QueryRow(ctx, `SELECT title FROM scraped_content WHERE id = $1`, id).Scan(&title)
		return title, err
	})
	t.Cleanup(func() {
		i.relay.Close()
		if err := errors.Join(i.cache.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return i
}

func (i *instance) title() (string, cache.Origin) {
	i.t.Helper()
	v, info, err := i.titles.GetInfo(i.t.Context(), 1)
	if err != nil {
		i.t.Fatal(err)
	}
	return v, info.Source
}

// servesFromCache waits until the title comes out of Redis or memory.
func (i *instance) servesFromCache(want string) {
	i.t.Helper()
	testkit.Eventually(i.t, "entries are served", func() bool {
		v, from := i.title()
		if from == cache.FromBypass { // the database's, which says nothing about entries
			return false
		}
		if v != want {
			i.t.Fatalf("%q from %v, want %q", v, from, want)
		}
		return from == cache.FromRedis || from == cache.FromNear
	})
}

// settled waits until what was inserted has been applied: the writer that is to die after its own commit must find
// nothing else to do.
func (i *instance) settled() {
	i.t.Helper()
	testkit.Eventually(i.t, "nothing is pending", func() bool {
		var n int
		err := i.db.Pool.QueryRow(i.t.Context(), `SELECT count(*) FROM cache_outbox`).Scan(&n)
		return err == nil && n == 0
	})
	i.servesFromCache("old")
}

func (i *instance) psql(sql string, args ...any) {
	i.t.Helper()
	if _, err := i.db.Pool.Exec(i.t.Context(), sql, args...); err != nil {
		i.t.Fatal(err)
	}
}

const (
	insertArticle = `INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (1, 'A', 'u', 'old', 'c')`
	setTitle      = `UPDATE scraped_content SET title = $1 WHERE id = 1`
)

// dies is an Invalidator that is killed as it is asked: after the commit, before anything has reached Redis.
type dies struct{}

func (dies) Invalidate(context.Context, ...string) error {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// writeAndDie commits a write through the outbox and is killed before it is applied.
func (w *worker) writeAndDie() error {
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Config{URL: w.Args["database"]}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	r := outbox.New(outbox.Options{DB: db, Rules: outbox.Rules{"scraped_content": dependencies}})
	r.Start(ctx, dies{})
	_, err = r.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE scraped_content SET title = 'new' WHERE id = 1`).Error
	})
	return fmt.Errorf("still alive after the write: %w", err)
}

// killAWriter has another process commit and die.
func killAWriter(t *testing.T, dsn string) {
	t.Helper()
	m, path := newMemory(t)
	crew := start(t, m, 1, order{Role: "writer", Memory: path, Args: map[string]string{"database": dsn}})
	h := crew.hands[0]
	crew.hands = nil
	err := h.cmd.Wait()
	if status, ok := h.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the writer was not killed: %v\n%s", err, h.stderr)
	}
}

// outage is how long Redis is away: a minute in the long runs, else until the gate has shut.
func outage(t *testing.T) time.Duration {
	if howLong(t) > time.Minute {
		return time.Minute
	}
	return 0
}

// A writer is killed between its commit and its invalidation while Redis is away. After Redis is back, no read on an
// instance that had no part in the write shows what was there before the commit.
func TestKilledBetweenCommitAndInvalidation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ away, back func(*node) error }{
		// Frozen, Redis comes back with all connections and everything it held.
		"frozen": {func(n *node) error { return n.Pause() }, func(n *node) error { return n.Resume() }},
		// Killed, it comes back with its log.
		"killed": {func(n *node) error { return n.Kill() }, func(n *node) error { return n.Start(context.Background()) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, n := testkit.Database(t), startNode(t)
			other := newInstance(t, dsn, n.rdb, true)
			other.psql(insertArticle)
			other.servesFromCache("old")
			other.settled()
			n.must("stop", c.away(n))
			killAWriter(t, dsn)
			began := time.Now()
			testkit.Eventually(t, "what is pending shuts the gate", func() bool { return !other.relay.MayServe() })
			for time.Since(began) < outage(t) {
				if v, from := other.title(); v != "new" {
					t.Fatalf("%q from %v during the outage", v, from)
				}
				time.Sleep(100 * time.Millisecond)
			}
			n.must("bring back", c.back(n))
			other.servesFromCache("new") // fails on any read that shows the old title
			for range 100 {
				if v, from := other.title(); v != "new" {
					t.Fatalf("%q from %v after the recovery", v, from)
				}
			}
		})
	}
}

// The control: without relay and gate the old title is still there, and is served.
func TestWithoutTheOutboxTheOldValueStays(t *testing.T) {
	t.Parallel()
	dsn, n := testkit.Database(t), startNode(t)
	other := newInstance(t, dsn, n.rdb, false)
	other.psql(insertArticle)
	other.servesFromCache("old")
	other.psql(`DELETE FROM cache_outbox`) // nobody applies the insert
	n.must("stop", n.Pause())
	killAWriter(t, dsn)
	n.must("bring back", n.Resume())
	other.servesFromCache("old")
}

// What is changed in psql is visible through every instance soon: within a second, as measured, and in any case
// eventually.
func TestAChangeByPlainSQLIsVisibleOnEveryInstance(t *testing.T) {
	t.Parallel()
	dsn, n := testkit.Database(t), startNode(t)
	instances := []*instance{newInstance(t, dsn, n.rdb, true), newInstance(t, dsn, n.rdb, true)}
	instances[0].psql(insertArticle)
	before := "old"
	var took []time.Duration
	for i := range 10 {
		for _, one := range instances {
			testkit.Eventually(t, "entries are served", func() bool {
				v, from := one.title()
				return v == before && (from == cache.FromRedis || from == cache.FromNear)
			})
		}
		before = strconv.Itoa(i)
		instances[0].psql(setTitle, before)
		began := time.Now()
		for _, one := range instances {
			testkit.Eventually(t, "the change is visible", func() bool { v, _ := one.title(); return v == before })
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("a change by plain SQL was visible on both instances after %v (median), %v (longest)", took[len(took)/2], took[len(took)-1])
}

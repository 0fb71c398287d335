package guard

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/devstack"
	"openlearn/internal/testkit"
)

// ok fails the test if an error came.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWithoutRedisEachInstanceCounts: what a client gets, spread over the instances, is its limit within a fifth; what it had
// spent before counts; and no request waits for long.
func TestWithoutRedisEachInstanceCounts(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*devstack.Redis) error{"dead": (*devstack.Redis).Kill, "hung": (*devstack.Redis).Pause} {
		for _, instances := range []int{1, 2, 3} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				server := testkit.RedisServer(t)
				ro, err := redis.ParseURL(server.URL())
				if err != nil {
					t.Fatal(err)
				}
				r := newRigOn(t, instances, Tier{Minute: 600, Hour: 100_000}, ro, 0)
				for range 2 {
					for _, l := range r.every {
						if err := l.Beat(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
				before := int64(0)
				for n := range 120 {
					if r.take(n%instances, 1).OK {
						before++
					}
				}
				ok(t, stop(server))
				got := before
				for n := range 5000 {
					if r.take(n%instances, 1).OK {
						got++
					}
				}
				if before != 120 || got < 480 || got > 720 {
					t.Errorf("%d before and %d in all, of 600", before, got)
				}
				if name == "hung" {
					ok(t, server.Resume())
					for _, l := range r.every {
						testkit.Eventually(t, "the limiter is back", func() bool { return !l.down.Load() })
					}
					for n := range 1000 {
						if r.take(n%instances, 1).OK {
							got++
						}
					}
					if got > 720 {
						t.Errorf("what was spent meanwhile is forgotten: %d in all", got)
					}
				}
			})
		}
	}
}

// TestNobodyWaitsForAHungRedis: a request's wait is bounded, and the first to notice tell the others.
func TestNobodyWaitsForAHungRedis(t *testing.T) {
	t.Parallel()
	server := testkit.RedisServer(t)
	ro, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	tier := &Tier{Name: "test", Minute: 600, Hour: 10_000}
	l, err := New(Options{Redis: ro, Logger: slog.New(slog.DiscardHandler)}, tier)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	testkit.Eventually(t, "Redis decides", func() bool {
		l.Take(t.Context(), someone, tier, 1)
		return !l.down.Load()
	})
	before, told := l.failures.Load(), testutil.ToFloat64(l.met.redis)
	ok(t, server.Pause())
	defer func() { ok(t, server.Resume()) }()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			who := Client{Known: string(rune('a' + i%5))}
			for range 20 {
				l.Take(t.Context(), who, tier, 1)
			}
		})
	}
	wg.Wait()
	if !l.down.Load() {
		t.Error("nobody noticed")
	}
	if n := testutil.ToFloat64(l.met.redis) - told; n > 0 {
		t.Errorf("Redis decided on %v requests", n)
	}
	// Each client's first question may be on its way before the first failure is noted. None comes after it.
	if n := l.failures.Load() - before; n < 1 || n > 5 {
		t.Errorf("%d questions waited in vain", n)
	}
}

// TestARedisThatRefusesWritesIsAway, and is asked again until it takes them.
func TestARedisThatRefusesWritesIsAway(t *testing.T) {
	t.Parallel()
	server := testkit.RedisServer(t)
	ro, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	r := newRigOn(t, 1, Tier{Minute: 60, Hour: 1000}, ro, 0)
	set := func(name, value string) {
		c := redis.NewClient(ro)
		defer func() { _ = c.Close() }()
		if err := c.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("min-replicas-to-write", "1")
	if got := r.drain(0, 1); got != 60 {
		t.Errorf("%d of 60", got)
	}
	if !r.every[0].down.Load() {
		t.Error("it is not noticed")
	}
	set("min-replicas-to-write", "0")
	testkit.Eventually(t, "the limiter is back", func() bool { return !r.every[0].down.Load() })
	r.clk.Advance(time.Second)
	if !r.take(0, 1).OK {
		t.Error("refused")
	}
	if n, err := r.every[0].rdb.Exists(t.Context(), someone.redisKey()).Result(); err != nil || n != 1 {
		t.Errorf("Redis was not told: %d, %v", n, err)
	}
}

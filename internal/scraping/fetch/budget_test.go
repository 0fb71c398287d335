package fetch

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/scraping/source"
	"openlearn/internal/testkit"
)

// watch is a clock that tests move.
type watch struct{ at atomic.Int64 }

func newWatch() *watch {
	w := &watch{}
	w.at.Store(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixMicro())
	return w
}

func (w *watch) now() time.Time        { return time.UnixMicro(w.at.Load()) }
func (w *watch) move(by time.Duration) { w.at.Add(by.Microseconds()) }

// sleep moves the clock instead of waiting.
func (w *watch) sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		w.move(d)
	}
	return ctx.Err()
}

// TestBudgetsOfOneProcessAndOfAllAreTheSame plays the same history of hosts to both implementations.
func TestBudgetsOfOneProcessAndOfAllAreTheSame(t *testing.T) {
	t.Parallel()
	client := testkit.Redis(t)
	for seed := range uint64(4) {
		w := newWatch()
		own, shared := newLocalBudgets(w.now), RedisBudgets{Client: client, Now: w.now}
		r := rand.New(rand.NewPCG(seed, 1))
		host := "host-" + string(rune('a'+seed))
		for i := range 200 {
			w.move(time.Duration(r.IntN(40_000)) * time.Millisecond)
			if r.IntN(2) == 0 {
				o := Outcome{OK: r.IntN(3) == 0, Took: time.Duration(r.IntN(5000)) * time.Millisecond}
				if !o.OK {
					o.Failed, o.Refused = r.IntN(3) > 0, r.IntN(4) == 0
				}
				if r.IntN(10) == 0 {
					o.RetryAfter = time.Duration(r.IntN(300)) * time.Second
				}
				must(t, own.Told(t.Context(), host, o))
				must(t, shared.Told(t.Context(), host, o))
				want, err := own.Resting(t.Context(), host)
				must(t, err)
				if got, err := shared.Resting(t.Context(), host); err != nil || (got-want).Abs() > time.Millisecond {
					t.Fatalf("seed %d, step %d: %v, rests %v; this process says %v", seed, i, err, got, want)
				}
				continue
			}
			ask := Ask{
				Interval: time.Duration(1+r.IntN(20)) * time.Second, Jitter: r.Float64(), Patience: time.Duration(r.IntN(100)) * time.Second,
				Most: time.Duration(r.IntN(200)) * time.Second,
			}
			want, err := own.Take(t.Context(), host, ask)
			must(t, err)
			got, err := shared.Take(t.Context(), host, ask)
			must(t, err)
			if got.Resting != want.Resting || got.Late != want.Late || (got.Wait-want.Wait).Abs() > time.Millisecond {
				t.Fatalf("seed %d, step %d: %+v of %+v; this process says %+v", seed, i, got, ask, want)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAHostsBudget(t *testing.T) {
	t.Parallel()
	w := newWatch()
	b := newLocalBudgets(w.now)
	wait := func(ask Ask) time.Duration {
		t.Helper()
		ask.Most, ask.Patience = max(ask.Most, time.Hour), max(ask.Patience, 30*time.Second)
		turn, err := b.Take(t.Context(), "h", ask)
		must(t, err)
		if turn.Resting {
			return -turn.Wait
		}
		return turn.Wait
	}
	check := func(what string, got, want time.Duration) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	six := Ask{Interval: 6 * time.Second}
	check("the first", wait(six), 0)
	check("the second", wait(six), 6*time.Second)
	check("one with a longer interval of its own", wait(Ask{Interval: time.Minute}), 66*time.Second)
	w.move(3 * time.Minute)
	must(t, b.Told(t.Context(), "h", Outcome{OK: true, Took: 20 * time.Second}))
	check("after a pause", wait(six), 0)
	check("of a slow host", wait(six), 40*time.Second)
	for range 20 {
		must(t, b.Told(t.Context(), "h", Outcome{Took: time.Millisecond, Failed: false})) // 404s, say
	}
	check("errors shorten nothing", wait(six), 80*time.Second)
	w.move(time.Hour)
	for range refusalsUntilRest {
		must(t, b.Told(t.Context(), "h", Outcome{Refused: true}))
	}
	check("refused thrice", wait(six), -15*time.Minute)
	w.move(15 * time.Minute)
	must(t, b.Told(t.Context(), "h", Outcome{Refused: true}))
	check("and once more", wait(six), -30*time.Minute)
	w.move(30 * time.Minute)
	must(t, b.Told(t.Context(), "h", Outcome{OK: true, RetryAfter: 0}))
	for range failuresUntilRest {
		must(t, b.Told(t.Context(), "h", Outcome{Failed: true}))
	}
	check("failed six times", wait(six), -time.Minute)
	must(t, b.Told(t.Context(), "h", Outcome{Failed: true, RetryAfter: 2 * time.Hour}))
	check("Retry-After", wait(six), -2*time.Hour)
}

// gate measures by a clock how close together requests come.
type gate struct {
	now  func() time.Time
	mu   sync.Mutex
	last time.Time
	n    int
	gaps []time.Duration
}

func (g *gate) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.now(); g.n > 0 {
		g.gaps = append(g.gaps, at.Sub(g.last))
		g.last = at
	} else {
		g.last = at
	}
	g.n++
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<p>x")
}

// paced is a Fetcher that runs on a test's clock.
func paced(t *testing.T, w *watch, budgets Budgets) *Fetcher {
	t.Helper()
	f := New(Config{Budgets: budgets, Now: w.now, Sleep: w.sleep, Backoff: time.Second})
	t.Cleanup(f.Close)
	return f
}

// TestInstancesShareABudget: each waits for the requests of the other, robots.txt included.
func TestInstancesShareABudget(t *testing.T) {
	t.Parallel()
	w := newWatch()
	g := &gate{now: w.now}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	budgets := RedisBudgets{Client: testkit.Redis(t), Now: w.now}
	src := source.Source{ID: "x", Name: "x", BaseURL: server.URL, RequestsPerMinute: 10, AllowLoopback: true}
	fetchers := []*Fetcher{paced(t, w, budgets), paced(t, w, budgets), paced(t, w, budgets)}
	for i := range 12 {
		accept := AcceptPage
		if i%2 == 0 {
			accept = AcceptFeed
		}
		_, err := fetchers[i%3].Get(t.Context(), src, server.URL+"/x", accept, Validators{})
		must(t, err)
	}
	if g.n != 15 { // robots.txt three times: they share no State here
		t.Errorf("%d requests", g.n)
	}
	for i, gap := range g.gaps {
		if gap < 6*time.Second || gap > 6*time.Second*12/10+time.Second {
			t.Errorf("request %d came %v after the one before", i+1, gap)
		}
	}
}

// TestWithoutRedisThePaceIsOnesOwn: Redis is away from the first request on, or goes away later.
func TestWithoutRedisThePaceIsOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWatch()
	g := &gate{now: w.now}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	src := source.Source{ID: "x", Name: "x", BaseURL: server.URL, RequestsPerMinute: 10, AllowLoopback: true}
	closed := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	must(t, closed.Close())
	there := &goingAway{Budgets: RedisBudgets{Client: testkit.Redis(t), Now: w.now}}
	for name, budgets := range map[string]Budgets{"from the start": RedisBudgets{Client: closed, Now: w.now}, "later": there} {
		f := paced(t, w, budgets)
		w.move(time.Hour)
		g.gaps, g.n = nil, 0
		for i := range 6 {
			there.gone.Store(i > 2)
			_, err := f.Get(t.Context(), src, server.URL+"/x", AcceptPage, Validators{})
			must(t, err)
		}
		if g.n != 7 || !f.alone.Load() {
			t.Errorf("%s: %d requests, alone %v", name, g.n, f.alone.Load())
		}
		for i, gap := range g.gaps {
			if gap < 6*time.Second {
				t.Errorf("%s: request %d came %v after the one before", name, i+1, gap)
			}
		}
	}
}

// goingAway are budgets that are unavailable for a while.
type goingAway struct {
	Budgets
	gone atomic.Bool
}

var errGone = errors.New("gone")

func (b *goingAway) Take(ctx context.Context, host string, ask Ask) (Turn, error) {
	if b.gone.Load() {
		return Turn{}, errGone
	}
	return b.Budgets.Take(ctx, host, ask)
}

func (b *goingAway) Resting(ctx context.Context, host string) (time.Duration, error) {
	if b.gone.Load() {
		return 0, errGone
	}
	return b.Budgets.Resting(ctx, host)
}

func (b *goingAway) Told(ctx context.Context, host string, o Outcome) error {
	if b.gone.Load() {
		return errGone
	}
	return b.Budgets.Told(ctx, host, o)
}

// TestWhoWaitsHearsOfARest: a turn that was taken before the host asked to be left alone is given up.
func TestWhoWaitsHearsOfARest(t *testing.T) {
	t.Parallel()
	for _, budgets := range []func(w *watch) Budgets{
		func(w *watch) Budgets { return RedisBudgets{Client: testkit.Redis(t), Now: w.now} },
		func(*watch) Budgets { return nil },
	} {
		w := newWatch()
		g := &gate{now: w.now}
		server := httptest.NewServer(g)
		t.Cleanup(server.Close)
		src := source.Source{ID: "x", Name: "x", BaseURL: server.URL, RequestsPerMinute: 10, AllowLoopback: true}
		f := paced(t, w, budgets(w))
		var once sync.Once
		f.cfg.Sleep = func(ctx context.Context, d time.Duration) error { // while it waits, the answer to another request comes
			once.Do(func() { f.told(ctx, source.BareAuthority(src.Site().Base()), Outcome{RetryAfter: time.Hour}) })
			return w.sleep(ctx, d)
		}
		_, err := f.Get(t.Context(), src, server.URL+"/x", AcceptPage, Validators{})
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Reason != ReasonThrottled || g.n != 1 {
			t.Errorf("%v, %d requests; want robots.txt alone", err, g.n)
		}
	}
}

func TestTooManyRequestsInARowAreARest(t *testing.T) {
	t.Parallel()
	w := newWatch()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		asked.Add(1)
		rw.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	src := source.Source{ID: "x", Name: "x", BaseURL: server.URL, RequestsPerMinute: 10, AllowLoopback: true}
	f := paced(t, w, nil)
	throttled := 0
	for range 20 {
		_, err := f.Get(t.Context(), src, server.URL+"/x", AcceptPage, Validators{})
		if failed, ok := errors.AsType[*Error](err); ok && failed.Reason == ReasonThrottled && failed.RetryAfter > 14*time.Minute {
			throttled++
		}
	}
	if n := asked.Load(); n != refusalsUntilRest || throttled != 19 {
		t.Errorf("%d requests, %d told of the rest", n, throttled)
	}
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		h    http.Header
		want time.Duration
	}{
		"none":         {http.Header{}, 0},
		"max-age":      {http.Header{"Cache-Control": {"public, Max-Age=600"}}, 10 * time.Minute},
		"aged":         {http.Header{"Cache-Control": {"max-age=600"}, "Age": {"540"}}, time.Minute},
		"older":        {http.Header{"Cache-Control": {"max-age=600"}, "Age": {"5400"}}, 0},
		"a year":       {http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
		"not a number": {http.Header{"Cache-Control": {"max-age=x"}}, 0},
		"huge":         {http.Header{"Cache-Control": {"max-age=9223372036854775807"}}, 24 * time.Hour},
		"no-store":     {http.Header{"Cache-Control": {"no-store, max-age=600"}}, 0},
		"no-cache":     {http.Header{"Cache-Control": {"no-cache"}, "Expires": {"Thu, 01 Jan 2026 01:00:00 GMT"}}, 0},
		"expires":      {http.Header{"Expires": {"Thu, 01 Jan 2026 01:00:00 GMT"}}, time.Hour},
		"by its clock": {http.Header{"Expires": {"Thu, 01 Jan 2026 01:00:00 GMT"}, "Date": {"Thu, 01 Jan 2026 00:30:00 GMT"}}, 30 * time.Minute},
		"expired":      {http.Header{"Expires": {"0"}}, 0},
		"both":         {http.Header{"Cache-Control": {"max-age=60"}, "Expires": {"Thu, 01 Jan 2026 01:00:00 GMT"}}, time.Minute},
	} {
		if got := lifetime(c.h, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

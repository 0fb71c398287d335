package replay

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// real is package cache on a real Redis, with the clock and the random numbers of the simulated engine.
type real struct {
	t     *testing.T
	c     *cache.Cache
	f     *cache.Func[int32, int32]
	now   atomic.Int64
	loads atomic.Int64
}

const epoch = 1_772_000_000_000 // ms; the trace begins then

func newReal(t *testing.T, e *Engine, random func() float64) *real {
	r := &real{t: t}
	r.now.Store(epoch)
	c, err := cache.New(cache.Options{
		Redis: testkit.Redis(t), Now: func() time.Time { return time.UnixMilli(r.now.Load()) }, Rand: random,
		Jitter: e.Jitter, EarlyRefresh: -1, // what a load costs is measured by real clocks
		Layers: []cache.Layer{{Name: "x", Namespace: "x", Tier: cache.L1, TTL: e.TTL, StaleWhileRevalidate: e.Revalidate, StaleIfError: e.TTL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	r.c = c
	r.f = cache.Wrap(c, cache.Spec[int32]{Layer: "x", Key: keyOf}, func(_ context.Context, k int32) (int32, error) {
		r.loads.Add(1)
		return k, nil
	})
	return r
}

func keyOf(k int32) cache.Key { return cache.Key{ID: strconv.Itoa(int(k))} }

// read is a reader's request, and waits for the refresh behind it: in the simulation that takes no time.
func (r *real) read(key int32, ms int64) (hit bool) {
	r.t.Helper()
	r.now.Store(epoch + ms)
	_, info, err := r.f.GetInfo(r.t.Context(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	from := info.Source
	for deadline := time.Now().Add(30 * time.Second); info.Stale; {
		if time.Now().After(deadline) {
			r.t.Fatalf("no refresh of %d behind a stale hit", key)
		}
		// Inspect begins no refresh: a read that meets the end of one may begin another.
		if r.refreshed(key) {
			break
		}
		// Asked again: hours pass in no time here, and a refresh does not begin until the key's last one has been
		// cleared away.
		if _, info, err = r.f.GetInfo(r.t.Context(), key); err != nil {
			r.t.Fatal(err)
		}
	}
	return from == cache.FromRedis || from == cache.FromNear
}

// refreshed waits a while for a key's entry to be fresh.
func (r *real) refreshed(key int32) bool {
	for patience := time.Now().Add(time.Second); time.Now().Before(patience); {
		if found, err := r.c.Inspect(r.t.Context(), "x", keyOf(key).ID); err == nil && found.Current && !found.Stale {
			return true
		}
	}
	return false
}

// TestTheEngineIsThisEngine compares the simulation with the cache itself: on one trace, readers' and warming reads,
// each hit and each load are the same.
func TestTheEngineIsThisEngine(t *testing.T) {
	t.Parallel()
	chances := func() func() float64 { return rand.New(rand.NewPCG(8, 8)).Float64 }
	trace := Diurnal(Shape{Seed: 8, Keys: 12, PerHour: 40, Skew: 1, Hours: 30})
	e := NewEngine(trace.Keys, chances())
	e.EarlyRefresh = 0
	r := newReal(t, e, chances())
	rates := make([]float64, trace.Keys)
	n, stale := 0, 0
	for h := range trace.Hours {
		trace.Rates(h, rates)
		for _, q := range trace.Requests(h, rates) {
			if n++; n%10 == 0 { // the warmer looks at two keys
				r.now.Store(epoch + q.MS)
				for _, k := range []int32{q.Key / 2, q.Key} {
					e.Warm(k, q.MS)
					if got := r.f.GetMany(cache.Warming(t.Context()), []int32{k}); got[0].Err != nil {
						t.Fatal(got[0].Err)
					}
				}
			}
			before := e.Loads
			want, got := e.Read(q.Key, q.MS), r.read(q.Key, q.MS)
			if want != got || int64(e.Loads) != r.loads.Load() {
				t.Fatalf("request %d (key %d at %d ms): simulated hit %v with %d loads, real %v with %d", n, q.Key, q.MS, want, e.Loads, got, r.loads.Load())
			}
			if want && e.Loads > before {
				stale++
			}
		}
	}
	if stale < 5 || e.Warmed < 5 || e.Hits == e.Requests || n < 500 {
		t.Errorf("the trace tests too little: %+v, %d stale", e.Tally, stale)
	}
}

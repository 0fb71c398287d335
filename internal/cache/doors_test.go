package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

// room is a cache in which one behaviour of reads is tested.
type room struct {
	t    *testing.T
	c    *Cache
	clk  *testkit.Clock
	f    *counted
	open bool // the gate
	// read reads entry 1 through the door under test and describes the answer.
	read func(ctx context.Context) string
}

func describe(r Loaded[int]) string {
	s := fmt.Sprintf("%d from %v", r.Value, r.Info.Source)
	if r.Info.Stale {
		s += ", stale"
	}
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

// doors are the ways to read an entry.
var doors = []struct {
	name  string
	alone bool // nothing else is read: the counters must be the same, too
	batch bool // a batch loader is there
	read  func(ctx context.Context, f *counted) Loaded[int]
}{
	{name: "Get", alone: true, read: func(ctx context.Context, f *counted) Loaded[int] {
		v, info, err := f.GetInfo(ctx, 1)
		return Loaded[int]{v, err, info}
	}},
	{name: "GetPlaced", alone: true, read: func(ctx context.Context, f *counted) Loaded[int] {
		p, err := f.Place(1)
		if err != nil {
			return Loaded[int]{Err: err}
		}
		v, info, err := f.GetPlaced(ctx, &p, 1)
		return Loaded[int]{v, err, info}
	}},
	{name: "GetMany of one", alone: true, read: func(ctx context.Context, f *counted) Loaded[int] { return f.GetMany(ctx, []int{1})[0] }},
	{name: "GetMany of one, batch loader", alone: true, batch: true, read: func(ctx context.Context, f *counted) Loaded[int] {
		return f.GetMany(ctx, []int{1})[0]
	}},
	{name: "GetMany of three", read: func(ctx context.Context, f *counted) Loaded[int] { return f.GetMany(ctx, []int{2, 1, 3})[1] }},
	{name: "GetMany of three, batch loader", batch: true, read: func(ctx context.Context, f *counted) Loaded[int] {
		return f.GetMany(ctx, []int{2, 1, 3})[1]
	}},
}

// behaviours are what a read may meet. Each step is a description of what the
// reader was given.
var behaviours = []struct {
	name    string
	layer   func(*Layer)
	options func(*Options)
	script  func(r *room) []string
	want    []string
}{
	{
		name: "hit", layer: func(l *Layer) { l.Near.Mode = NearOff },
		script: func(r *room) []string { return r.reads(2) },
		want:   []string{"0 from source", "0 from redis"},
	}, {
		name:   "near hit",
		script: func(r *room) []string { return r.reads(2) },
		want:   []string{"0 from source", "0 from near"},
	}, {
		name: "near entry no longer current",
		script: func(r *room) []string {
			out := r.reads(2)
			r.f.value.Store(1)
			r.invalidate("thing:1")
			return append(out, r.reads(2)...)
		},
		want: []string{"0 from source", "0 from near", "1 from source", "1 from near"},
	}, {
		name:  "near hit without a round trip",
		layer: func(l *Layer) { l.Near = Near{Mode: NearBounded, Staleness: time.Minute} },
		script: func(r *room) []string {
			out := r.reads(1)
			seen := &mgets{}
			r.c.rdb.AddHook(seen)
			out = append(out, r.reads(2)...)
			return append(out, fmt.Sprintf("%d round trips", seen.n.Load()))
		},
		want: []string{"0 from source", "0 from near", "0 from near", "0 round trips"},
	}, {
		name: "negative", layer: func(l *Layer) { l.NegativeTTL = time.Minute; l.Near.Mode = NearOff },
		script: func(r *room) []string {
			r.f.failWith(errNoArticle)
			return r.reads(2)
		},
		want: []string{"0 from source: " + errNoArticle.Error(), "0 from redis: " + errNoArticle.Error()},
	}, {
		name: "expired, revalidated behind the reader", layer: func(l *Layer) { l.StaleWhileRevalidate = time.Minute; l.Near.Mode = NearOff },
		script: func(r *room) []string {
			out := r.reads(1)
			r.f.value.Store(1)
			r.clk.Advance(time.Hour + time.Second)
			out = append(out, r.reads(1)...)
			r.refreshed(1)
			return append(out, r.reads(1)...)
		},
		want: []string{"0 from source", "0 from redis, stale", "1 from redis"},
	}, {
		name: "expired in memory, revalidated behind the reader", layer: func(l *Layer) { l.StaleWhileRevalidate = time.Minute },
		script: func(r *room) []string {
			out := r.reads(1)
			r.f.value.Store(1)
			r.clk.Advance(time.Hour + time.Second)
			out = append(out, r.reads(1)...)
			r.refreshed(1)
			return append(out, r.reads(1)...)
		},
		want: []string{"0 from source", "0 from near, stale", "1 from near"},
	}, {
		name: "expired for good",
		script: func(r *room) []string {
			out := r.reads(1)
			r.f.value.Store(1)
			r.clk.Advance(time.Hour + time.Second)
			return append(out, r.reads(1)...)
		},
		want: []string{"0 from source", "1 from source"},
	}, {
		name: "early refresh", layer: func(l *Layer) { l.Near.Mode = NearOff },
		options: func(o *Options) { o.EarlyRefresh, o.Rand = 1e12, func() float64 { return 0.5 } },
		script:  early,
		want:    []string{"0 from source", "0 from redis", "1 from redis"},
	}, {
		name:    "early refresh from memory",
		options: func(o *Options) { o.EarlyRefresh, o.Rand = 1e12, func() float64 { return 0.5 } },
		script:  early,
		want:    []string{"0 from source", "0 from near", "1 from near"},
	}, {
		name: "stale if the source fails", layer: func(l *Layer) { l.StaleIfError = time.Hour },
		script: func(r *room) []string {
			out := r.reads(1)
			r.clk.Advance(time.Hour + time.Second)
			r.f.failWith(errSource)
			return append(out, r.reads(1)...)
		},
		want: []string{"0 from source", "0 from redis, stale"},
	}, {
		name: "stale if the source is slow", layer: func(l *Layer) { l.StaleIfError, l.SoftTimeout = time.Hour, 10*time.Millisecond },
		script: func(r *room) []string {
			out := r.reads(1)
			r.clk.Advance(time.Hour + time.Second)
			release := r.f.hold()
			defer release()
			out = append(out, r.reads(1)...)
			testkit.Eventually(r.t, "the load goes on behind", func() bool { return r.f.layer.met.loads.value() == 2 })
			return out
		},
		want: []string{"0 from source", "0 from redis, stale"},
	}, {
		name: "invalidated, not stale, if the source fails", layer: func(l *Layer) { l.StaleIfError = time.Hour },
		script: func(r *room) []string {
			out := r.reads(1)
			r.invalidate("things")
			r.f.failWith(errSource)
			return append(out, r.reads(1)...)
		},
		want: []string{"0 from source", "0 from source: " + errSource.Error()},
	}, {
		name: "nested", layer: func(l *Layer) { l.StaleIfError, l.StaleWhileRevalidate = time.Hour, time.Hour },
		script: func(r *room) []string {
			var out []string
			outer := Wrap(r.c, Spec[int]{Layer: "outer", Key: func(int) Key { return Key{ID: "x"} }}, func(ctx context.Context, _ int) (int, error) {
				out = append(out, r.read(ctx))
				return 0, nil
			})
			for range 3 { // it is not stored: it does not declare what it reads
				if _, err := outer.Get(context.Background(), 0); err != nil {
					r.t.Error(err)
				}
				if len(out) == 2 { // an expired value feeds no fill
					r.clk.Advance(time.Hour + time.Second)
					r.f.value.Store(1)
				}
			}
			return append(out, fmt.Sprint(outer.layer.met.rejected[rejectNested].value(), " rejected"))
		},
		want: []string{"0 from source", "0 from near", "1 from source", "3 rejected"},
	}, {
		name: "a load that reads its own entry",
		script: func(r *room) []string {
			var inner string
			f := r.f.Func
			load := f.load
			f.load = func(ctx context.Context, id int) (int, error) {
				if id == 1 {
					inner = r.read(ctx)
				}
				return load(ctx, id)
			}
			return append(r.reads(1), inner)
		},
		want: []string{"0 from source", "0 from source: " + ErrCycle.Error()},
	}, {
		name: "bypass",
		script: func(r *room) []string {
			out := r.reads(1)
			r.f.value.Store(1) // and nobody tells the cache
			return append(out, r.read(Bypass(context.Background())), r.read(context.Background()))
		},
		want: []string{"0 from source", "1 from bypass", "0 from near"},
	}, {
		name: "gate closed",
		script: func(r *room) []string {
			out := r.reads(1)
			r.open = false
			r.f.value.Store(1)
			out = append(out, r.reads(2)...)
			r.open = true
			return append(out, r.reads(1)...)
		},
		want: []string{"0 from source", "1 from bypass", "1 from bypass", "0 from near"},
	}, {
		name:  "gate closed over a bounded entry",
		layer: func(l *Layer) { l.Near = Near{Mode: NearBounded, Staleness: time.Minute} },
		script: func(r *room) []string {
			out := r.reads(1)
			r.open = false
			r.f.value.Store(1)
			return append(out, r.reads(1)...)
		},
		want: []string{"0 from source", "1 from bypass"},
	}, {
		name: "breaker open", options: func(o *Options) { o.BreakerProbe = time.Hour },
		script: func(r *room) []string {
			out := r.reads(1)
			r.c.openBreaker(false, errors.New("for the test"))
			r.f.value.Store(1)
			return append(out, r.reads(2)...)
		},
		want: []string{"0 from source", "1 from bypass", "1 from bypass"},
	}, {
		name: "stored and not valid",
		script: func(r *room) []string {
			out := r.reads(2)
			r.f.value.Store(1)
			r.f.Validate(func(_, v int) error {
				if v == 0 {
					return errors.New("zero")
				}
				return nil
			})
			return append(out, r.reads(2)...)
		},
		want: []string{"0 from source", "0 from near", "1 from source", "1 from near"},
	}, {
		name:  "in memory, bounded and not valid",
		layer: func(l *Layer) { l.Near = Near{Mode: NearBounded, Staleness: time.Minute} },
		script: func(r *room) []string {
			out := r.reads(2)
			r.f.value.Store(1)
			r.f.Validate(func(_, v int) error {
				if v == 0 {
					return errors.New("zero")
				}
				return nil
			})
			return append(out, r.reads(2)...)
		},
		want: []string{"0 from source", "0 from near", "1 from source", "1 from near"},
	}, {
		name: "the source fails",
		script: func(r *room) []string {
			r.f.failWith(errSource)
			return r.reads(2)
		},
		want: []string{"0 from source: " + errSource.Error(), "0 from source: " + errSource.Error()},
	}, {
		name: "the caller is gone",
		script: func(r *room) []string {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return []string{r.read(ctx)}
		},
		want: []string{"0 from source: context canceled"},
	},
}

func early(r *room) []string {
	load := r.f.load
	r.f.load = func(ctx context.Context, id int) (int, error) { // it must cost something
		for start := time.Now(); time.Since(start) < 10*time.Microsecond; {
		}
		return load(ctx, id)
	}
	out := r.reads(1)
	r.f.value.Store(1)
	out = append(out, r.reads(1)...)
	r.refreshed(1)
	r.c.opt.EarlyRefresh = 0
	return append(out, r.reads(1)...)
}

func (r *room) reads(n int) (out []string) {
	for range n {
		out = append(out, r.read(context.Background()))
	}
	return out
}

func (r *room) invalidate(dep string) {
	if err := r.c.Invalidate(context.Background(), dep); err != nil {
		r.t.Fatal(err)
	}
}

// refreshed waits until at least n refreshes have ended.
func (r *room) refreshed(n uint64) {
	r.t.Helper()
	testkit.Eventually(r.t, "the refresh", func() bool {
		r.c.flights.mu.Lock()
		defer r.c.flights.mu.Unlock()
		return r.f.layer.met.refreshes.value() >= n && len(r.c.flights.refreshing) == 0
	})
}

// Whatever a read meets, the answer is the same through every door: single
// reads and batches follow one protocol.
func TestEveryDoorBehavesAlike(t *testing.T) {
	t.Parallel()
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			stats := map[string]LayerStats{}
			for _, d := range doors {
				r := &room{t: t, clk: newClock(), open: true}
				o := exactly(ownRedis(t), r.clk)
				o.Layers = append(only(b.layer), Layer{Name: "outer", Namespace: "outer", Tier: L1, TTL: time.Hour, Description: "Test."})
				o.Gate = func() bool { return r.open }
				if b.options != nil {
					b.options(&o)
				}
				r.c = instances(t, 1, o)[0]
				r.f = count(r.c, Article)
				if d.batch {
					r.f.Batch(func(ctx context.Context, ids []int) ([]Loaded[int], error) {
						out := make([]Loaded[int], len(ids))
						for i, id := range ids {
							out[i].Value, out[i].Err = r.f.load(ctx, id)
						}
						return out, nil
					})
				}
				r.read = func(ctx context.Context) string { return describe(d.read(ctx, r.f)) }
				if got := b.script(r); !slices.Equal(got, b.want) {
					t.Errorf("%s:\n got %q\nwant %q", d.name, got, b.want)
				}
				if d.alone {
					stats[d.name] = r.f.layer.met.stats()
				}
			}
			for name, s := range stats {
				if s != stats["Get"] {
					t.Errorf("counters of %s:\n     %+v\nGet: %+v", name, s, stats["Get"])
				}
			}
		})
	}
}

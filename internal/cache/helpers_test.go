package cache

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// clock is a wall clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// exactly is a configuration without chance: no jitter, no early refresh, and no
// giving up on a Redis that a busy machine makes slow.
func exactly(rdb redis.UniversalClient, clk *clock) Options {
	o := Options{Redis: rdb, Layers: Layers(), Jitter: -1, EarlyRefresh: -1, RedisTimeout: 10 * time.Second}
	if clk != nil {
		o.Now = clk.now
	}
	return o
}

// only is a table of one layer, "article", changed as told.
func only(change func(*Layer)) []Layer {
	l := Layer{Name: Article, Namespace: "article", Tier: L1, TTL: time.Hour, Description: "Test."}
	if change != nil {
		change(&l)
	}
	return []Layer{l}
}

// counted is a Func over a number that counts its loads.
type counted struct {
	*Func[int, int]
	loads atomic.Int64
	value atomic.Int64
	fail  atomic.Pointer[error]
	gate  atomic.Pointer[chan struct{}] // a load waits for it
	enter chan struct{}                 // a load says it is inside
}

func count(c *Cache, layer string) *counted {
	f := &counted{enter: make(chan struct{}, 10000)}
	f.Func = Wrap(c, Spec[int]{
		Layer: layer,
		Key:   func(id int) Key { return Key{ID: strconv.Itoa(id)} },
		Deps:  func(id int) []string { return []string{"thing:" + strconv.Itoa(id), "things"} },
	}, f.fetch)
	return f
}

func (f *counted) fetch(ctx context.Context, id int) (int, error) {
	f.loads.Add(1)
	v := f.value.Load() // what the source says when the fetch begins
	f.enter <- struct{}{}
	if g := f.gate.Load(); g != nil {
		select {
		case <-*g:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if e := f.fail.Load(); e != nil {
		return 0, *e
	}
	return int(v), nil
}

func (f *counted) failWith(err error) {
	if err == nil {
		f.fail.Store(nil)
		return
	}
	f.fail.Store(&err)
}

// hold makes loads wait until the returned func is called. enter tells of those that begin from now on.
func (f *counted) hold() (release func()) {
	for len(f.enter) > 0 {
		<-f.enter
	}
	ch := make(chan struct{})
	f.gate.Store(&ch)
	return func() { f.gate.Store(nil); close(ch) }
}

func mustGet(t testing.TB, f *counted, id, want int) Info {
	t.Helper()
	v, info, err := f.GetInfo(context.Background(), id)
	if err != nil || v != want {
		t.Fatalf("Get(%d) = %d, %v (%v); want %d", id, v, err, info.Source, want)
	}
	return info
}

func wantLoads(t testing.TB, f *counted, want int64) {
	t.Helper()
	if n := f.loads.Load(); n != want {
		t.Fatalf("loads = %d, want %d", n, want)
	}
}

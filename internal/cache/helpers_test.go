package cache

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// newClock is a wall clock that tests move.
func newClock() *testkit.Clock { return testkit.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) }

// exactly is a configuration without randomness: no jitter, no early refresh, and no giving up on a Redis that a busy
// machine makes slow.
func exactly(rdb redis.UniversalClient, clk *testkit.Clock) Options {
	o := Options{Redis: rdb, Layers: Layers(), Jitter: -1, EarlyRefresh: -1, RedisTimeout: 10 * time.Second}
	if clk != nil {
		o.Now = clk.Now
	}
	return o
}

// only is a table of one layer, "article", edited by change.
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

// hold makes loads wait until the returned func is called. enter announces those that begin from now on.
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

// mgets counts MGETs, and lets a test do something before each is sent.
type mgets struct {
	n      atomic.Int64
	checks atomic.Int64 // those that ask for versions alone
	before func(n int64)
}

func (m *mgets) note(cmd redis.Cmder) {
	if cmd.Name() != "mget" {
		return
	}
	if strings.HasPrefix(argument(cmd, 1), version.Prefix) {
		m.checks.Add(1)
	}
	if n := m.n.Add(1); m.before != nil {
		m.before(n)
	}
}

// argument is one of a command's arguments, as text.
func argument(cmd redis.Cmder, i int) string {
	switch a := cmd.Args()[i].(type) {
	case string:
		return a
	case *string:
		return *a
	}
	return ""
}

func (*mgets) DialHook(next redis.DialHook) redis.DialHook { return next }

// A read that does not know its primary asks in a pipeline.
func (m *mgets) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			m.note(cmd)
		}
		return next(ctx, cmds)
	}
}

func (m *mgets) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		m.note(cmd)
		return next(ctx, cmd)
	}
}

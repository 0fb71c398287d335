package cache

import (
	"context"
	"testing"
	"time"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

func nearLayer(n Near) []Layer { return only(func(l *Layer) { l.Near = n }) }

func TestStrictNearIsCurrentInEveryInstance(t *testing.T) {
	t.Parallel()
	cs := instances(t, 2, exactly(ownRedis(t), nil))
	a, b := count(cs[0], Article), count(cs[1], Article)
	mustGet(t, a, 1, 0)
	mustGet(t, b, 1, 0)
	if info := mustGet(t, b, 1, 0); info.Source != FromNear {
		t.Fatalf("from %v", info.Source)
	}
	for i := 1; i < 50; i++ {
		a.value.Store(int64(i))
		b.value.Store(int64(i))
		if err := cs[0].Invalidate(context.Background(), "things"); err != nil {
			t.Fatal(err)
		}
		mustGet(t, b, 1, i)
		mustGet(t, b, 1, i)
	}
}

// The bound is a minute and less than that passes here: only the message can
// make the other instance look.
func TestBoundedNearIsDroppedByTheMessage(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	o.Layers = nearLayer(Near{Mode: NearBounded, Staleness: time.Minute})
	cs := instances(t, 2, o)
	a, b := count(cs[0], Article), count(cs[1], Article)
	for _, dep := range []string{"thing:1", "things", "article:1", "layer:article"} {
		mustGet(t, b, 1, int(b.value.Load()))
		if info := mustGet(t, b, 1, int(b.value.Load())); info.Source != FromNear {
			t.Fatalf("from %v", info.Source)
		}
		b.value.Add(1)
		if err := cs[0].Invalidate(context.Background(), dep); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "b sees the invalidation of "+dep, func() bool {
			v, err := b.Get(context.Background(), 1)
			return err == nil && v == int(b.value.Load())
		})
	}
	_ = a
	// The instance that invalidates does not wait for the message.
	a.value.Store(b.value.Load())
	mustGet(t, a, 1, int(a.value.Load()))
	a.value.Add(1)
	if err := cs[0].Invalidate(context.Background(), "thing:1"); err != nil {
		t.Fatal(err)
	}
	mustGet(t, a, 1, int(a.value.Load()))
}

func TestBoundedNearNeedsTheLink(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := exactly(s.client(t), nil)
	o.Layers = nearLayer(Near{Mode: NearBounded, Staleness: time.Minute})
	c := instances(t, 1, o)[0]
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	if info := mustGet(t, f, 1, 0); info.Source != FromNear {
		t.Fatalf("from %v", info.Source)
	}
	s.kill()
	f.value.Store(1)
	testkit.Eventually(t, "the broken link empties the near cache", func() bool {
		v, err := f.Get(context.Background(), 1)
		return err == nil && v == 1
	})
}

func TestBoundedNearChecksAfterItsBound(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	o.Layers = nearLayer(Near{Mode: NearBounded, Staleness: time.Millisecond})
	c := instances(t, 1, o)[0]
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	f.value.Store(1)
	for _, k := range version.Keys("thing:1") { // behind the messages' back
		if err := c.rdb.Set(context.Background(), k, version.New(), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "the bound ends", func() bool {
		v, err := f.Get(context.Background(), 1)
		return err == nil && v == 1
	})
}

func TestSharedNearValueIsDecodedOnce(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	c := instances(t, 1, o)[0]
	spec := articleSpec()
	spec.Shared = true
	f := Wrap(c, spec, func(context.Context, int) (*article, error) { return &article{1, "uno"}, nil })
	ctx := context.Background()
	if _, err := f.Get(ctx, 1); err != nil {
		t.Fatal(err)
	}
	x, err := f.Get(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	y, err := f.Get(ctx, 1)
	if err != nil || x != y {
		t.Errorf("decoded twice: %p %p, %v", x, y, err)
	}
	own := Wrap(c, articleSpec(), func(context.Context, int) (*article, error) { return &article{1, "uno"}, nil })
	v, _ := own.Get(ctx, 1)
	w, _ := own.Get(ctx, 1)
	if v == w {
		t.Error("two callers got the same memory without asking for it")
	}
}

// The staleness of a bounded entry is counted from the start of the check that
// found it current, not from its end: what changed meanwhile may be in neither.
func TestStalenessIsCountedFromTheStartOfACheck(t *testing.T) {
	t.Parallel()
	c := instances(t, 1, exactly(ownRedis(t), nil))[0]
	ctx := context.Background()
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	var sent int64 // when the first exchange of a read was about to be sent
	c.rdb.AddHook(&mgets{before: func(int64) {
		if sent == 0 {
			for sent = c.mono(); c.mono() < sent+int64(time.Millisecond); {
			}
		}
	}})
	check := func(what string, read func()) {
		t.Helper()
		sent = 0
		read()
		e := c.near.Get(f.Key(1))
		if e == nil || sent == 0 {
			t.Fatalf("%s: not in memory, or no exchange", what)
		}
		if got := e.Since(); got > sent {
			t.Errorf("%s: counted from %d µs after the exchange began", what, (got-sent)/1000)
		}
	}
	check("a check", func() { mustGet(t, f, 1, 0) })
	check("a batch's check", func() { f.GetMany(ctx, []int{1}) })
	c.near.Clear()
	check("a hit", func() { mustGet(t, f, 1, 0) })
	c.near.Clear()
	check("a batch's hit", func() { f.GetMany(ctx, []int{1}) })
	if err := c.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	c.near.Clear()
	check("a fill", func() { mustGet(t, f, 1, 0) })
	if err := c.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	c.near.Clear()
	check("a batch's fill", func() { f.GetMany(ctx, []int{1}) })
}

package cache

import (
	"context"
	"testing"
	"time"
)

// TestWarmingReads: they renew what is past its TTL instead of being served it, and count neither as reads from outside
// nor among the top keys.
func TestWarmingReads(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = staleLayer(NearStrict)
	c := newCache(t, o)
	f := count(c, Article)
	ctx := Warming(context.Background())
	warm := func(wantLoads int64, want Origin) {
		t.Helper()
		for _, got := range f.GetMany(ctx, []int{1, 2}) {
			if got.Err != nil || got.Info.Source != want {
				t.Fatalf("%v, %v; want from %v", got.Err, got.Info.Source, want)
			}
		}
		if n := f.loads.Load(); n != wantLoads {
			t.Fatalf("loads = %d, want %d", n, wantLoads)
		}
	}
	warm(2, FromSource)
	warm(2, FromNear)
	clk.Advance(time.Hour + time.Minute) // a reader would be served these, and refresh them in the background
	f.value.Store(1)
	warm(4, FromSource)
	if info := mustGet(t, f, 1, 1); info.Stale {
		t.Error("what was warmed is stale")
	}
	hits, misses := c.Stats(context.Background()).Layers[Article].Outer()
	if hits != 1 || misses != 0 {
		t.Errorf("reads from outside: %d hits, %d misses; there was one, a hit", hits, misses)
	}
	hot, _, err := c.TopKeys(Article, 10)
	if err != nil || len(hot) != 1 || hot[0].ID != "1" || hot[0].AtMost != 1 {
		t.Errorf("hot keys %+v, %v; one was asked for, once", hot, err)
	}
}

// TestWarmingInsideALoadDeclares: a part that is read in a warming context inside a load still binds the whole.
func TestWarmingInsideALoadDeclares(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	part := count(c, Article)
	whole := Wrap(c, Spec[int]{Layer: Content, Key: func(int) Key { return Key{ID: "whole"} }}, func(ctx context.Context, id int) (int, error) {
		return part.Get(Warming(ctx), id)
	})
	for range 2 {
		if _, err := whole.Get(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.layers[Content].met.rejected[rejectNested].value(); n != 2 {
		t.Errorf("%d of 2 fills refused for undeclared dependencies", n)
	}
}

func TestServing(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	open := true
	o.Gate = func() bool { return open }
	c := newCache(t, o)
	if !c.Serving() {
		t.Error("not serving with the gate open")
	}
	open = false
	if c.Serving() {
		t.Error("serving with the gate closed")
	}
}

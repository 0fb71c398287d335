package cache

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestLast(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = only(func(l *Layer) { l.StaleIfError = 3 * time.Hour })
	c := newCache(t, o)
	f := count(c, Article)
	ctx := context.Background()
	last := func(want int, bad error) Info {
		t.Helper()
		v, info, err := f.Last(ctx, 1)
		if !errors.Is(err, bad) || v != want {
			t.Fatalf("last = %d, %v; want %d, %v", v, err, want, bad)
		}
		return info
	}
	last(0, ErrMiss)
	f.value.Store(7)
	mustGet(t, f, 1, 7)
	if last(7, nil).Stale {
		t.Error("a fresh value is stale")
	}
	clk.Advance(2 * time.Hour)
	if info := last(7, nil); !info.Stale || info.StoredAt().IsZero() {
		t.Errorf("an expired value is told as %+v", info)
	}
	wantLoads(t, f, 1)
	clk.Advance(2*time.Hour + time.Minute)
	last(0, ErrMiss)
	f.value.Store(8)
	mustGet(t, f, 1, 8)
	if err := c.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	last(0, ErrMiss) // what is invalidated is never seen again
	v, _, err := f.Last(Bypass(ctx), 1)
	if v != 0 || !errors.Is(err, ErrBypass) {
		t.Errorf("past the cache: %d, %v", v, err)
	}
}

// A load sees what it is about to replace, and its entry does not inherit that value's age.
func TestALoadSeesWhatItReplaces(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = only(func(l *Layer) { l.StaleIfError = 24 * time.Hour })
	c := newCache(t, o)
	var f *Func[int, int]
	f = Wrap(c, Spec[int]{Layer: Article, Key: func(int) Key { return Key{ID: "x"} }}, func(ctx context.Context, _ int) (int, error) {
		v, _, err := f.Last(ctx, 0)
		if err != nil && !errors.Is(err, ErrMiss) {
			return 0, err
		}
		return v + 1, nil
	})
	for want := 1; want <= 3; want++ {
		v, info, err := f.GetInfo(context.Background(), 0)
		if err != nil || v != want || info.Source != FromSource {
			t.Fatalf("%d, %v, %v; want %d", v, info.Source, err, want)
		}
		v, info, err = f.GetInfo(context.Background(), 0)
		if err != nil || v != want || info.Stale || info.Source == FromSource {
			t.Fatalf("again: %d, %+v, %v; want %d", v, info, err, want)
		}
		clk.Advance(2 * time.Hour)
	}
}

package cache

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// page is an outer entry built from the counted inner one.
func page(c *Cache, inner *counted, deps func(int) []string) *Func[int, string] {
	return Wrap(c, Spec[int]{
		Layer: HTTPResponse,
		Key:   func(id int) Key { return Key{ID: "/things/" + strconv.Itoa(id)} },
		Deps:  deps,
	}, func(ctx context.Context, id int) (string, error) {
		v, err := inner.Get(ctx, id)
		return strconv.Itoa(v), err
	})
}

func TestOuterEntryFollowsItsParts(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	inner := count(c, Article)
	outer := page(c, inner, inner.Deps)
	ctx := context.Background()
	for _, dep := range []string{"thing:1", "things", "layer:article", "article:1", "layer:http_response"} {
		inner.value.Add(1)
		if err := c.Invalidate(ctx, dep); err != nil {
			t.Fatal(err)
		}
		want := strconv.Itoa(int(inner.value.Load()))
		if dep == "layer:http_response" {
			inner.value.Add(-1)
			want = strconv.Itoa(int(inner.value.Load()))
		}
		if v, err := outer.Get(ctx, 1); err != nil || v != want {
			t.Fatalf("after %s: %q, %v; want %q", dep, v, err, want)
		}
		if _, info, err := outer.GetInfo(ctx, 1); err != nil || info.Source == FromSource {
			t.Errorf("after %s: not stored: %v, %v", dep, info.Source, err)
		}
	}
}

func TestOuterThatDeclaresTooLittleIsNotStored(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	inner := count(c, Article)
	outer := page(c, inner, func(int) []string { return []string{"things"} })
	for range 2 {
		if v, info, err := outer.GetInfo(context.Background(), 1); err != nil || v != "0" || info.Source != FromSource {
			t.Fatalf("%q, %v, %v", v, info.Source, err)
		}
	}
	if n := outer.layer.met.rejected[rejectNested].value(); n != 2 {
		t.Errorf("rejected = %d, want 2", n)
	}
}

func TestOuterExpiresNoLaterThanItsParts(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := newCache(t, exactly(ownRedis(t), clk))
	inner := count(c, Content) // 15 min
	outer := page(c, inner, inner.Deps)
	mustGet(t, inner, 1, 0)
	clk.Advance(10 * time.Minute)
	if _, err := outer.Get(context.Background(), 1); err != nil { // layer: 1 h
		t.Fatal(err)
	}
	_, info, err := outer.GetInfo(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if left := info.Expires().Sub(clk.Now()); left != 5*time.Minute {
		t.Errorf("outer lives %v more, its part 5m", left)
	}
}

// Neither stale nor bounded values may feed a fill.
func TestNestedReadsAreStrict(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = Layers()
	for i := range o.Layers {
		if o.Layers[i].Name == Article {
			o.Layers[i].Near = Near{Mode: NearBounded, Staleness: time.Minute}
		}
	}
	c := newCache(t, o)
	testkit.Eventually(t, "the message link is up", func() bool { return c.pubsub.upSince.Load() != 0 })
	inner := count(c, Article)
	outer := page(c, inner, inner.Deps)
	mustGet(t, inner, 1, 0)
	if info := mustGet(t, inner, 1, 0); info.Source != FromNear {
		t.Fatalf("outside a load: from %v", info.Source)
	}
	// Expired, served stale outside a load, never inside.
	clk.Advance(time.Hour + time.Minute)
	inner.value.Store(1)
	release := inner.hold()
	if info := mustGet(t, inner, 1, 0); !info.Stale {
		t.Fatal("not stale outside")
	}
	release()
	if v, err := outer.Get(context.Background(), 1); err != nil || v != "1" {
		t.Fatalf("inside a load: %q, %v", v, err)
	}
	// Current in memory without a check outside, checked inside: a version
	// that changes behind the messages' back shows the difference.
	mustGet(t, inner, 2, 1)
	mustGet(t, inner, 2, 1)
	inner.value.Store(2)
	for _, k := range version.Keys("thing:2") {
		if err := c.rdb.Set(context.Background(), k, version.New(), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if info := mustGet(t, inner, 2, 1); info.Source != FromNear {
		t.Fatalf("bounded read outside: from %v", info.Source)
	}
	if v, err := outer.Get(context.Background(), 2); err != nil || v != "2" {
		t.Fatalf("bounded value fed a fill: %q, %v", v, err)
	}
}

func TestALoadThatReadsItselfIsAnError(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{true, false} {
		o := exactly(ownRedis(t), nil)
		o.Gate = func() bool { return open }
		c := newCache(t, o)
		var f *Func[int, int]
		f = Wrap(c, Spec[int]{Layer: Article, Key: func(int) Key { return Key{ID: "x"} }}, func(ctx context.Context, n int) (int, error) {
			return f.Get(ctx, n)
		})
		if _, err := f.Get(context.Background(), 1); !errors.Is(err, ErrCycle) {
			t.Errorf("gate %v: err = %v", open, err)
		}
	}
}

func TestDepsIncludeLayerAndEntry(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	f := Wrap(c, articleSpec(), (&table{}).load)
	if got, want := f.Deps(42), []string{"layer:article", "article:42", "articles"}; !slices.Equal(got, want) {
		t.Errorf("Deps = %q, want %q", got, want)
	}
}

// The expiry and the undeclared dependencies of a part bind the whole too, even if the part itself was never stored.
func TestUnstoredPartsBindTheWhole(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(inner *counted, deepest *counted)
		reason reject
	}{
		"a result that is not to be kept": {
			func(inner, _ *counted) { inner.ResultTTL(func(int, int) time.Duration { return -1 }) }, rejectExpired,
		},
		"a part that declares too little": {
			func(inner, deepest *counted) {
				inner.load = func(ctx context.Context, id int) (int, error) { return deepest.Get(ctx, id) }
			}, rejectNested,
		},
	} {
		for _, bypass := range []bool{false, true} {
			var gate atomic.Bool
			gate.Store(true)
			o := exactly(ownRedis(t), nil)
			o.Gate = gate.Load
			c := newCache(t, o)
			inner, deepest := count(c, Article), count(c, Source)
			tc.change(inner, deepest)
			outer := Wrap(c, Spec[int]{Layer: Content, Key: func(int) Key { return Key{ID: "o"} }, Deps: inner.Deps},
				func(ctx context.Context, id int) (int, error) {
					if bypass { // the gate closes while the inner one is loaded
						gate.Store(false)
						defer gate.Store(true)
					}
					return inner.Get(ctx, id)
				})
			for range 2 {
				if _, info, err := outer.GetInfo(context.Background(), 1); err != nil || info.Source != FromSource {
					t.Fatalf("%s, bypass %v: from %v, %v", name, bypass, info.Source, err)
				}
			}
			if n := outer.layer.met.rejected[tc.reason].value(); n != 2 {
				t.Errorf("%s, bypass %v: rejected %d times, want 2", name, bypass, n)
			}
		}
	}
}

// Entries of one batch that are loaded one by one each depend only on what their own load read.
func TestEachOfABatchAnswersForItsOwnParts(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	inner := count(c, Article)
	outer := page(c, inner, inner.Deps)
	ids := []int{1, 2, 3}
	for _, want := range []Origin{FromSource, FromNear} {
		for i, r := range outer.GetMany(context.Background(), ids) {
			if r.Err != nil || r.Info.Source != want {
				t.Errorf("%d: %v from %v, want %v", ids[i], r.Err, r.Info.Source, want)
			}
		}
	}
	if n := outer.layer.met.rejected[rejectNested].value(); n != 0 {
		t.Errorf("%d fills rejected", n)
	}
}

// A load that reads past the cache still depends on what it read, and the two share a slot.
func TestABypassInsideALoadBindsTheWhole(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	inner := count(c, Article)
	outer := Wrap(c, Spec[int]{
		Layer: HTTPResponse, Key: func(id int) Key { return Key{ID: strconv.Itoa(id)} },
	}, func(ctx context.Context, id int) (int, error) {
		if scopeOf(Bypass(ctx)).load() == nil {
			t.Error("not the inside of a load")
		}
		return inner.Get(Bypass(ctx), id)
	})
	for range 2 {
		if _, info, err := outer.GetInfo(context.Background(), 1); err != nil || info.Source != FromSource {
			t.Fatalf("%v, %v: it reads what it does not declare", info.Source, err)
		}
	}
	if n := outer.layer.met.rejected[rejectNested].value(); n != 2 {
		t.Errorf("%d fills rejected, want 2", n)
	}
	if scopeOf(Bypass(context.Background())).load() != nil {
		t.Error("a bypass alone is no load")
	}
}

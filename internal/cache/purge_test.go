package cache

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"openlearn/internal/cache/internal/envelope"
)

// shop is entries on shared dependencies in two layers.
func shop(t *testing.T, c *Cache) (*Func[int, int], *Func[int, int]) {
	t.Helper()
	one := func(layer string) *Func[int, int] {
		return Wrap(c, Spec[int]{
			Layer: layer,
			Key:   func(i int) Key { return Key{ID: "list", Params: url.Values{"n": {strconv.Itoa(i)}}} },
			Deps:  func(i int) []string { return []string{"things", "thing:" + strconv.Itoa(i%2)} },
		}, func(_ context.Context, i int) (int, error) { return i, nil })
	}
	return one(Article), one(Content)
}

func mustFill(t *testing.T, f *Func[int, int], n int) {
	t.Helper()
	args := make([]int, n)
	for i := range args {
		args[i] = i
	}
	if got, err := f.Warm(context.Background(), args); err != nil || got != n {
		t.Fatalf("filled %d of %d, %v", got, n, err)
	}
}

func wantPurge(t *testing.T, what string, p Purged, err error, layers map[string]int, freed int) {
	t.Helper()
	if err != nil || !maps.Equal(p.Layers, layers) || p.Freed != freed || !p.Complete {
		t.Errorf("%s: %+v, %v; want %v and %d freed", what, p, err, layers, freed)
	}
}

func TestPurgeCountsWhatWasCurrent(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	purges(t, c)
}

func purges(t *testing.T, c *Cache) {
	ctx := context.Background()
	a, b := shop(t, c)
	fill := func() { mustFill(t, a, 10); mustFill(t, b, 10) }
	fill()
	p, err := c.Purge(ctx, []string{"thing:0"}, PurgeOptions{DryRun: true})
	wantPurge(t, "dry run", p, err, map[string]int{Article: 5, Content: 5}, 0)
	if n := len(p.Examples); n != 10 {
		t.Errorf("%d examples", n)
	}
	p, err = c.Purge(ctx, []string{"thing:0"}, PurgeOptions{})
	wantPurge(t, "one name", p, err, map[string]int{Article: 5, Content: 5}, 10)
	p, err = c.Purge(ctx, []string{"thing:0"}, PurgeOptions{})
	wantPurge(t, "again", p, err, nil, 0)
	// Dead entries are freed and not counted; a coarse name has its version in buckets.
	if err := c.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	p, err = c.Purge(ctx, []string{"things"}, PurgeOptions{DryRun: true})
	wantPurge(t, "dead ones", p, err, nil, 0)
	p, err = c.Purge(ctx, []string{"things"}, PurgeOptions{})
	wantPurge(t, "dead ones freed", p, err, nil, 10)
	fill()
	p, err = c.Purge(ctx, []string{"things", "thing:1", "nothing"}, PurgeOptions{})
	wantPurge(t, "several names count once", p, err, map[string]int{Article: 10, Content: 10}, 20)
	fill()
	p, err = c.Purge(ctx, []string{LayerDep(Content)}, PurgeOptions{})
	wantPurge(t, "a layer", p, err, map[string]int{Content: 10}, 10)
	p, err = c.PurgeEntry(ctx, Article, "list", PurgeOptions{})
	wantPurge(t, "an entry's variants", p, err, map[string]int{Article: 10}, 10)
	fill()
	p, err = c.PurgePattern(ctx, Article, "l?st:*", PurgeOptions{DryRun: true})
	wantPurge(t, "a pattern", p, err, map[string]int{Article: 10}, 0)
	p, err = c.PurgePattern(ctx, Article, "?", PurgeOptions{})
	wantPurge(t, "a pattern of nothing", p, err, nil, 0)
	p, err = c.Purge(ctx, allLayers(c), PurgeOptions{})
	wantPurge(t, "all", p, err, map[string]int{Article: 10, Content: 10}, 20)
	page := Wrap(c, Spec[int]{
		Layer: Content, Key: func(int) Key { return Key{ID: "page"} }, Deps: func(int) []string { return []string{"layer:" + Article} },
	}, func(context.Context, int) (int, error) { return 1, nil })
	if _, err := page.Get(ctx, 0); err != nil {
		t.Fatal(err)
	}
	p, err = c.Purge(ctx, []string{LayerDep(Article)}, PurgeOptions{})
	wantPurge(t, "a layer that another is built from", p, err, map[string]int{Content: 1}, 1)
}

// A walk that runs out of time says so; the invalidation is complete all the same.
func TestPurgeOutOfTimeIsIncomplete(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	p, err := c.Purge(context.Background(), []string{"things"}, PurgeOptions{Within: time.Nanosecond})
	if err != nil || p.Complete || p.Total() != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	f.value.Store(1)
	mustGet(t, f, 1, 1)
}

// The version exists before the entry does, so a fill in progress is doomed too.
func TestPurgeEntryDoomsAFillUnderWay(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	for _, purge := range []func(id string) (Purged, error){
		func(id string) (Purged, error) {
			return c.PurgeEntry(context.Background(), Article, id, PurgeOptions{})
		},
		func(string) (Purged, error) {
			return c.PurgePattern(context.Background(), Article, "*", PurgeOptions{})
		},
	} {
		f := count(c, Article)
		release := f.hold()
		done := make(chan struct{})
		go func() { defer close(done); mustGet(t, f, 1, 0) }()
		<-f.enter
		if _, err := purge("1"); err != nil {
			t.Fatal(err)
		}
		release()
		<-done
		f.value.Store(1)
		mustGet(t, f, 1, 1)
		if err := c.Delete(context.Background(), Article, Key{ID: "1"}); err != nil {
			t.Fatal(err)
		}
	}
}

func allLayers(c *Cache) (deps []string) {
	for _, l := range c.LayerTable() {
		deps = append(deps, LayerDep(l.Name))
	}
	return deps
}

// Redis keys in a layer's namespace that are not entries are left alone.
func TestPurgeLeavesForeignBytesAlone(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	begins := (&envelope.Envelope{}).Encode()[:2] // as an entry begins
	for key, err := range map[string]error{
		"article:v1:text": c.rdb.Set(ctx, "article:v1:text", "x", 0).Err(),
		"article:v1:list": c.rdb.LPush(ctx, "article:v1:list", "x").Err(),
		"article:v1:half": c.rdb.Set(ctx, "article:v1:half", string(begins)+"\x00\x09", 0).Err(),
		"article:v1:long": c.rdb.Set(ctx, "article:v1:long", string(begins)+"\x00\xff"+strings.Repeat("\x00", 60), 0).Err(),
	} {
		if err != nil {
			t.Fatal(key, err)
		}
	}
	p, err := c.Purge(ctx, allLayers(c), PurgeOptions{})
	wantPurge(t, "foreign", p, err, nil, 0)
	for _, id := range []string{"text", "list", "half", "long"} {
		if _, err := c.Inspect(ctx, Article, id); !errors.Is(err, ErrMiss) {
			t.Errorf("inspect %s: %v", id, err)
		}
		if c.rdb.Exists(ctx, "article:v1:"+id).Val() != 1 {
			t.Errorf("%s was deleted", id)
		}
	}
}

func TestInspectTellsWhichDependencyNoLongerHolds(t *testing.T) {
	t.Parallel()
	clk := newClock()
	c := newCache(t, exactly(ownRedis(t), clk))
	ctx := context.Background()
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	s, err := c.Inspect(ctx, Article, "1")
	if err != nil || !s.Current || s.Codec != "json" || s.Type != "int" || string(s.Payload) != "0" || len(s.Dependencies) != 4 {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := c.Invalidate(ctx, "things"); err != nil {
		t.Fatal(err)
	}
	s, err = c.Inspect(ctx, Article, "1")
	if err != nil || s.Current {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, d := range s.Dependencies {
		if d.Holds != (d.Name != "things") {
			t.Errorf("%+v", d)
		}
	}
	// A variant is found under the identifier that Keys lists.
	a, _ := shop(t, c)
	mustFill(t, a, 1)
	listed, err := c.Keys(ctx, Article, "list:", "", 10)
	ids := listed.IDs
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	if s, err := c.Inspect(ctx, Article, ids[0]); err != nil || !s.Current {
		t.Errorf("%+v, %v", s, err)
	}
	clk.Advance(3 * time.Hour)
	if s, err := c.Inspect(ctx, Article, ids[0]); err != nil || s.Current || !s.Stale {
		t.Errorf("expired: %+v, %v", s, err)
	}
}

func TestKeysListsEverythingOnce(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	keyPages(t, c)
}

func keyPages(t *testing.T, c *Cache) {
	ctx := context.Background()
	for i := range 300 {
		set(t, c, "k"+strconv.Itoa(i), "x")
		set(t, c, "*"+strconv.Itoa(i), "x")
	}
	var got []string
	for cursor, pages := "", 0; ; pages++ {
		page, err := c.Keys(ctx, Article, "*", cursor, 40)
		if err != nil || pages > 100 {
			t.Fatalf("page %d: %v", pages, err)
		}
		got = append(got, page.IDs...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 300 || got[0][0] != '*' {
		t.Errorf("%d keys", len(got))
	}
	for _, bad := range []string{"x", "1", "-1-0", "0-x", "0-18446744073709551616"} {
		if _, err := c.Keys(ctx, Article, "", bad, 10); !errors.Is(err, ErrInvalidKey) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
	if page, err := c.Keys(ctx, Article, "", "99-0", 10); err != nil || page.Next != "" || len(page.IDs) != 0 {
		t.Errorf("past the last node: %+v, %v", page, err)
	}
}

func TestOperatorsViewOfACluster(t *testing.T) {
	t.Parallel()
	rdb, _ := startCluster(t)
	c := newCache(t, exactly(rdb, nil))
	purges(t, c)
	keyPages(t, c)
}

// Bypass makes reads bypass the cache, nested reads too, and stores nothing.
func TestBypass(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	inner := count(c, Source)
	outer := Wrap(c, Spec[int]{
		Layer: Article, Key: func(i int) Key { return Key{ID: strconv.Itoa(i)} }, Deps: func(i int) []string { return inner.Deps(i) },
	}, func(ctx context.Context, i int) (int, error) { return inner.Get(ctx, i) })
	ctx := context.Background()
	if _, err := outer.Get(ctx, 1); err != nil {
		t.Fatal(err)
	}
	inner.value.Store(5) // nothing was invalidated: the cache does not know
	if l := c.Stats(ctx).Layers[Source]; l.Misses != 1 || l.NestedMisses != 1 {
		t.Errorf("a nested miss: %+v", l)
	}
	v, info, err := outer.GetInfo(Bypass(ctx), 1)
	if err != nil || v != 5 || info.Source != FromBypass {
		t.Errorf("bypassed: %d, %v, %v", v, info.Source, err)
	}
	if got := outer.GetMany(Bypass(ctx), []int{1, 2}); got[0].Err != nil || got[0].Value != 5 {
		t.Errorf("bypassed batch: %+v", got)
	}
	if v, err := outer.Get(ctx, 1); err != nil || v != 0 {
		t.Errorf("a bypass stored something: %d, %v", v, err)
	}
	if _, err := c.Inspect(ctx, Article, "2"); !errors.Is(err, ErrMiss) {
		t.Errorf("a bypass stored something: %v", err)
	}
}

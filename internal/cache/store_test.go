package cache

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"openlearn/internal/cache/internal/version"
)

func entry(id string) Entry {
	return Entry{Layer: Article, Key: Key{ID: id}, Deps: []string{"articles"}}
}

func set(t *testing.T, c *Cache, id, value string) {
	t.Helper()
	tk, err := c.Ticket(context.Background(), entry(id))
	if err != nil {
		t.Fatal(err)
	}
	if err := Set(context.Background(), c, entry(id), value, 0, tk); err != nil {
		t.Fatal(err)
	}
}

func TestSetGetDeleteExists(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	if _, err := Get[string](ctx, c, entry("1")); !errors.Is(err, ErrMiss) {
		t.Fatalf("empty: %v", err)
	}
	set(t, c, "1", "ñandú")
	if v, err := Get[string](ctx, c, entry("1")); err != nil || v != "ñandú" {
		t.Fatalf("%q, %v", v, err)
	}
	if ok, err := c.Exists(ctx, Article, Key{ID: "1"}); err != nil || !ok {
		t.Errorf("Exists = %v, %v", ok, err)
	}
	in, err := c.Inspect(ctx, Article, "1")
	if err != nil || string(in.Payload) != `"ñandú"` || !slices.Contains(in.Dependencies, Dependency{"articles", true}) || in.Key != "article:v1:1" {
		t.Errorf("Inspect = %+v, %v", in, err)
	}
	if err := c.Delete(ctx, Article, Key{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Get[string](ctx, c, entry("1")); !errors.Is(err, ErrMiss) {
		t.Errorf("deleted: %v", err)
	}
	if ok, err := c.Exists(ctx, Article, Key{ID: "1"}); err != nil || ok {
		t.Errorf("deleted: Exists = %v, %v", ok, err)
	}
	if err := c.Delete(ctx, Article, Key{ID: "nothing"}); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
}

func TestTicketFromBeforeAnInvalidationStoresNothingUsable(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	for _, spoil := range []func() error{
		func() error { return c.Invalidate(ctx, "articles") },
		func() error { return c.Delete(ctx, Article, Key{ID: "1"}) },
		func() error { _, err := purged(c, Article, "*"); return err },
		func() error { return c.InvalidateLayer(ctx, Article) },
		func() error { return c.InvalidateAll(ctx) },
	} {
		tk, err := c.Ticket(ctx, entry("1"))
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := Set(ctx, c, entry("1"), "old", 0, tk); err != nil {
			t.Fatal(err)
		}
		if v, err := Get[string](ctx, c, entry("1")); !errors.Is(err, ErrMiss) {
			t.Errorf("a value from before was served: %q, %v", v, err)
		}
		if ok, err := c.Exists(ctx, Article, Key{ID: "1"}); ok || err != nil {
			t.Errorf("Exists = %v, %v", ok, err)
		}
	}
	other, err := c.Ticket(ctx, entry("2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Set(ctx, c, entry("1"), "x", 0, other); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("another entry's ticket: %v", err)
	}
}

// purged purges a pattern and returns how many entries it reached.
func purged(c *Cache, layer, pattern string) (int, error) {
	p, err := c.PurgePattern(context.Background(), layer, pattern, PurgeOptions{})
	return p.Total(), err
}

func TestPurgePattern(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	ids := []string{"a1", "a2", "b1", "a*", "a[1]", `a\x`, "a?", "^a", "a-b"}
	fill := func() {
		for _, id := range ids {
			set(t, c, id, id)
		}
	}
	left := func() []string {
		var out []string
		for _, id := range ids {
			if _, err := Get[string](ctx, c, entry(id)); err == nil {
				out = append(out, id)
			}
		}
		return out
	}
	for pattern, want := range map[string][]string{
		"a1":    {"a2", "b1", "a*", "a[1]", `a\x`, "a?", "^a", "a-b"},
		"a*":    {"b1", "^a"},
		`a\*`:   {"a1", "a2", "b1", "a[1]", `a\x`, "a?", "^a", "a-b"},
		"a[1]":  {"a1", "a2", "b1", "a*", `a\x`, "a?", "^a", "a-b"},
		"a?":    {"b1", "a[1]", `a\x`, "^a", "a-b"},
		`a\?`:   {"a1", "a2", "b1", "a*", "a[1]", `a\x`, "^a", "a-b"},
		`a\\x`:  {"a1", "a2", "b1", "a*", "a[1]", "a?", "^a", "a-b"},
		"[^a]*": ids,
		"*":     nil,
	} {
		fill()
		n, err := purged(c, Article, pattern)
		if err != nil || n != len(ids)-len(want) {
			t.Errorf("%q: %d, %v", pattern, n, err)
		}
		if got := left(); !slices.Equal(got, want) {
			t.Errorf("%q left %q, want %q", pattern, got, want)
		}
		if n, err := purged(c, Article, "*"); err != nil || n != len(want) {
			t.Errorf("clean up: %d, %v", n, err)
		}
	}
}

func TestPurgePatternStaysInItsLayer(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	f, g := count(c, Article), count(c, Source)
	mustGet(t, f, 1, 0)
	mustGet(t, g, 1, 0)
	if err := c.rdb.Set(ctx, "foreign", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"*", "../*", "*:*", "v1:*", "article:*", "source:v1:*"} {
		if _, err := purged(c, Article, p); err != nil {
			t.Fatal(err)
		}
	}
	mustGet(t, g, 1, 0)
	wantLoads(t, g, 1)
	if c.rdb.Get(ctx, "foreign").Val() != "x" {
		t.Error("a key of another's was deleted")
	}
}

// The version exists before the entry does, so a fill in progress is found.
func TestPurgePatternReachesAFillUnderWay(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	f := count(c, Article)
	release := f.hold()
	done := make(chan struct{})
	go func() { defer close(done); mustGet(t, f, 1, 0) }()
	<-f.enter
	if _, err := purged(c, Article, "*"); err != nil {
		t.Fatal(err)
	}
	release()
	<-done
	f.value.Store(1)
	mustGet(t, f, 1, 1)
}

func TestKeysListsIdentifiers(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	for i := range 20 {
		set(t, c, "k"+strconv.Itoa(i), "x")
	}
	got, err := c.Keys(context.Background(), Article, "k1", "", 100)
	if err != nil || len(got.IDs) != 11 || got.Next != "" {
		t.Errorf("Keys = %+v, %v", got, err)
	}
}

func TestGetOrSet(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	n := 0
	for range 3 {
		v, err := GetOrSet(ctx, c, entry("1"), time.Minute, func(context.Context) (string, error) { n++; return "uno", nil })
		if err != nil || v != "uno" {
			t.Fatalf("%q, %v", v, err)
		}
	}
	if n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

func TestBadInputIsAnErrorNeverAPanic(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	load := func(context.Context) (string, error) { return "x", nil }
	for name, tc := range map[string]struct {
		err  error
		want error
	}{
		"unknown layer":  {want: ErrUnknownLayer, err: second(GetOrSet(ctx, c, Entry{Layer: "nada", Key: Key{ID: "1"}}, 0, load))},
		"empty id":       {want: ErrInvalidKey, err: second(GetOrSet(ctx, c, Entry{Layer: Article}, 0, load))},
		"empty dep":      {want: ErrInvalidKey, err: second(GetOrSet(ctx, c, Entry{Layer: Article, Key: Key{ID: "1"}, Deps: []string{""}}, 0, load))},
		"negative ttl":   {want: ErrInvalidTTL, err: second(GetOrSet(ctx, c, entry("1"), -time.Second, load))},
		"absurd ttl":     {want: ErrInvalidTTL, err: second(GetOrSet(ctx, c, entry("1"), 1000*time.Hour, load))},
		"layer":          {want: ErrUnknownLayer, err: c.InvalidateLayer(ctx, "nada")},
		"pattern":        {want: ErrInvalidKey, err: second(purged(c, Article, ""))},
		"pattern layer":  {want: ErrUnknownLayer, err: second(purged(c, "*", "*"))},
		"pattern length": {want: ErrInvalidKey, err: second(purged(c, Article, strings.Repeat("*a", 5000)))},
		"invalidate":     {want: ErrInvalidKey, err: c.Invalidate(ctx, "a:1", "")},
		"delete":         {want: ErrInvalidKey, err: c.Delete(ctx, Article, Key{Params: url.Values{"a": nil}})},
		"inspect":        {want: ErrUnknownLayer, err: second(c.Inspect(ctx, "nada", "1"))},
	} {
		if !errors.Is(tc.err, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.err, tc.want)
		}
	}
	var many []string
	for i := range 100 {
		many = append(many, "d:"+strconv.Itoa(i))
	}
	if _, err := GetOrSet(ctx, c, Entry{Layer: Article, Key: Key{ID: "1"}, Deps: many}, 0, load); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("100 dependencies: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestOversizedValuesAreServedNotStored(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	o.MaxValueBytes = 1000
	c := newCache(t, o)
	big := strings.Repeat("ñ", 1000)
	for range 2 {
		v, err := GetOrSet(context.Background(), c, entry("1"), 0, func(context.Context) (string, error) { return big, nil })
		if err != nil || v != big {
			t.Fatalf("%d bytes, %v", len(v), err)
		}
	}
	l, _ := c.layer(Article)
	if n := l.met.rejected[rejectTooLarge].value(); n != 2 {
		t.Errorf("rejected = %d", n)
	}
	tk, err := c.Ticket(context.Background(), entry("1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Set(context.Background(), c, entry("1"), big, 0, tk); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Set: %v", err)
	}
}

func TestUndecodableBytesInRedisAreCountedMisses(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	o.NearBytes = -1
	c := newCache(t, o)
	f := count(c, Article)
	ctx := context.Background()
	mustGet(t, f, 1, 0)
	good := rdb.Get(ctx, f.Key(1)).Val()
	spoil := map[string]func() error{
		"garbage":   func() error { return rdb.Set(ctx, f.Key(1), "garbage", 0).Err() },
		"truncated": func() error { return rdb.Set(ctx, f.Key(1), good[:len(good)-1], 0).Err() },
		"flipped": func() error {
			b := []byte(good)
			b[len(b)-1] ^= 1
			return rdb.Set(ctx, f.Key(1), b, 0).Err()
		},
		"wrong type": func() error { return errors.Join(rdb.Del(ctx, f.Key(1)).Err(), rdb.LPush(ctx, f.Key(1), "x").Err()) },
		"wrong version": func() error {
			return rdb.Set(ctx, version.Keys("thing:1")[0], "not sixteen bytes long", 0).Err()
		},
		"version of a wrong type": func() error {
			k := version.Keys("thing:1")[0]
			return errors.Join(rdb.Del(ctx, k).Err(), rdb.LPush(ctx, k, "x").Err())
		},
	}
	want := int64(1)
	for name, break_ := range spoil {
		if err := break_(); err != nil {
			t.Fatal(err)
		}
		want++
		mustGet(t, f, 1, 0)
		if n := f.loads.Load(); n != want {
			t.Errorf("%s: loads = %d, want %d", name, n, want)
		}
		mustGet(t, f, 1, 0)
		if n := f.loads.Load(); n != want {
			t.Errorf("%s: not stored again", name)
		}
	}
	if f.layer.met.rejected[rejectUndecoded].value() != 3 {
		t.Errorf("undecodable counted %d times, want 3", f.layer.met.rejected[rejectUndecoded].value())
	}
}

// A rolling deploy that changes a type gets misses, never wrong data.
func TestAnotherTypeIsAMiss(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	type v1 struct{ A, B int }
	type v2 struct {
		A int `json:"B"`
		B int `json:"A"`
	}
	ctx := context.Background()
	if _, err := GetOrSet(ctx, c, entry("1"), 0, func(context.Context) (v1, error) { return v1{1, 2}, nil }); err != nil {
		t.Fatal(err)
	}
	v, err := GetOrSet(ctx, c, entry("1"), 0, func(context.Context) (v2, error) { return v2{1, 2}, nil })
	if err != nil || v != (v2{1, 2}) {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestValidateRefusesOnBothWays(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	c := newCache(t, o)
	odd := errors.New("odd")
	spec := Spec[int]{Layer: Article, Key: func(int) Key { return Key{ID: "1"} }}
	next := 1
	strict := Wrap(c, spec, func(context.Context, int) (int, error) { return next, nil }).
		Validate(func(_, v int) error {
			if v%2 == 1 {
				return odd
			}
			return nil
		})
	lax := Wrap(c, spec, func(context.Context, int) (int, error) { return 3, nil })
	ctx := context.Background()
	if _, err := strict.Get(ctx, 0); !errors.Is(err, odd) {
		t.Errorf("from the source: %v", err)
	}
	if _, err := lax.Get(ctx, 0); err != nil {
		t.Fatal(err)
	}
	next = 4
	if v, err := strict.Get(ctx, 0); err != nil || v != 4 {
		t.Errorf("found stored: %d, %v", v, err)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	o.NearBytes = -1
	c := newCache(t, o)
	ctx := context.Background()
	text := strings.Repeat("En un lugar de la Mancha, de cuyo nombre no quiero acordarme. ", 200)
	for range 2 {
		v, err := GetOrSet(ctx, c, entry("1"), 0, func(context.Context) (string, error) { return text, nil })
		if err != nil || v != text {
			t.Fatal(len(v), err)
		}
	}
	if n := rdb.StrLen(ctx, "article:v1:1").Val(); n == 0 || n > int64(len(text)/5) {
		t.Errorf("%d bytes in Redis for %d", n, len(text))
	}
	if s := c.Stats(ctx); s.CompressionRatio >= 0.2 || s.Total.Hits != 1 {
		t.Errorf("ratio %v, hits %d", s.CompressionRatio, s.Total.Hits)
	}
	plain := Wrap(c, Spec[int]{Layer: Article, Key: func(int) Key { return Key{ID: "2"} }, NoCompress: true},
		func(context.Context, int) (string, error) { return text, nil })
	if _, err := plain.Get(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if n := rdb.StrLen(ctx, "article:v1:2").Val(); n < int64(len(text)) {
		t.Errorf("compressed to %d against its will", n)
	}
}

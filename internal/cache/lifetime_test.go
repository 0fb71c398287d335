package cache

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"openlearn/internal/cache/internal/version"
)

// left is how long a key of Redis lives.
func left(t *testing.T, c *Cache, key string) time.Duration {
	t.Helper()
	d, err := c.rdb.PTTL(context.Background(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A version that nothing depends on lives no longer than the entry that was
// stored with it: a name that a visitor invented does not stay a key for days.
func TestVersionsLiveNoLongerThanTheirEntries(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	fail := false
	of := func(id string, ttl time.Duration, deps ...string) *Func[int, int] {
		return Wrap(c, Spec[int]{
			Layer: Article, Key: func(int) Key { return Key{ID: id} }, Deps: func(int) []string { return deps }, TTL: ttl,
		}, func(context.Context, int) (int, error) {
			if fail {
				return 0, errSource
			}
			return 1, nil
		})
	}
	life := func(id string) time.Duration { return left(t, c, "article:v1:"+id) }
	lifeOf := func(dep string) time.Duration { return left(t, c, version.Keys(dep)[0]) }
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if d := got - want; d < -time.Minute || d > time.Minute {
			t.Errorf("%s lives %v, want %v", what, got, want)
		}
	}
	short, long := of("short", 2*time.Hour, "source:invented", "source:real"), of("long", 8*time.Hour, "source:real")
	if _, err := short.Get(ctx, 0); err != nil {
		t.Fatal(err)
	}
	near("the invented name", lifeOf("source:invented"), life("short"))
	near("the entry's own", lifeOf("article:short"), life("short"))
	if _, err := long.Get(ctx, 0); err != nil {
		t.Fatal(err)
	}
	near("what a longer entry depends on", lifeOf("source:real"), life("long"))
	near("the invented name", lifeOf("source:invented"), life("short"))
	if err := c.Delete(ctx, Article, Key{ID: "short"}); err != nil {
		t.Fatal(err)
	}
	if got := lifeOf("article:short"); got <= 0 || got > c.freshLife {
		t.Errorf("the version of what was deleted lives %v, want %v at most", got, c.freshLife)
	}
	if _, err := short.Get(ctx, 0); err != nil {
		t.Fatal(err)
	}
	near("what a longer entry depends on, after a shorter one", lifeOf("source:real"), life("long"))

	fail = true
	if _, err := of("none", 0, "source:none").Get(ctx, 0); !errors.Is(err, errSource) {
		t.Fatal(err)
	}
	if err := c.Invalidate(ctx, "source:nobody", "nothings"); err != nil {
		t.Fatal(err)
	}
	for _, dep := range []string{"source:none", "source:nobody", "nothings"} {
		if got := lifeOf(dep); got <= 0 || got > c.freshLife {
			t.Errorf("%s lives %v, want %v at most", dep, got, c.freshLife)
		}
	}
	if c.freshLife < 40*time.Second || c.freshLife > 10*time.Minute {
		t.Errorf("a version that was just made lives %v", c.freshLife)
	}
}

// A ticket holds its versions: one that is asked for again and again, to watch
// for a flush, stays the same.
func TestATicketHoldsItsVersions(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	first, err := c.Ticket(ctx, entry("1"))
	if err != nil {
		t.Fatal(err)
	}
	own := version.Keys("article:1")[0]
	if err := c.rdb.PExpire(ctx, own, time.Second).Err(); err != nil {
		t.Fatal(err)
	}
	again, err := c.Ticket(ctx, entry("1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := left(t, c, own); first == again && got < c.freshLife-10*time.Second {
		t.Errorf("the version lives %v after a ticket, want %v", got, c.freshLife)
	}
}

// Forget frees an entry and its own version, and leaves alone what others
// depend on.
func TestForget(t *testing.T) {
	t.Parallel()
	cs := instances(t, 2, exactly(ownRedis(t), nil))
	c := cs[0]
	ctx := context.Background()
	f, g := count(c, Article), count(cs[1], Article)
	for id := range 3 {
		mustGet(t, f, id, 0)
		mustGet(t, g, id, 0)
	}
	outer := Wrap(c, Spec[int]{
		Layer: Content, Key: func(id int) Key { return Key{ID: strconv.Itoa(id)} }, Deps: f.Deps,
	}, f.Get)
	if _, err := outer.Get(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Forget(ctx, Article, Key{ID: "1"}, Key{ID: "2"}, Key{ID: "nothing"}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2"} {
		if n := c.rdb.Exists(ctx, "article:v1:"+id, version.Keys("article:" + id)[0]).Val(); n != 0 {
			t.Errorf("%d keys of %s are left", n, id)
		}
		if n := c.rdb.Exists(ctx, version.Keys("thing:" + id)[0]).Val(); n != 1 {
			t.Errorf("the version of thing:%s is gone: others may depend on it", id)
		}
	}
	if n := c.met.invalidations.value(); n != 0 {
		t.Errorf("%d invalidations: what is current was only removed", n)
	}
	f.value.Store(1)
	g.value.Store(1)
	if info := mustGet(t, f, 0, 0); info.Source != FromNear {
		t.Errorf("another entry comes from %v", info.Source)
	}
	mustGet(t, f, 1, 1)
	mustGet(t, g, 1, 1) // the other process had it in memory
	mustGet(t, g, 2, 1)
	if v, err := outer.Get(ctx, 1); err != nil || v != 1 {
		t.Errorf("what was built from it: %d, %v", v, err)
	}
	if err := c.Forget(ctx, "nada", Key{ID: "1"}); !errors.Is(err, ErrUnknownLayer) {
		t.Error(err)
	}
	if err := c.Forget(ctx, Article, Key{}); !errors.Is(err, ErrInvalidKey) {
		t.Error(err)
	}
	if err := c.Forget(ctx, Article); err != nil {
		t.Error(err)
	}
}

// A fill in progress while its entry is forgotten stores nothing that is served
// past an invalidation.
func TestAFillOfWhatWasForgottenIsNotServedPastAnInvalidation(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	f := count(c, Article)
	release := f.hold()
	done := make(chan struct{})
	go func() { defer close(done); mustGet(t, f, 1, 0) }()
	<-f.enter
	f.value.Store(1)
	if err := c.Delete(ctx, Article, Key{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Forget(ctx, Article, Key{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	release()
	<-done
	mustGet(t, f, 1, 1)
}

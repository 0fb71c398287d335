package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// Readers of one cold entry make its versions together, however many they are:
// if each used a connection of its own, the herd would overload Redis, and some
// of its readers would lose patience before their turn came.
func TestAHerdMakesVersionsTogether(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	k := startLink(t, s.addr())
	c := newCache(t, exactly(k.client(t), nil))
	f := count(c, Article)
	var makes atomic.Int64
	k.before(func(args []string) {
		if len(args) > 1 && args[0] == "set" && args[1] == version.Keys("thing:1")[0] {
			makes.Add(1)
		}
	})
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			if _, err := f.Get(context.Background(), 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := makes.Load(); n < 1 || n > 20 {
		t.Errorf("500 readers made one version %d times", n)
	}
	wantLoads(t, f, 1)
}

// Versions made together are read after everyone who shares them came: one that
// is invalidated in between is not handed on.
func TestSharedVersionsAreReadAfterWhoSharesThemCame(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	k := startLink(t, s.addr())
	c := newCache(t, exactly(k.client(t), nil))
	other := newCache(t, exactly(s.client(t), nil))
	f := count(c, Article)
	ctx := context.Background()
	if err := other.Invalidate(ctx, "thing:1"); err != nil { // this version is there, others are missing
		t.Fatal(err)
	}
	arrived, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	k.before(func(args []string) {
		if len(args) > 1 && args[0] == "set" && args[1] == version.Keys("article:1")[0] {
			once.Do(func() { close(arrived); <-proceed })
		}
	})
	have, err := c.readKeys(ctx, "", mustTarget(t, f, 1).vkeys)
	if err != nil {
		t.Fatal(err)
	}
	lead := func() string {
		q := &request{target: mustTarget(t, f, 1)}
		versions, _, err := c.takeLead(ctx, q, append([]string(nil), have...), c.history.met.Load())
		if err != nil {
			t.Error(err)
		}
		return versions
	}
	var wg sync.WaitGroup
	wg.Go(func() { lead() })
	<-arrived
	if err := other.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	want := other.rdb.Get(ctx, version.Keys("thing:1")[0]).Val()
	got := make(chan string, 1)
	wg.Go(func() { got <- lead() }) // comes after the invalidation, and shares
	testkit.Eventually(t, "the second waits", func() bool { return c.makes.Waiting(f.Key(1)) == 1 })
	close(proceed)
	wg.Wait()
	versions := <-got
	for i, k := range mustTarget(t, f, 1).vkeys {
		if k == version.Keys("thing:1")[0] && versions[i*version.Len:(i+1)*version.Len] != want {
			t.Error("a version read before the invalidation was handed to who came after it")
		}
	}
}

func mustTarget(t *testing.T, f *counted, id int) target {
	t.Helper()
	tg, err := f.target(id)
	if err != nil {
		t.Fatal(err)
	}
	return tg
}

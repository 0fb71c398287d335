package cache

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

// closed is a cache whose gate never opens: every read goes to the source.
func closed(t *testing.T, slots int) *Cache {
	o := exactly(ownRedis(t), nil)
	o.Gate = func() bool { return false }
	o.SourceSlots = slots
	o.LoadTimeout = 20 * time.Second
	return newCache(t, o)
}

func TestGateSendsReadsToTheSource(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	o := exactly(ownRedis(t), nil)
	o.Gate = open.Load
	c := newCache(t, o)
	f := count(c, Article)
	open.Store(true)
	mustGet(t, f, 1, 0)
	mustGet(t, f, 1, 0)
	wantLoads(t, f, 1)
	open.Store(false)
	f.value.Store(1)
	if info := mustGet(t, f, 1, 1); info.Source != FromBypass {
		t.Errorf("from %v", info.Source)
	}
	if _, err := c.Ticket(context.Background(), entry("1")); !errors.Is(err, ErrBypass) {
		t.Errorf("Ticket: %v", err)
	}
	if _, err := Get[int](context.Background(), c, entry("1")); !errors.Is(err, ErrBypass) {
		t.Errorf("Get: %v", err)
	}
}

// Past the cache a reader may share only a fetch that starts after it came.
func TestBypassReadersJoinOnlyALaterFetch(t *testing.T) {
	t.Parallel()
	c := closed(t, 4)
	f := count(c, Article)
	release := f.hold()
	var wg sync.WaitGroup
	wg.Go(func() { mustGet(t, f, 1, 0) })
	<-f.enter
	f.value.Store(1) // the fetch in progress has read 0 already
	for range 30 {
		wg.Go(func() { mustGet(t, f, 1, 1) })
	}
	testkit.Eventually(t, "the others wait for one fetch", func() bool { return f.layer.met.coalesced.value() == 29 })
	release()
	wg.Wait()
	wantLoads(t, f, 2)
}

func TestBypassLoadsAreBounded(t *testing.T) {
	t.Parallel()
	const slots = 3
	c := closed(t, slots)
	var now, most atomic.Int64
	f := Wrap(c, Spec[int]{Layer: Article, Key: func(i int) Key { return Key{ID: string(rune('a' + i))} }},
		func(context.Context, int) (int, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			time.Sleep(time.Millisecond) // the source takes its time
			return 0, nil
		})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := f.Get(context.Background(), i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if m := most.Load(); m > slots || m == 0 {
		t.Errorf("%d loads at once, at most %d", m, slots)
	}
}

// With as many outer loads as slots, nested ones could never start if each
// wanted a slot of its own; nor could they if loads that hold all slots joined
// one that waits for a slot.
func TestNestedBypassLoadsShareTheirParentsSlot(t *testing.T) {
	t.Parallel()
	c := closed(t, 2)
	inner := count(c, Article)
	entered := make(chan struct{}, 10)
	proceed := make(chan struct{})
	outer := Wrap(c, Spec[int]{Layer: Content, Key: func(i int) Key { return Key{ID: string(rune('a' + i))} }, Deps: func(int) []string { return inner.Deps(7) }},
		func(ctx context.Context, _ int) (int, error) {
			entered <- struct{}{}
			<-proceed
			return inner.Get(ctx, 7)
		})
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			if _, err := outer.Get(context.Background(), i); err != nil {
				t.Error(err)
			}
		})
	}
	<-entered
	<-entered // both slots are taken
	wg.Go(func() {
		if _, err := inner.Get(context.Background(), 7); err != nil { // waits for a slot
			t.Error(err)
		}
	})
	testkit.Eventually(t, "the lone reader's flight is claimed", func() bool {
		c.bypass.mu.Lock()
		defer c.bypass.mu.Unlock()
		return c.bypass.byKey[inner.Key(7)] != nil
	})
	close(proceed)
	wg.Wait()
}

func TestStartsWithoutRedisAndComesBack(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.kill()
	o := exactly(s.client(t), nil)
	o.BreakerProbe = 10 * time.Millisecond
	c := newCache(t, o)
	f := count(c, Article)
	for i := range 10 {
		if info := mustGet(t, f, i, 0); info.Source != FromBypass {
			t.Errorf("from %v", info.Source)
		}
	}
	s.start()
	testkit.Eventually(t, "entries are served and messages heard", func() bool {
		_, info, err := f.GetInfo(context.Background(), 1)
		return err == nil && info.Source == FromNear && c.pubsub.upSince.Load() != 0
	})
}

// A server that drains has ended the context it started the cache with.
func TestReadsGoOnAfterTheStartContextEnds(t *testing.T) {
	t.Parallel()
	c, err := New(exactly(ownRedis(t), nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	f := count(c, Article)
	cancel()
	for range 3 {
		mustGet(t, f, 1, 0)
	}
	wantLoads(t, f, 1)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestBreakerOpensAndCloses(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := exactly(s.client(t), nil)
	o.BreakerFailures, o.BreakerProbe = 2, 10*time.Millisecond
	c := newCache(t, o)
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	s.kill()
	for range 3 {
		f.value.Add(1)
		if info := mustGet(t, f, 1, int(f.value.Load())); info.Source != FromBypass {
			t.Errorf("from %v", info.Source)
		}
	}
	if !c.breaker.open.Load() {
		t.Error("the breaker did not open")
	}
	s.start()
	testkit.Eventually(t, "the breaker closes", func() bool { return !c.breaker.open.Load() })
	testkit.Eventually(t, "entries are served again", func() bool {
		_, info, err := f.GetInfo(context.Background(), 1)
		return err == nil && (info.Source == FromRedis || info.Source == FromNear)
	})
}

// Redis stops answering with reads and fills in mid-flight, and comes back.
func TestStalledRedisInMidFlight(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := exactly(s.client(t), nil)
	o.RedisTimeout, o.BreakerProbe = 300*time.Millisecond, 10*time.Millisecond
	c := newCache(t, o)
	f := count(c, Article)
	release := f.hold()
	var wg sync.WaitGroup
	wg.Go(func() { mustGet(t, f, 1, 0) }) // its fill will meet the stall
	<-f.enter
	s.signal(syscall.SIGSTOP)
	release()
	wg.Wait()
	for i := range 20 {
		wg.Go(func() { mustGet(t, f, i, 0) })
	}
	wg.Wait()
	if err := c.Invalidate(context.Background(), "things"); err == nil {
		t.Error("an invalidation that Redis never acknowledged returned nil")
	}
	s.signal(syscall.SIGCONT)
	f.value.Store(1)
	testkit.Eventually(t, "an invalidation is acknowledged", func() bool { return c.Invalidate(context.Background(), "things") == nil })
	testkit.Eventually(t, "the breaker closes", func() bool { return !c.breaker.open.Load() })
	for i := range 20 {
		mustGet(t, f, i, 1)
	}
}

func TestRedisThatRefusesWrites(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
	rdb := s.client(t)
	c := newCache(t, exactly(rdb, nil))
	ctx := context.Background()
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	if err := rdb.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	f.value.Store(1)
	if err := c.Invalidate(ctx, "thing:1"); err == nil {
		t.Fatal("a refused invalidation returned nil")
	}
	mustGet(t, f, 1, 0) // not invalidated, so still served
	mustGet(t, f, 2, 1) // no version can be made: from the source
	if err := rdb.ConfigSet(ctx, "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	mustGet(t, f, 1, 1)
}

func TestPanickingLoaderIsAnErrorForAll(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{true, false} {
		o := exactly(ownRedis(t), nil)
		o.Gate = func() bool { return open }
		f := Wrap(newCache(t, o), articleSpec(), func(context.Context, int) (article, error) { panic("¡ay!") })
		var p *PanicError
		if _, err := f.Get(context.Background(), 1); !errors.As(err, &p) || p.Value != "¡ay!" {
			t.Errorf("err = %v", err)
		}
	}
}

func TestCallerMayLeaveWithoutEndingTheFetch(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	f := count(c, Article)
	release := f.hold()
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() { _, err := f.Get(ctx, 1); gone <- err }()
	<-f.enter
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	release()
	testkit.Eventually(t, "the fetch is stored", func() bool {
		_, info, err := f.GetInfo(context.Background(), 1)
		return err == nil && info.Source != FromSource
	})
	wantLoads(t, f, 1)
}

func TestCloseEndsLoadsAndRefusesMore(t *testing.T) {
	t.Parallel()
	c, err := New(exactly(ownRedis(t), nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	f := count(c, Article)
	defer f.hold()()
	got := make(chan error, 1)
	go func() { _, err := f.Get(context.Background(), 1); got <- err }()
	<-f.enter
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err == nil {
		t.Error("a load outlived Close")
	}
	if _, err := f.Get(context.Background(), 2); err == nil {
		t.Error("a closed cache answered")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Start(context.Background()); err == nil && c.started.Load() != true {
		t.Error("a closed cache started")
	}
}

// tallied is JSON that counts its encodings.
type tallied struct {
	JSON
	n *atomic.Int64
}

func (c tallied) Marshal(v any) ([]byte, error) {
	c.n.Add(1)
	return c.JSON.Marshal(v)
}

// Past the cache a reader who is alone takes what the source gave. Readers who
// share a fetch get copies: none may see what another does to its own.
func TestBypassReadersShareNoMemory(t *testing.T) {
	t.Parallel()
	c := closed(t, 4)
	var encoded atomic.Int64
	enter, release := make(chan struct{}, 100), make(chan struct{})
	f := Wrap(c, Spec[int]{
		Layer: Article, Codec: tallied{n: &encoded},
		Key: func(id int) Key { return Key{ID: strconv.Itoa(id)} },
	}, func(context.Context, int) ([]string, error) {
		enter <- struct{}{}
		<-release
		return []string{"as it was"}, nil
	})
	get := func() {
		v, err := f.Get(context.Background(), 1)
		if err != nil || v[0] != "as it was" {
			t.Errorf("%v, %v", v, err)
			return
		}
		v[0] = "mine now"
	}
	var wg sync.WaitGroup
	wg.Go(get)
	<-enter // alone with the first fetch
	for range 20 {
		wg.Go(get)
	}
	testkit.Eventually(t, "the others share the second", func() bool { return f.layer.met.coalesced.value() == 19 })
	close(release)
	wg.Wait()
	if n := encoded.Load(); n != 1 {
		t.Errorf("encoded %d times: want once, for those who shared", n)
	}
}

package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// Several caches on one Redis stand for several processes: they share nothing
// else.
func instances(t *testing.T, n int, o Options) []*Cache {
	t.Helper()
	out := make([]*Cache, n)
	for i := range out {
		out[i] = newCache(t, o)
	}
	return out
}

func TestColdHotKeyIsFetchedExactlyOnce(t *testing.T) {
	t.Parallel()
	var loads atomic.Int64
	// A busy machine is no reason to bypass.
	slow := *ownRedis(t).Options()
	slow.ReadTimeout, slow.WriteTimeout, slow.PoolTimeout = time.Minute, time.Minute, time.Minute
	rdb := redis.NewClient(&slow)
	t.Cleanup(func() { _ = rdb.Close() })
	o := exactly(rdb, nil)
	o.RedisTimeout = time.Minute
	var wg sync.WaitGroup
	for _, c := range instances(t, 3, o) {
		f := Wrap(c, articleSpec(), func(context.Context, int) (article, error) {
			loads.Add(1)
			return article{1, "uno"}, nil
		})
		for range 1000 {
			wg.Go(func() {
				if v, err := f.Get(context.Background(), 1); err != nil || v.Title != "uno" {
					t.Errorf("%v, %v", v, err)
				}
			})
		}
	}
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("3,000 reads in 3 instances fetched %d times", n)
	}
}

// The lease is an hour and so is the wait: only the wake-up can end it.
func TestWaiterWakesOnTheFill(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	o.Lease, o.LockWait = time.Hour, time.Hour
	cs := instances(t, 2, o)
	a, b := count(cs[0], Article), count(cs[1], Article)
	a.value.Store(7)
	release := a.hold()
	var wg sync.WaitGroup
	wg.Go(func() { mustGet(t, a, 1, 7) })
	<-a.enter
	wg.Go(func() { mustGet(t, b, 1, 7) })
	testkit.Eventually(t, "b waits for a", func() bool { return b.layer.met.lockWaits.value() == 1 })
	release()
	wg.Wait()
	wantLoads(t, b, 0)
}

func TestWaiterTakesOverWhenTheHolderFails(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	o.Lease, o.LockWait = time.Hour, time.Hour
	cs := instances(t, 2, o)
	a, b := count(cs[0], Article), count(cs[1], Article)
	release := a.hold()
	a.failWith(errSource)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := a.Get(context.Background(), 1); !errors.Is(err, errSource) {
			t.Errorf("err = %v", err)
		}
	})
	<-a.enter
	wg.Go(func() { mustGet(t, b, 1, 0) })
	testkit.Eventually(t, "b waits for a", func() bool { return b.layer.met.lockWaits.value() == 1 })
	release()
	wg.Wait()
	wantLoads(t, b, 1)
}

// A holder that died never releases and never extends; with an hour of LockWait
// only the end of its lease lets the waiter go on.
func TestDeadHolderIsReplacedWhenItsLeaseEnds(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	o.LockWait = time.Hour
	c := newCache(t, o)
	f := count(c, Article)
	ctx := context.Background()
	tk, err := c.Ticket(ctx, Entry{Layer: Article, Key: Key{ID: "1"}, Deps: f.Deps(1)})
	if err != nil {
		t.Fatal(err)
	}
	tg := mustTarget(t, f, 1)
	dead := c.newLock(&tg, tk.versions)
	// On a busy machine a short lease may end before the reader comes.
	for lease := 150 * time.Millisecond; f.layer.met.lockWaits.value() == 0; lease *= 3 {
		if lease > time.Minute {
			t.Fatal("it never waited: the test's lock has the wrong name")
		}
		loads := f.loads.Load()
		if err := rdb.Del(ctx, f.Key(1)).Err(); err != nil {
			t.Fatal(err)
		}
		c.near.Clear()
		if err := rdb.Set(ctx, dead.name, "dead", lease).Err(); err != nil {
			t.Fatal(err)
		}
		mustGet(t, f, 1, 0)
		wantLoads(t, f, loads+1)
	}
}

func TestHolderKeepsItsLeaseAndReleasesByToken(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	o.Lease = 6 * time.Second // extended every two: a stall of four does no harm
	c := newCache(t, o)
	f := count(c, Article)
	ctx := context.Background()
	release := f.hold()
	done := make(chan struct{})
	go func() { defer close(done); mustGet(t, f, 1, 0) }()
	<-f.enter
	tk, err := c.Ticket(ctx, Entry{Layer: Article, Key: Key{ID: "1"}, Deps: f.Deps(1)})
	if err != nil {
		t.Fatal(err)
	}
	tg := mustTarget(t, f, 1)
	name := c.newLock(&tg, tk.versions).name
	token := rdb.Get(ctx, name).Val()
	for range 3 { // the lease is extended three times
		last := rdb.PTTL(ctx, name).Val()
		testkit.Eventually(t, "the lease is extended", func() bool {
			now := rdb.PTTL(ctx, name).Val()
			extended := now > last
			last = now
			return extended
		})
	}
	if got := rdb.Get(ctx, name).Val(); got != token || token == "" {
		t.Errorf("the lock changed hands: %q, %q", token, got)
	}
	// Someone else's lock is not released.
	if err := rdb.Set(ctx, name, "other", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	release()
	<-done
	if got := rdb.Get(ctx, name).Val(); got != "other" {
		t.Errorf("released another's lock: %q", got)
	}
}

// A reader that came after an invalidation neither waits for nor takes what
// another process fetched before it.
func TestLockNamesIncludeTheVersions(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	o.Lease, o.LockWait = time.Hour, time.Hour
	cs := instances(t, 2, o)
	a, b := count(cs[0], Article), count(cs[1], Article)
	release := a.hold()
	done := make(chan struct{})
	go func() { defer close(done); mustGet(t, a, 1, 0) }()
	<-a.enter
	if err := cs[0].Invalidate(context.Background(), "thing:1"); err != nil {
		t.Fatal(err)
	}
	b.value.Store(1)
	mustGet(t, b, 1, 1)
	release()
	<-done
	// a's own late fill, stored over b's, is never served.
	a.value.Store(2)
	mustGet(t, a, 1, 2)
}

// ticketed is f's request for 1, the versions current now and a lock at those versions that is taken.
func ticketed(t *testing.T, c *Cache, f *counted) (*request, string, *lock) {
	t.Helper()
	ctx := context.Background()
	q, err := f.request(1)
	if err != nil {
		t.Fatal(err)
	}
	tk, err := c.Ticket(ctx, Entry{Layer: Article, Key: Key{ID: "1"}, Deps: f.Deps(1)})
	if err != nil {
		t.Fatal(err)
	}
	l := c.newLock(&q.target, tk.versions)
	if a := c.try(ctx, l, q.key, false); a.err != nil || !l.held {
		t.Fatal(a)
	}
	return q, tk.versions, l
}

// A reader that took the lock in advance may find the flight of its versions
// claimed by another reader of its process, who waits for that very lock. With
// an hour of lease only the lead lets it go on.
func TestTheFlightGetsTheLead(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	o.Lease, o.LockWait = time.Hour, time.Hour
	c := instances(t, 1, o)[0]
	f := count(c, Article)
	q, versions, lead := ticketed(t, c, f)
	var wg sync.WaitGroup
	wg.Go(func() { mustGet(t, f, 1, 0) })
	testkit.Eventually(t, "the flight waits for the lock", func() bool { return f.layer.met.lockWaits.value() == 1 })
	m := []missing{{versions: versions, lead: lead}}
	c.join(context.Background(), one(q), m)
	if _, err := m[0].flight.wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	wantLoads(t, f, 1)
	if n := rdb.Exists(context.Background(), lead.name, lead.awaited()).Val(); n != 0 {
		t.Errorf("%d keys of the lock are left", n)
	}
}

// A flight that ended without its lead leaves no lock behind.
func TestAnUnusedLeadIsReleased(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	o.Lease = time.Hour
	c := newCache(t, o)
	q, versions, lead := ticketed(t, c, count(c, Article))
	name := flightName(&q.target, versions)
	fl, _ := c.flights.claim(name, nil)
	if _, mine := c.flights.claim(name, lead); mine {
		t.Fatal("one flight claimed twice")
	}
	c.land(context.Background(), &missing{name: name, flight: fl}, answer{})
	testkit.Eventually(t, "the lock is free", func() bool { return rdb.Exists(context.Background(), lead.name).Val() == 0 })
}

// Fills that nobody waits for are not announced: each message goes to every
// instance.
func TestFillsWakeOnlyWhoWaits(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	c := newCache(t, exactly(rdb, nil))
	ctx := context.Background()
	ps := rdb.Subscribe(ctx, c.pubsub.channel)
	defer ps.Close()
	if _, err := ps.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	f := count(c, Article)
	for id := range 10 {
		mustGet(t, f, id, 0)
	}
	q, _, l := ticketed(t, c, f)
	if a := c.try(ctx, c.newLock(&q.target, ""), q.key, true); a.err != nil { // waits for another lock
		t.Fatal(a.err)
	}
	other := &lock{name: l.name, token: version.New()}
	if a := c.try(ctx, other, q.key, true); a.err != nil || other.held || a.left <= 0 {
		t.Fatal(a)
	}
	c.release(ctx, l)
	msg, err := ps.ReceiveMessage(ctx)
	if err != nil || msg.Payload != string(msgFilled)+l.name {
		t.Fatalf("the first message is %v, %v; want the one that was waited for", msg, err)
	}
}

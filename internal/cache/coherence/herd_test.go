package coherence

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/testkit"
)

const herdSize = 1000 // in each process

// herdPatience is how long Redis may take. One fetch is promised while it
// answers in time; a process that the kernel does not run for a second, or
// whose new connection waits that long, goes to the source as it should.
const herdPatience = 30 * time.Second

// herd asks for one cold key from everywhere at once.
func (w *worker) herd(rdb redis.UniversalClient) error {
	c, err := cache.New(cache.Options{
		Redis:  rdb,
		Layers: []cache.Layer{{Name: plain, Namespace: plain, TTL: time.Hour}},
		// The machine may be busy; this test is not about giving up, and a holder that the kernel does not run is not
		// dead.
		RedisTimeout: herdPatience, LockWait: time.Minute, LoadTimeout: time.Minute, Lease: herdPatience,
	})
	if err != nil {
		return err
	}
	if err := c.Start(context.Background()); err != nil {
		return err
	}
	f := cache.Wrap(c, cache.Spec[entry]{
		Layer: plain,
		Key:   func(e entry) cache.Key { return cache.Key{ID: e.id()} },
		Deps:  func(e entry) []string { return e.declared() },
	}, func(_ context.Context, e entry) (value, error) {
		w.m.count(nLoads, 1)
		stamp := w.m.Seq.Add(1)
		time.Sleep(100 * time.Millisecond) // what makes it worth fetching once
		return value{Entry: e, Stamp: stamp}, nil
	})
	var wg, ready sync.WaitGroup
	errs := make(chan error, herdSize)
	gun := make(chan struct{})
	for range herdSize {
		ready.Add(1)
		wg.Go(func() {
			ready.Done()
			<-gun
			v, err := f.Get(context.Background(), 0)
			if err != nil || v.Stamp != 1 {
				errs <- fmt.Errorf("got number %d: %w", v.Stamp, err)
				return
			}
			w.m.count(nJudged, 1)
		})
	}
	ready.Wait()
	w.m.count(nReads, 1) // this process is ready
	for !w.m.Stop.Load() {
		time.Sleep(100 * time.Microsecond)
	}
	close(gun)
	wg.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return fmt.Errorf("%d of %d callers failed, the first: %w", len(errs)+1, herdSize, err)
	}
	return c.Close()
}

// A cold hot key that 3,000 callers in 3 processes ask for at once is fetched once.
func TestAColdHotKeyIsFetchedOnce(t *testing.T) {
	t.Parallel()
	m, path := newMemory(t)
	n := startNode(t)
	p := &topology{t: t, m: m, nodes: []*node{n}}
	p.announce(0)
	crew := start(t, m, workers, order{Role: "herd", Memory: path})
	testkit.Eventually(t, "all processes are ready", func() bool { return m.Counters[nReads].Load() == workers })
	crew.finish() // Stop is the starting gun
	if n := m.Counters[nJudged].Load(); n != workers*herdSize {
		t.Errorf("%d callers got the value, want %d", n, workers*herdSize)
	}
	if n := m.Counters[nLoads].Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

package cache

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"openlearn/internal/testkit"
)

// Readers of different entries who come while both lanes are taken share one exchange, which began after they came, and
// each gets the right answer. The rules of sharing are tested by themselves in internal/versionbatch.
func TestReadersOfManyEntriesShareACheck(t *testing.T) {
	t.Parallel()
	const readers = 50
	c := instances(t, 1, exactly(ownRedis(t), nil))[0]
	f := count(c, Article)
	versions := map[string]bool{}
	for id := range readers {
		mustGet(t, f, id, 0)
		for _, v := range mustTarget(t, f, id).vkeys {
			versions[v] = true
		}
	}
	ctx := context.Background()
	var wg sync.WaitGroup
	var held atomic.Int64
	release := make(chan struct{})
	seen := &mgets{before: func(int64) {
		held.Add(1)
		<-release
	}}
	c.rdb.AddHook(seen)
	testkit.Eventually(t, "both lanes are taken", func() bool {
		if held.Load() < 2 { // the second opens for whoever comes a millisecond after the first
			wg.Go(func() { mustGet(t, f, 0, 0) })
		}
		return held.Load() == 2
	})

	invalidated := func(id int) bool { return id > 0 && id%2 == 0 }
	f.value.Store(1)
	for id := range readers {
		wg.Go(func() {
			v, info, err := f.GetInfo(ctx, id)
			switch {
			case err != nil:
				t.Error(err)
			case invalidated(id) && (v != 1 || info.Source != FromSource):
				t.Errorf("%d: %d from %v after its invalidation", id, v, info.Source)
			case !invalidated(id) && (v != 0 || info.Source != FromNear):
				t.Errorf("%d: %d from %v, nothing had changed", id, v, info.Source)
			}
		})
	}
	testkit.Eventually(t, "all wait for the next check", func() bool { return c.batcher.Waiting() == len(versions) })
	for id := range readers {
		if invalidated(id) {
			if err := c.Invalidate(ctx, "thing:"+strconv.Itoa(id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := seen.checks.Load()
	close(release)
	wg.Wait()
	// One for all of them; a busy machine may repeat it, or those that were held.
	if n := seen.checks.Load() - before; n < 1 || n > readers/4 {
		t.Errorf("%d checks for %d readers", n, readers)
	}
	if c.batcher.Waiting() != 0 {
		t.Errorf("afterwards %d versions are waited for", c.batcher.Waiting())
	}
}

// A reader that comes while a check is in progress is not given that check's result.
func TestACheckInProgressIsNotJoined(t *testing.T) {
	t.Parallel()
	c := instances(t, 1, exactly(ownRedis(t), nil))[0]
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	mustGet(t, f, 1, 0)
	ctx := context.Background()
	got := make(chan int, 1)
	c.rdb.AddHook(&mgets{before: func(n int64) {
		if n != 1 {
			return
		}
		f.value.Store(1)
		if err := c.Invalidate(ctx, "thing:1"); err != nil {
			t.Error(err)
		}
		entered := make(chan struct{})
		go func() {
			close(entered)
			v, err := f.Get(ctx, 1)
			if err != nil {
				t.Error(err)
			}
			got <- v
		}()
		<-entered
		// It waits for the next check, or has begun one beside this one.
		testkit.Eventually(t, "the second reader has come", func() bool { return c.batcher.Waiting() > 0 || c.batcher.Lanes() == 2 || len(got) == 1 })
	}})
	if _, err := f.Get(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if v := <-got; v != 1 {
		t.Errorf("a reader who came after the invalidation got %d", v)
	}
}

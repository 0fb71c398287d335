package coalesce

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"openlearn/internal/testkit"
)

// held is work whose first run lasts until it is released. It returns each run's number.
type held struct {
	runs            atomic.Int64
	inside, release chan struct{}
}

func newHeld() *held { return &held{inside: make(chan struct{}), release: make(chan struct{})} }

func (h *held) work() int64 {
	n := h.runs.Add(1)
	if n == 1 {
		close(h.inside)
		<-h.release
	}
	return n
}

// Those who arrive while work is in progress share the next run, not that one.
func TestNobodyIsGivenWorkThatBeganBefore(t *testing.T) {
	t.Parallel()
	var c Coalescer[int64]
	var wg sync.WaitGroup
	spawn := func(fn func()) bool { wg.Go(fn); return true }
	h := newHeld()
	share := func(want int64) {
		got, err := c.Share(context.Background(), spawn, h.work)
		if err != nil || got != want {
			t.Errorf("given run %d, want %d (%v)", got, want, err)
		}
	}
	wg.Go(func() { share(1) })
	<-h.inside
	for range 64 {
		wg.Go(func() { share(2) })
	}
	testkit.Eventually(t, "all wait for the next run", func() bool { return c.Waiting() == 64 })
	close(h.release)
	wg.Wait()
	share(3) // nothing is left over
	if n := h.runs.Load(); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
}

func TestWhoeverWaitsMayLeave(t *testing.T) {
	t.Parallel()
	var c Coalescer[int64]
	var wg sync.WaitGroup
	spawn := func(fn func()) bool { wg.Go(fn); return true }
	h := newHeld()
	wg.Go(func() { _, _ = c.Share(context.Background(), spawn, h.work) })
	<-h.inside
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Share(ctx, spawn, h.work); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller whose context has ended: %v", err)
	}
	close(h.release)
	wg.Wait()
	if v, err := c.Share(context.Background(), spawn, h.work); err != nil || v != 3 { // the run happened although its waiter left
		t.Errorf("after a waiter left: run %d, %v", v, err)
	}
}

// When no new work may be started, the caller who is done works for those who wait.
func TestNobodyIsLeftWaitingWhenClosing(t *testing.T) {
	t.Parallel()
	var c Coalescer[int64]
	h := newHeld()
	refuse := func(func()) bool { return false }
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := c.Share(context.Background(), refuse, h.work); err != nil {
				t.Error(err)
			}
		})
	}
	<-h.inside
	testkit.Eventually(t, "the other waits", func() bool { return c.Waiting() == 1 })
	close(h.release)
	wg.Wait()
}

// Names do not share, and a name that nobody uses is forgotten.
func TestGroupsShareByName(t *testing.T) {
	t.Parallel()
	var g Group[int64]
	var wg sync.WaitGroup
	spawn := func(fn func()) bool { wg.Go(fn); return true }
	h := newHeld()
	wg.Go(func() { _, _ = g.Share(context.Background(), "a", spawn, h.work) })
	<-h.inside
	if v, err := g.Share(context.Background(), "b", spawn, func() int64 { return 7 }); v != 7 || err != nil {
		t.Errorf("another name waited: %d, %v", v, err)
	}
	wg.Go(func() { _, _ = g.Share(context.Background(), "a", spawn, h.work) })
	testkit.Eventually(t, "one waits", func() bool { return g.Waiting("a") == 1 })
	close(h.release)
	wg.Wait()
	if len(g.byName) != 0 || g.Waiting("a") != 0 {
		t.Errorf("%d names are left", len(g.byName))
	}
}

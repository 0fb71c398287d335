package versionbatch

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

// world is a source of versions whose exchanges a test holds and counts. A version is its key with the time of the world
// at which it was read.
type world struct {
	t     *testing.T
	b     *Batcher
	now   atomic.Int64 // the batcher's clock
	time  atomic.Int64 // of the versions
	sent  chan []string
	gate  chan error // one answer for each exchange
	spawn sync.WaitGroup
	shut  atomic.Bool
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, sent: make(chan []string, 100), gate: make(chan error)}
	w.now.Store(1)
	w.b = New(&Source{
		Read: func(_ context.Context, keys []string) ([]string, error) {
			at := w.time.Load()
			w.sent <- slices.Clone(keys)
			if err := <-w.gate; err != nil {
				return nil, err
			}
			out := make([]string, len(keys))
			for i, k := range keys {
				out[i] = k + "@" + strconv.FormatInt(at, 10)
			}
			return out, nil
		},
		Now: w.now.Load,
		Spawn: func(fn func()) bool {
			if w.shut.Load() {
				return false
			}
			w.spawn.Go(fn)
			return true
		},
	})
	t.Cleanup(w.spawn.Wait)
	return w
}

// read reads in the background.
func (w *world) read(ctx context.Context, keys ...string) <-chan result {
	ch := make(chan result, 1)
	go func() {
		out, err := w.b.Read(ctx, keys)
		ch <- result{out, err}
	}()
	return ch
}

type result struct {
	Outcome
	err error
}

func (r result) want(t *testing.T, versions ...string) {
	t.Helper()
	if r.err != nil || r.Err != nil || !slices.Equal(r.Versions, versions) {
		t.Errorf("%q, %v, %v; want %q", r.Versions, r.Err, r.err, versions)
	}
}

func (w *world) waiting(n int) {
	w.t.Helper()
	testkit.Eventually(w.t, "readers wait for the next exchange", func() bool { return w.b.Waiting() == n })
}

// idle checks that no shared exchange is left.
func (w *world) idle() {
	w.t.Helper()
	testkit.Eventually(w.t, "its lanes are free", func() bool { return w.b.Lanes() == 0 && w.b.Waiting() == 0 })
}

// Readers of different entries who come while an exchange is in progress share the next, which asks for each version
// once, began after they came and tells each what it asked for.
func TestReadersOfManyEntriesShareAnExchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	first := w.read(ctx, "a")
	<-w.sent
	one, two := w.read(ctx, "a", "b"), w.read(ctx, "c", "a")
	w.waiting(3)
	w.time.Store(1) // all have come
	w.gate <- nil
	(<-first).want(t, "a@0")
	keys := <-w.sent
	slices.Sort(keys)
	if !slices.Equal(keys, []string{"a", "b", "c"}) {
		t.Errorf("asked for %q", keys)
	}
	w.gate <- nil
	(<-one).want(t, "a@1", "b@1")
	(<-two).want(t, "c@1", "a@1")
	w.idle()
	if len(w.sent) != 0 {
		t.Errorf("%d more exchanges", len(w.sent))
	}
}

// A reader that comes while an exchange is in progress is not given its result, even if it asks for the reader's own
// keys.
func TestAnExchangeInProgressIsNotJoined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.read(context.Background(), "a")
	<-w.sent
	w.time.Store(1)
	second := w.read(context.Background(), "a")
	w.waiting(1)
	w.gate <- nil
	w.gate <- nil
	(<-first).want(t, "a@0")
	(<-second).want(t, "a@1")
}

func TestAReaderWhoWaitsMayLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.read(context.Background(), "a")
	<-w.sent
	ctx, cancel := context.WithCancel(context.Background())
	left := w.read(ctx, "b")
	w.waiting(1)
	cancel()
	if r := <-left; !errors.Is(r.err, context.Canceled) {
		t.Errorf("left with %v", r.err)
	}
	w.gate <- nil
	(<-first).want(t, "a@0")
	w.gate <- nil // the exchange that nobody waits for
	w.idle()
	again := w.read(context.Background(), "b")
	w.gate <- nil
	(<-again).want(t, "b@0")
}

// If an exchange takes long, another begins beside it for all who wait, but never a third.
func TestASlowExchangeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	first := w.read(ctx, "a")
	<-w.sent
	waiter := w.read(ctx, "a", "b")
	w.waiting(2)
	w.now.Add(int64(2 * time.Millisecond))
	second := w.read(ctx, "b")
	if keys := <-w.sent; len(keys) != 2 {
		t.Errorf("beside the slow one %q was asked for", keys)
	}
	w.now.Add(int64(2 * time.Millisecond))
	third := w.read(ctx, "c")
	w.waiting(1)
	if w.b.Lanes() != maxLanes {
		t.Errorf("%d lanes", w.b.Lanes())
	}
	for range 3 {
		w.gate <- nil
	}
	(<-first).want(t, "a@0")
	(<-waiter).want(t, "a@0", "b@0")
	(<-second).want(t, "b@0")
	(<-third).want(t, "c@0")
	w.idle()
}

// An exchange that is full is not made larger.
func TestAFullExchangeIsNotJoined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	first := w.read(ctx, "a")
	<-w.sent
	keys := make([]string, MaxKeys)
	for i := range keys {
		keys[i] = "k" + strconv.Itoa(i)
	}
	full := w.read(ctx, keys...)
	w.waiting(MaxKeys)
	beside := w.read(ctx, "b", "c")
	if sent := <-w.sent; !slices.Equal(sent, []string{"b", "c"}) {
		t.Errorf("beside a full one %d keys were asked for", len(sent))
	}
	for range 3 {
		w.gate <- nil
	}
	(<-first).want(t, "a@0")
	(<-beside).want(t, "b@0", "c@0")
	if r := <-full; r.err != nil || len(r.Versions) != MaxKeys {
		t.Errorf("the full one: %d versions, %v", len(r.Versions), r.err)
	}
}

// An exchange that fails does so for all who share it, and for nobody else.
func TestFailuresAreShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := errors.New("gone")
	first := w.read(context.Background(), "a")
	<-w.sent
	one, two := w.read(context.Background(), "b"), w.read(context.Background(), "c")
	w.waiting(2)
	w.gate <- nil
	w.gate <- gone
	(<-first).want(t, "a@0")
	for _, ch := range []<-chan result{one, two} {
		if r := <-ch; r.err != nil || !errors.Is(r.Err, gone) {
			t.Errorf("%v, %v", r.Err, r.err)
		}
	}
	w.idle()
}

// When no new work may be started, the reader who is done reads for those who wait.
func TestNobodyIsLeftWaitingWhenClosing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.read(context.Background(), "a")
	<-w.sent
	second := w.read(context.Background(), "b")
	w.waiting(1)
	w.shut.Store(true)
	w.gate <- nil
	w.gate <- nil
	(<-first).want(t, "a@0")
	(<-second).want(t, "b@0")
	w.idle()
}

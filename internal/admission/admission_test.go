package admission

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestNoMoreThanTheLimitAtOnce(t *testing.T) {
	t.Parallel()
	c := New("test", Limits{Min: 1, Max: 3, Queue: 2, Wait: 50 * time.Millisecond}, nil)
	var now, most, done, shed atomic.Int64
	release := make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := c.Do(t.Context(), func() error {
				n := now.Add(1)
				defer now.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				<-release
				return nil
			})
			switch {
			case err == nil:
				done.Add(1)
			case errors.Is(err, ErrShed):
				if shed.Add(1) == 47 {
					close(release) // all but those admitted have an answer: no wait is unbounded
				}
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 3 || done.Load() != 3 {
		t.Errorf("%d at once and %d done, want 3", most.Load(), done.Load())
	}
	if err := c.Do(t.Context(), func() error { return nil }); err != nil {
		t.Error("afterwards:", err)
	}
}

func TestPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	c := New("test", Limits{Min: 1, Max: 1, Wait: 10 * time.Millisecond}, nil)
	failed := errors.New("failed")
	for range 3 {
		if err := c.Do(t.Context(), func() error { return failed }); !errors.Is(err, failed) {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = c.Do(t.Context(), func() error { panic("work") })
		}()
	}
	if err := c.Do(t.Context(), func() error { return nil }); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	err := c.Do(t.Context(), func() error {
		cancel()
		return c.Do(gone, func() error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that its caller has gone", err)
	}
}

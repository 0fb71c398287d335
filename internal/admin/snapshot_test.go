package admin

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestFiguresAreGatheredOnceForAll who ask at the same time or soon after.
func TestFiguresAreGatheredOnceForAll(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := NewSnapshot(time.Hour, func(context.Context) (int32, error) { return n.Add(1), nil })
	defer s.Close()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if v, at, err := s.Get(t.Context()); v != 1 || at.IsZero() || err != nil {
				t.Error(v, at, err)
			}
		})
	}
	wg.Wait()
}

// TestTheLastFiguresStandIn for those that do not come, with their age; what cannot be gathered is an error and is tried again.
func TestTheLastFiguresStandIn(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := NewSnapshot(1, func(ctx context.Context) (int32, error) {
		switch i := n.Add(1); i {
		case 1:
			return i, nil
		case 2:
			<-ctx.Done() // as a frozen server would
			return 0, ctx.Err()
		default:
			return 0, errors.New("no figures")
		}
	})
	v, first, err := s.Get(t.Context())
	if v != 1 || err != nil {
		t.Fatal(v, err)
	}
	for range 2 { // the second joins the gathering of the first
		if v, at, err := s.Get(t.Context()); v != 1 || !at.Equal(first) || err != nil {
			t.Error(v, at, err)
		}
	}
	if n.Load() != 2 {
		t.Errorf("%d gatherings, want one that hangs", n.Load())
	}
	s.Close()
	if _, _, err := s.Get(t.Context()); err == nil {
		t.Error("a failed gathering is told as figures")
	}
}

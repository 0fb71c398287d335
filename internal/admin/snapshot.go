package admin

import (
	"context"
	"sync"
	"time"
)

// Snapshot shares figures that are dear to gather: they are gathered when somebody asks and those there are have become too
// old, by one at a time and for all who wait. Whoever has waited for a while gets the last figures instead, whose age is
// told. Close must follow.
type Snapshot[T any] struct {
	take func(context.Context) (T, error)
	good time.Duration // so long figures are not gathered again

	mu      sync.Mutex
	last    T
	err     error
	at      time.Time // when the gathering of last began; zero = never
	running chan struct{}
	work    sync.WaitGroup
	life    context.Context
	stop    context.CancelFunc
}

const (
	figuresGood   = time.Second            // how long figures are shared
	figuresWait   = 500 * time.Millisecond // for newer ones, while there are older
	figuresOldest = time.Minute            // what is older is not told
)

// NewSnapshot shares what take gathers, for good after its gathering began; 0 = 1 s, negative = not at
// all: each who asks gathers.
func NewSnapshot[T any](good time.Duration, take func(context.Context) (T, error)) *Snapshot[T] {
	if good == 0 {
		good = figuresGood
	}
	s := &Snapshot[T]{take: take, good: good}
	s.life, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends a gathering under way and waits for it.
func (s *Snapshot[T]) Close() {
	s.stop()
	s.work.Wait()
}

// Get is the figures and when their gathering began.
func (s *Snapshot[T]) Get(ctx context.Context) (v T, at time.Time, err error) {
	if s.good < 0 {
		at = time.Now()
		v, err = s.take(ctx)
		return v, at, err
	}
	s.mu.Lock()
	age := time.Since(s.at)
	if !s.at.IsZero() && s.err == nil && age < s.good {
		defer s.mu.Unlock()
		return s.last, s.at, nil
	}
	var enough <-chan time.Time // nil = there is nothing to tell instead
	if !s.at.IsZero() && s.err == nil && age < figuresOldest {
		t := time.NewTimer(figuresWait)
		defer t.Stop()
		enough = t.C
	}
	done := s.gather()
	s.mu.Unlock()
	select {
	case <-done:
	case <-enough:
	case <-ctx.Done():
		return v, at, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.at, s.err
}

// gather begins a gathering unless one is under way. The caller holds the lock.
func (s *Snapshot[T]) gather() (done <-chan struct{}) {
	if s.running != nil {
		return s.running
	}
	running := make(chan struct{})
	s.running = running
	s.work.Go(func() {
		at := time.Now()
		v, err := s.take(s.life)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last, s.at, s.err, s.running = v, at, err, nil
		close(running)
	})
	return running
}

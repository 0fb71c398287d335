package admin

import (
	"context"
	"sync"
	"time"
)

// Snapshot shares figures that are expensive to gather. They are gathered when somebody asks and the last ones are too old,
// one gathering at a time, for all who wait. Callers who have waited for a while get the last figures instead, with their
// age. Close must follow.
type Snapshot[T any] struct {
	take func(context.Context) (T, error)
	good time.Duration // how long figures are not gathered again

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
	figuresWait   = 500 * time.Millisecond // for newer figures, while there are older ones
	figuresOldest = time.Minute            // older figures are not given out
)

// NewSnapshot shares what take gathers, for the time good from the start of the gathering; 0 = 1 s, negative = not at all:
// every caller gathers.
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

// Get returns the figures and when their gathering began.
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
	var enough <-chan time.Time // nil = there are no older figures to give out
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

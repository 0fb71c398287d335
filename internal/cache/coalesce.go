package cache

import (
	"context"
	"sync"
)

// A coalescer shares work among callers who must not be given the result of work
// that began before they came: while one turn runs, those who arrive wait for
// the next, which they share.
type coalescer[R any] struct {
	mu   sync.Mutex
	busy bool
	next *turn[R]
}

type turn[R any] struct {
	done chan struct{}
	res  R
}

// share runs work, or joins the first run of it that begins after now. A lone
// caller runs it itself, without a goroutine.
func (r *coalescer[R]) share(ctx context.Context, spawn func(func()) bool, work func() R) (R, error) {
	r.mu.Lock()
	if !r.busy {
		r.busy = true
		r.mu.Unlock()
		res := work()
		if t := r.pass(); t != nil {
			rest := func() { r.run(t, work) }
			if !spawn(rest) {
				rest() // closing: work fails at once, and nobody is left waiting
			}
		}
		return res, nil
	}
	t := r.next
	if t == nil {
		t = &turn[R]{done: make(chan struct{})}
		r.next = t
	}
	r.mu.Unlock()
	select {
	case <-t.done:
		return t.res, nil
	case <-ctx.Done():
		var zero R
		return zero, ctx.Err()
	}
}

// run works until nobody waits.
func (r *coalescer[R]) run(t *turn[R], work func() R) {
	for ; t != nil; t = r.pass() {
		t.res = work()
		close(t.done)
	}
}

// pass takes the turn that waits, or ends the run.
func (r *coalescer[R]) pass() *turn[R] {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.next
	r.next = nil
	r.busy = t != nil
	return t
}

// coalescers is a coalescer per name, for as long as somebody uses it.
type coalescers[R any] struct {
	mu     sync.Mutex
	byName map[string]*usedCoalescer[R]
}

type usedCoalescer[R any] struct {
	coalescer[R]
	users int
}

func (s *coalescers[R]) share(ctx context.Context, name string, spawn func(func()) bool, work func() R) (R, error) {
	s.mu.Lock()
	r := s.byName[name]
	if r == nil {
		r = &usedCoalescer[R]{}
		s.byName[name] = r
	}
	r.users++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		if r.users--; r.users == 0 {
			delete(s.byName, name)
		}
		s.mu.Unlock()
	}()
	return r.share(ctx, spawn, work)
}

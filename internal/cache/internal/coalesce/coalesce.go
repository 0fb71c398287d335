// Package coalesce shares work among callers who must not be given the result of work that began before they came:
// callers who arrive while one run is in progress wait for the next, which they share.
package coalesce

import (
	"context"
	"sync"
)

// Coalescer shares one kind of work. The zero value is ready.
type Coalescer[R any] struct {
	mu   sync.Mutex
	busy bool
	next *run[R]
}

type run[R any] struct {
	done    chan struct{}
	res     R
	waiters int // callers that share it; Coalescer.mu guards it
}

// Share does work, or joins the first run of it that begins after now. A lone caller does it itself, without a goroutine.
// The error is the context's, if it ended while the caller waited.
func (c *Coalescer[R]) Share(ctx context.Context, spawn func(func()) bool, work func() R) (R, error) {
	c.mu.Lock()
	if !c.busy {
		c.busy = true
		c.mu.Unlock()
		res := work()
		if t := c.pass(); t != nil {
			rest := func() { c.run(t, work) }
			if !spawn(rest) {
				rest() // closing: work fails at once, and nobody is left waiting
			}
		}
		return res, nil
	}
	t := c.next
	if t == nil {
		t = &run[R]{done: make(chan struct{})}
		c.next = t
	}
	t.waiters++
	c.mu.Unlock()
	select {
	case <-t.done:
		return t.res, nil
	case <-ctx.Done():
		var zero R
		return zero, ctx.Err()
	}
}

// run works until nobody waits.
func (c *Coalescer[R]) run(t *run[R], work func() R) {
	for ; t != nil; t = c.pass() {
		t.res = work()
		close(t.done)
	}
}

// pass starts the run that callers wait for, or ends the work.
func (c *Coalescer[R]) pass() *run[R] {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.next
	c.next = nil
	c.busy = t != nil
	return t
}

// Waiting is how many callers wait for the next run.
func (c *Coalescer[R]) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		return 0
	}
	return c.next.waiters
}

// Group has a Coalescer for each name, for as long as somebody uses it. The zero value is ready.
type Group[R any] struct {
	mu     sync.Mutex
	byName map[string]*used[R]
	spare  *used[R] // not in use
}

type used[R any] struct {
	Coalescer[R]
	users int
}

// Share shares work among the callers of one name.
func (g *Group[R]) Share(ctx context.Context, name string, spawn func(func()) bool, work func() R) (R, error) {
	g.mu.Lock()
	if g.byName == nil {
		g.byName = make(map[string]*used[R])
	}
	u := g.byName[name]
	if u == nil {
		if u = g.spare; u == nil {
			u = &used[R]{}
		}
		g.spare = nil
		g.byName[name] = u
	}
	u.users++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		if u.users--; u.users == 0 {
			delete(g.byName, name)
			g.spare = u
		}
		g.mu.Unlock()
	}()
	return u.Share(ctx, spawn, work)
}

// Waiting is how many callers wait for the next run of a name's work.
func (g *Group[R]) Waiting(name string) int {
	g.mu.Lock()
	u := g.byName[name]
	g.mu.Unlock()
	if u == nil {
		return 0
	}
	return u.Waiting()
}

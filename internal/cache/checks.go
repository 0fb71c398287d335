package cache

import (
	"context"
	"sync"
)

// checks are looks at versions, and the versions alone, for strict hits from
// memory. A lone reader makes its own. Those who come while checkLanes are under
// way share the next, whatever entries they ask about, and it asks for a version
// that several of them hang on once: so what a check costs falls with the number
// of readers. Like every shared exchange it begins after all who share it came.
type checks struct {
	mu    sync.Mutex
	lanes int            // exchanges under way
	next  *check         // gathers those who wait for a lane
	at    map[string]int // places in next.keys
}

const (
	// checkLanes is one more than needed, so that no reader waits for most of
	// somebody else's round trip where Redis is far away.
	checkLanes = 2
	// checkKeys bounds an exchange; who finds the next one full makes their own.
	checkKeys = 1024
)

// check is one such exchange and its outcome, which stands once done is closed.
type check struct {
	done chan struct{}
	keys []string
	outcome
}

type outcome struct {
	began    int64 // when the exchange began (monotonic)
	versions []string
	err      error
}

// of makes a check of some versions, or shares one. They stand in the outcome
// in the order asked for. The error is that of a context that ended meanwhile.
func (s *checks) of(ctx context.Context, c *Cache, vkeys []string) (outcome, error) {
	s.mu.Lock()
	if s.lanes < checkLanes {
		s.lanes++
		s.mu.Unlock()
		out := c.readVersions(ctx, vkeys)
		s.pass(c)
		return out, nil
	}
	if s.next == nil {
		s.next = &check{done: make(chan struct{})}
	}
	t := s.next
	if len(t.keys) >= checkKeys {
		s.mu.Unlock()
		return c.readVersions(ctx, vkeys), nil
	}
	places := make([]int, len(vkeys))
	for i, k := range vkeys {
		places[i] = s.place(k)
	}
	s.mu.Unlock()
	select {
	case <-t.done:
		return t.part(places), nil
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

// place is where a key stands in the next exchange.
func (s *checks) place(key string) int {
	if i, ok := s.at[key]; ok {
		return i
	}
	if s.at == nil {
		s.at = make(map[string]int)
	}
	i := len(s.next.keys)
	s.at[key] = i
	s.next.keys = append(s.next.keys, key)
	return i
}

// part is what a shared check says of some of its versions.
func (t *check) part(places []int) outcome {
	out := t.outcome
	if out.err == nil {
		out.versions = make([]string, len(places))
		for i, p := range places {
			out.versions[i] = t.versions[p]
		}
	}
	return out
}

// pass gives a lane to those who wait, or frees it.
func (s *checks) pass(c *Cache) {
	t := s.take()
	if t == nil {
		return
	}
	rest := func() {
		for ; t != nil; t = s.take() {
			// It belongs to all who share it, so nobody's end may end it; the
			// client's own timeouts bound it.
			t.outcome = c.readVersions(context.Background(), t.keys)
			close(t.done)
		}
	}
	if !c.spawn(rest) {
		rest() // closing: it fails at once, and nobody is left waiting
	}
}

func (s *checks) take() *check {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.next
	s.next = nil
	clear(s.at)
	if t == nil {
		s.lanes--
	}
	return t
}

func (c *Cache) readVersions(ctx context.Context, vkeys []string) outcome {
	began := c.mono()
	versions, err := c.readKeys(ctx, "", vkeys)
	return outcome{began: began, versions: versions, err: err}
}

package cache

import (
	"context"
	"sync"
	"time"
)

// checks are looks at versions, and the versions alone, for strict hits from
// memory. A lone reader makes its own. Those who come while one is under way
// share the next, whatever entries they ask about, and it asks for a version
// that several of them hang on once: so what a check costs falls with the number
// of readers. Like every shared exchange it begins after all who share it came.
type versionBatcher struct {
	mu    sync.Mutex
	lanes int            // exchanges under way
	began int64          // when the newest of them did (monotonic)
	next  *versionBatch  // gathers those who wait for a lane
	at    map[string]int // places in next.keys
}

const (
	// batchPatience is how long an exchange is waited for until another begins
	// beside it: where Redis is far away, or slow, nobody is to wait for most of
	// somebody else's round trip.
	batchPatience = time.Millisecond
	batchLanes    = 2
	// maxBatchKeys bounds an exchange; who finds the next one full makes their own.
	maxBatchKeys = 1024
)

// check is one such exchange and its outcome, which stands once done is closed.
type versionBatch struct {
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
func (s *versionBatcher) of(ctx context.Context, c *Cache, vkeys []string) (outcome, error) {
	s.mu.Lock()
	now := c.mono()
	if s.lanes == 0 {
		s.lanes, s.began = 1, now
		s.mu.Unlock()
		out := c.readVersions(ctx, vkeys)
		s.pass(c)
		return out, nil
	}
	if s.next == nil {
		s.next = &versionBatch{done: make(chan struct{})}
	}
	t := s.next
	if len(t.keys) >= maxBatchKeys {
		s.mu.Unlock()
		return c.readVersions(ctx, vkeys), nil
	}
	places := make([]int, len(vkeys))
	for i, k := range vkeys {
		places[i] = s.place(k)
	}
	mine := s.lanes < batchLanes && now-s.began > int64(batchPatience)
	if mine {
		s.lanes++
		s.begin(now)
	}
	s.mu.Unlock()
	if mine {
		c.runVersionBatch(t)
		s.pass(c)
		return t.part(places), nil
	}
	select {
	case <-t.done:
		return t.part(places), nil
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

// place is where a key stands in the next exchange.
func (s *versionBatcher) place(key string) int {
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
func (t *versionBatch) part(places []int) outcome {
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
func (s *versionBatcher) pass(c *Cache) {
	t := s.take(c)
	if t == nil {
		return
	}
	rest := func() {
		for ; t != nil; t = s.take(c) {
			c.runVersionBatch(t)
		}
	}
	if !c.spawn(rest) {
		rest() // closing: it fails at once, and nobody is left waiting
	}
}

// take begins the next exchange in a lane, or frees the lane.
func (s *versionBatcher) take(c *Cache) *versionBatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.lanes--
		return nil
	}
	return s.begin(c.mono())
}

// begin closes the next exchange to those who come from now on.
func (s *versionBatcher) begin(now int64) *versionBatch {
	t := s.next
	s.next, s.began = nil, now
	clear(s.at)
	return t
}

// runVersionBatch makes a shared exchange. It belongs to all who share it, so nobody's end
// may end it; the client's own timeouts bound it.
func (c *Cache) runVersionBatch(t *versionBatch) {
	t.outcome = c.readVersions(context.Background(), t.keys)
	close(t.done)
}

func (c *Cache) readVersions(ctx context.Context, vkeys []string) outcome {
	began := c.mono()
	versions, err := c.readKeys(ctx, "", vkeys)
	return outcome{began: began, versions: versions, err: err}
}

// Package versionbatch reads the versions of dependencies for readers who share exchanges.
//
// A lone reader makes an exchange of its own. Those who come while one is in progress share the next, whatever entries
// they ask about, and it asks only once for a version that several of them depend on: so the cost of a read falls as
// the number of readers grows. Each exchange begins after all who share it came, so it is as good as their own.
package versionbatch

import (
	"context"
	"sync"
	"time"
)

const (
	// patience is how long readers wait for an exchange before another begins beside it: if Redis is far away, or slow,
	// nobody should wait for most of somebody else's round trip.
	patience = time.Millisecond
	maxLanes = 2
	// MaxKeys bounds an exchange. Whoever finds the next one full makes their own.
	MaxKeys = 1024
)

// Source is where versions come from.
type Source struct {
	// Read makes one exchange. It returns as many versions as there are keys.
	Read func(ctx context.Context, keys []string) ([]string, error)
	// Now is a monotonic clock in nanoseconds.
	Now func() int64
	// Spawn runs a function in the background, or returns false if no more work may be started.
	Spawn func(func()) bool
}

// Outcome is what an exchange returned.
type Outcome struct {
	Began    int64 // when it began (monotonic)
	Versions []string
	Err      error
}

// Batcher shares exchanges. It is safe for concurrent use.
type Batcher struct {
	source *Source

	mu    sync.Mutex
	lanes int            // exchanges in progress
	began int64          // when the newest of them did
	next  *batch         // gathers the keys of those who wait for a lane
	at    map[string]int // places in next.keys
}

// batch is one shared exchange and its outcome, which is set once done is closed.
type batch struct {
	done chan struct{}
	keys []string
	Outcome
}

// New makes a Batcher.
func New(s *Source) *Batcher { return &Batcher{source: s} }

// Read reads versions, or shares a read of them. They come in the order asked for. The error is the context's, if it
// ended meanwhile; an error of the exchange is in the outcome.
func (b *Batcher) Read(ctx context.Context, keys []string) (Outcome, error) {
	b.mu.Lock()
	now := b.source.Now()
	if b.lanes == 0 {
		b.lanes, b.began = 1, now
		b.mu.Unlock()
		out := b.read(ctx, keys)
		b.pass()
		return out, nil
	}
	if b.next == nil {
		b.next = &batch{done: make(chan struct{})}
	}
	t := b.next
	if len(t.keys) >= MaxKeys {
		b.mu.Unlock()
		return b.read(ctx, keys), nil
	}
	places := make([]int, len(keys))
	for i, k := range keys {
		places[i] = b.place(k)
	}
	mine := b.lanes < maxLanes && now-b.began > int64(patience)
	if mine {
		b.lanes++
		b.begin(now)
	}
	b.mu.Unlock()
	if mine {
		b.run(t)
		b.pass()
		return t.part(places), nil
	}
	select {
	case <-t.done:
		return t.part(places), nil
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
}

// Waiting is how many versions the next exchange will ask for.
func (b *Batcher) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.at)
}

// Lanes is how many exchanges are in progress, not counting those of readers who found the next one full.
func (b *Batcher) Lanes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lanes
}

// place is a key's index in the next exchange.
func (b *Batcher) place(key string) int {
	if i, ok := b.at[key]; ok {
		return i
	}
	if b.at == nil {
		b.at = make(map[string]int)
	}
	i := len(b.next.keys)
	b.at[key] = i
	b.next.keys = append(b.next.keys, key)
	return i
}

// part is the outcome of a shared exchange for some of its versions.
func (t *batch) part(places []int) Outcome {
	out := t.Outcome
	if out.Err == nil {
		out.Versions = make([]string, len(places))
		for i, p := range places {
			out.Versions[i] = t.Versions[p]
		}
	}
	return out
}

// pass gives the lane to those who wait, or frees it.
func (b *Batcher) pass() {
	t := b.take()
	if t == nil {
		return
	}
	rest := func() {
		for ; t != nil; t = b.take() {
			b.run(t)
		}
	}
	if !b.source.Spawn(rest) {
		rest() // closing: it fails at once, and nobody is left waiting
	}
}

// take begins the next exchange in a lane, or frees the lane.
func (b *Batcher) take() *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.lanes--
		return nil
	}
	return b.begin(b.source.Now())
}

// begin closes the next exchange to readers who come from now on.
func (b *Batcher) begin(now int64) *batch {
	t := b.next
	b.next, b.began = nil, now
	clear(b.at)
	return t
}

// run makes a shared exchange. It belongs to all who share it, so no single caller's cancellation may end it; the
// client's own timeouts bound it.
func (b *Batcher) run(t *batch) {
	t.Outcome = b.read(context.Background(), t.keys)
	close(t.done)
}

func (b *Batcher) read(ctx context.Context, keys []string) Outcome {
	began := b.source.Now()
	versions, err := b.source.Read(ctx, keys)
	return Outcome{Began: began, Versions: versions, Err: err}
}

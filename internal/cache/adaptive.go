package cache

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"openlearn/internal/cache/forecast"
)

// Adaptive, in a Spec, learns from each entry's fetches how often its value changes. It keeps a value that hardly
// changes for longer than the TTL and one that changes a lot for less, with fewer fetches at the same expected
// staleness (forecast.Lifetimes; docs/benchmarks.md shows where it helps and where it does not). It is for sources that
// do not announce their changes: where changes are invalidated there is nothing to learn. A result's own lifetime
// (ResultTTL) takes precedence. Values must not contain the time of their fetch, or every fetch looks like a change.
type Adaptive struct {
	// Min and Max bound the lifetimes. 0 = a sixteenth of the TTL, and ten times the TTL or as much as Options.MaxTTL
	// allows.
	Min, Max time.Duration
	// Keys is how many entries' histories are remembered, about 300 bytes each; beyond that an arbitrary one is
	// forgotten. 0 = 10,000.
	Keys int
}

// pace is what a Func has learnt in this process. Each process learns from its own fetches.
type pace struct {
	keys int
	seed maphash.Seed

	mu        sync.Mutex
	lifetimes *forecast.Lifetimes
	past      map[string]*looks
}

// looks is what is known about one entry.
type looks struct {
	change forecast.Change
	hash   uint64 // of its payload at the last fetch
	at     time.Time
}

func newPace(a Adaptive, l *Layer, ttl, maxTTL time.Duration) (*pace, error) {
	if ttl == 0 {
		ttl = l.TTL
	}
	room := maxTTL - l.hardWindow()
	orDefault(&a.Min, ttl/16)
	orDefault(&a.Max, min(10*ttl, room))
	if a.Keys == 0 {
		a.Keys = 10_000
	}
	switch {
	case l.Credential:
		return nil, errors.New("credentials have the lifetime that they are given")
	case a.Min <= 0 || a.Min > ttl || a.Max < ttl || a.Max > room || a.Keys < 1:
		return nil, fmt.Errorf("%w: adaptive between %v and %v for %d keys, the TTL being %v and at most %v", ErrInvalidTTL, a.Min, a.Max, a.Keys, ttl, room)
	}
	return &pace{keys: a.Keys, seed: maphash.MakeSeed(), lifetimes: forecast.NewLifetimes(ttl, a.Min, a.Max), past: map[string]*looks{}}, nil
}

// fetched learns from a value that was just fetched and says how long to keep it.
func (p *pace) fetched(id string, payload []byte, now time.Time) time.Duration {
	hash := maphash.Bytes(p.seed, payload)
	p.mu.Lock()
	defer p.mu.Unlock()
	since := time.Duration(0)
	of := p.past[id]
	if of == nil {
		for other := range p.past {
			if len(p.past) < p.keys {
				break
			}
			delete(p.past, other)
		}
		of = &looks{change: p.lifetimes.Unknown()}
		p.past[id] = of
	} else if since = now.Sub(of.at); since > 0 {
		p.lifetimes.See(&of.change, since, hash != of.hash)
	}
	of.hash, of.at = hash, now
	return p.lifetimes.Next(&of.change, max(since, 0))
}

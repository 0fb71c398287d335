package cache

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"openlearn/internal/cache/forecast"
)

// Adaptive, in a Spec, learns from each entry's fetches how often its value changes, and keeps what hardly changes longer
// and what changes a lot shorter than the TTL, with fewer fetches at the same expected staleness
// (forecast.Lifetimes; docs/benchmarks.md has what it brings and where it brings nothing). It is for sources that tell
// nobody of their changes: where changes are invalidated there is nothing to learn. What a result says for itself
// (ResultTTL) goes first. Values must not contain the time of their fetch, or they change each time.
type Adaptive struct {
	// Min and Max bound the lifetimes. 0 = a sixteenth of the TTL, and ten times the TTL or what Options.MaxTTL allows.
	Min, Max time.Duration
	// Keys is how many entries' past is remembered, each about 300 bytes; of more, any one is forgotten. 0 = 10,000.
	Keys int
}

// pace is what a Func has learnt in this process. Another process learns for itself, from its own fetches.
type pace struct {
	keys int
	seed maphash.Seed

	mu        sync.Mutex
	lifetimes *forecast.Lifetimes
	past      map[string]*looks
}

// looks is what is known of one entry.
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

package cache

import (
	"context"
	"slices"
	"sync"
)

// A scope is the inside of one load. It makes reads nested in the load strict
// (nothing bounded, nothing stale feeds a fill), collects what they depended
// on, and lets them share the load's slot at the source.
type scope struct {
	c      *Cache
	parent *scope
	keys   []string // of the entries being loaded
	slot   bool     // this load runs in a slot, its own or an ancestor's
	bypass bool     // what is read inside goes past the cache

	warming bool // what is read inside is read for later readers

	mu    sync.Mutex
	deps  []string
	soft  int64 // earliest expiries of the parts; 0 = none
	hard  int64
	ended bool
}

type scopeKey struct{}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// load is the load that s is inside of: a scope that only says Bypass or Warming is not a load.
func (s *scope) load() *scope {
	for s != nil && (s.bypass || s.warming) {
		s = s.parent
	}
	return s
}

// loads reports whether key is being loaded by this scope or one around it.
func (s *scope) loads(key string) bool {
	for ; s != nil; s = s.parent {
		if slices.Contains(s.keys, key) {
			return true
		}
	}
	return false
}

func (s *scope) holdsSlot() bool {
	s = s.load()
	return s != nil && s.slot
}

// inherited is what a value passes on to whatever is built from it:
// dependencies beyond its entry's own (it read what it did not declare), and
// when it expires (Unix ms; 0 = never). It travels with every answer, stored or
// not.
type inherited struct {
	undeclared []string
	soft, hard int64
}

// note records a nested read: what it depends on and when it expires.
func (s *scope) note(c *Cache, deps []string, b *inherited) {
	s = s.load()
	if s == nil || s.c != c {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	for _, d := range deps {
		s.deps = addUnique(s.deps, d)
	}
	for _, d := range b.undeclared {
		s.deps = addUnique(s.deps, d)
	}
	s.soft = earlier(s.soft, b.soft)
	s.hard = earlier(s.hard, b.hard)
}

// earlier is the smaller of two times, where 0 means never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// end closes the scope and returns what its reads pass on to the entry that
// declares these dependencies.
func (s *scope) end(declared []string) inherited {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	b := inherited{soft: s.soft, hard: s.hard}
	for _, d := range s.deps {
		if !slices.Contains(declared, d) {
			b.undeclared = append(b.undeclared, d)
		}
	}
	return b
}

// part is the scope of one of several loads that run in s: what it reads counts
// for its own entry alone.
func (s *scope) part() *scope { return &scope{c: s.c, parent: s, slot: s.slot} }

// parts is what the reads of p's load pass on to its entry: the reads of its
// own scope, or of the one that the whole batch was loaded in.
func (p *product) parts(shared *scope, declared []string) inherited {
	if p.scope != nil {
		shared = p.scope
	}
	return shared.end(declared)
}

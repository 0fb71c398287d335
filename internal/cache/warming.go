package cache

import "context"

// Warming returns a context for reads that nobody waits for, made so that the entry is there when somebody does. They are
// strict: an entry past its TTL is loaded again, not served. They are counted as nested reads, apart from those of
// readers, and not among the top keys: an entry must not look popular because it is kept warm.
func Warming(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{parent: scopeOf(ctx), warming: true})
}

// warms reports whether s is the scope of a warming read itself, not of a load inside it.
func (s *scope) warms() bool { return s != nil && s.warming }

// Serving reports whether stored entries may be used now: the gate is open and Redis answers. Warming a cache that is
// bypassed would only load the source.
func (c *Cache) Serving() bool { return c.usable() == nil }

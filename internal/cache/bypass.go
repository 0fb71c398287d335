package cache

import "context"

// Bypass returns a context whose reads, and the reads nested in their loads, go
// past the cache to the source and store nothing: for measuring what the cache
// saves. They are counted as bypassed, and limited like all such loads.
func Bypass(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{parent: scopeOf(ctx), bypass: true})
}

// bypassed reports whether s or a scope around it goes past the cache.
func (s *scope) bypassed() bool {
	for ; s != nil; s = s.parent {
		if s.bypass {
			return true
		}
	}
	return false
}

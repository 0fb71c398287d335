package httpcache

import (
	"sync"
	"sync/atomic"
	"time"
)

// variantLimit bounds how many different entries of a route this process stores within their lifetime, so that whoever
// invents parameters cannot push everything else out of the cache.
type variantLimit struct {
	most int

	mu    sync.Mutex
	until map[string]time.Time
	next  time.Time // no expired entry before
}

// admit reports whether the entry may be stored until then.
func (v *variantLimit) admit(id string, now, until time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.until == nil {
		v.until = map[string]time.Time{}
	}
	if _, known := v.until[id]; !known && len(v.until) >= v.most && !v.sweep(now) {
		return false
	}
	v.until[id] = until
	return true
}

// sweep forgets what has expired, and reports whether there is room now.
func (v *variantLimit) sweep(now time.Time) bool {
	if now.Before(v.next) {
		return false
	}
	var first time.Time
	for id, until := range v.until {
		if !now.Before(until) {
			delete(v.until, id)
		} else if first.IsZero() || until.Before(first) {
			first = until
		}
	}
	v.next = first
	return len(v.until) < v.most
}

// detour remembers for a while that a route's answers cannot be cached (they stream, are private or too large), so that
// its handler need not run twice for each request to find that out again.
type detour struct{ until atomic.Int64 }

const detourFor = 10 * time.Second

func (d *detour) take(now time.Time)        { d.until.Store(now.Add(detourFor).UnixNano()) }
func (d *detour) active(now time.Time) bool { return now.UnixNano() < d.until.Load() }

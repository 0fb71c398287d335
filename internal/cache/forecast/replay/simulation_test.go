package replay

import (
	"math"
	"time"
)

// Engine is one layer of package cache in virtual time, without the parts that do not depend on time: versions, locks,
// processes. Loads take no time, but have a cost for XFetch. Nothing is evicted or invalidated.
type Engine struct {
	TTL          time.Duration
	Revalidate   time.Duration  // stale-while-revalidate
	Jitter       float64        // of the TTL, at most
	EarlyRefresh float64        // β of XFetch; 0 = off
	Cost         time.Duration  // of a load
	Rand         func() float64 // in [0, 1)

	// Lifetime, if set, is how long a value that was just loaded is kept.
	Lifetime func(key int32, now int64) time.Duration

	soft []int64 // expiry of each key, ms; 0 = never loaded
	Tally
}

// Tally is what an engine did.
type Tally struct {
	Requests int // of readers
	Hits     int // of them, including those answered stale while a refresh ran
	Loads    int // fetches from the source: for misses, behind hits, and for warming
	Warmed   int // those for warming
}

func (t Tally) minus(o Tally) Tally {
	return Tally{t.Requests - o.Requests, t.Hits - o.Hits, t.Loads - o.Loads, t.Warmed - o.Warmed}
}

// NewEngine has the options of the article layer: a TTL of an hour, six minutes' grace, a tenth of jitter, XFetch with
// β = 1 and loads of 2 ms.
func NewEngine(keys int, random func() float64) *Engine {
	return &Engine{
		TTL: time.Hour, Revalidate: 6 * time.Minute, Jitter: 0.1, EarlyRefresh: 1, Cost: 2 * time.Millisecond,
		Rand: random, soft: make([]int64, keys),
	}
}

// Read is a reader's request; it says whether it was a hit.
func (e *Engine) Read(key int32, now int64) bool {
	e.Requests++
	soft := e.soft[key]
	switch {
	case soft == 0 || now >= soft+e.Revalidate.Milliseconds():
		e.load(key, now)
		return false
	case now >= soft || Early(time.Duration(soft-now)*time.Millisecond, e.Cost, e.EarlyRefresh, e.Rand):
		e.load(key, now)
	}
	e.Hits++
	return true
}

// Warm reads as the warmer does: what is not fresh is loaded.
func (e *Engine) Warm(key int32, now int64) {
	if soft := e.soft[key]; soft == 0 || now >= soft {
		e.load(key, now)
		e.Warmed++
	}
}

func (e *Engine) load(key int32, now int64) {
	e.Loads++
	ttl := e.TTL
	if e.Lifetime != nil {
		ttl = e.Lifetime(key, now)
	}
	if e.Jitter > 0 {
		ttl -= time.Duration(e.Rand() * e.Jitter * float64(ttl))
	}
	e.soft[key] = now + max(ttl.Milliseconds(), 1)
}

// Early is cache.early, XFetch: whether an entry with that long to live is refreshed ahead of its expiry.
func Early(left, cost time.Duration, beta float64, random func() float64) bool {
	delta := float64(cost.Microseconds()) * beta
	if delta <= 0 || float64(left.Microseconds()) > 40*delta {
		return false
	}
	return -delta*math.Log(1-random()) >= float64(left.Microseconds())
}

package admin

import (
	"context"
	"sync"
	"time"

	"openlearn/internal/cache"
)

// sample holds the counters at one moment; they only grow.
type sample struct {
	at        time.Time
	layers    map[string]cache.LayerStats
	hits      map[string]histogram // times of hits, by layer
	evictions float64
	reachable bool // Redis answered, so evictions is its count
}

// history keeps an hour of samples, from which windows are the differences.
type history struct {
	mu  sync.Mutex
	all []sample // oldest first; the very first is the process's start, with nothing counted
}

const kept = time.Hour + time.Minute

func (h *history) add(s sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, s)
	old := 0
	for old < len(h.all)-1 && s.at.Sub(h.all[old+1].at) >= kept {
		old++
	}
	h.all = append([]sample(nil), h.all[old:]...)
}

// before returns the latest sample that is at least d old at now, or else the oldest.
func (h *history) before(now time.Time, d time.Duration) sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.all[0]
	for _, s := range h.all {
		if now.Sub(s.at) < d {
			break
		}
		at = s
	}
	return at
}

// eviction returns the first sample since then in which Redis gave its count, if that was soon after: at the start of the
// process Redis has not been asked yet.
func (h *history) eviction(then sample) (sample, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.all {
		if !s.at.Before(then.at) && s.reachable {
			return s, s.at.Sub(then.at) <= time.Minute
		}
	}
	return sample{}, false
}

// sample reads the counters now.
func (a *Admin) sample(ctx context.Context) sample {
	return a.sampleOf(a.cache.Stats(ctx), a.cache.Times())
}

func (a *Admin) sampleOf(st cache.Stats, times map[string]cache.LayerTimes) sample {
	s := sample{at: a.opt.Now(), layers: st.Layers, evictions: st.Redis.Evictions, reachable: st.Redis.Reachable, hits: map[string]histogram{}}
	for layer, t := range times {
		s.hits[layer] = histogram(t.Hit)
	}
	return s
}

// window is what happened between two samples.
type window struct {
	since     time.Time
	length    time.Duration
	layers    map[string]cache.LayerStats // the figures used here are differences, the others are not set
	hits      histogram                   // of all layers
	evictions *float64                    // nil where Redis did not say
}

// windowOf returns the last d, or the time since the start if that is shorter.
func (a *Admin) windowOf(now sample, d time.Duration) window {
	then := a.history.before(now.at, d)
	w := window{since: then.at, length: now.at.Sub(then.at), layers: map[string]cache.LayerStats{}}
	for name, n := range now.layers {
		w.layers[name] = between(then.layers[name], n)
	}
	for name, h := range now.hits {
		w.hits = w.hits.plus(h.minus(then.hits[name]))
	}
	// Redis restarts its count from zero.
	if first, ok := a.history.eviction(then); ok && now.reachable && now.at.After(first.at) && now.evictions >= first.evictions {
		w.evictions = ptr(now.evictions - first.evictions)
	}
	return w
}

// between returns what was counted from o to n; the other figures are not set.
func between(o, n cache.LayerStats) cache.LayerStats {
	return cache.LayerStats{
		Hits: n.Hits - o.Hits, Misses: n.Misses - o.Misses, Loads: n.Loads - o.Loads, LoadErrors: n.LoadErrors - o.LoadErrors,
		NestedHits: n.NestedHits - o.NestedHits, NestedMisses: n.NestedMisses - o.NestedMisses, Bypassed: n.Bypassed - o.Bypassed, RejectedFills: n.RejectedFills - o.RejectedFills,
	}
}

// total sums a window over its layers.
func (w window) total() (t cache.LayerStats) {
	for _, l := range w.layers {
		t.Hits, t.Misses, t.Loads, t.LoadErrors = t.Hits+l.Hits, t.Misses+l.Misses, t.Loads+l.Loads, t.LoadErrors+l.LoadErrors
		t.NestedHits, t.NestedMisses = t.NestedHits+l.NestedHits, t.NestedMisses+l.NestedMisses
		t.Bypassed, t.RejectedFills = t.Bypassed+l.Bypassed, t.RejectedFills+l.RejectedFills
	}
	return t
}

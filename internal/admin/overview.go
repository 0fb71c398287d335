package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"openlearn/internal/cache"
)

// Overview is everything an operator looks at, from one reading of the counters.
type Overview struct {
	At, StartedAt time.Time
	Stats
	Score   float64 // 0 to 100
	Grade   string
	Parts   []Part
	Advice  []string
	Recent  Reads         // of all layers, over Window
	Window  time.Duration // five minutes, or since the start
	HitTime Latency       // of all layers, over Window

	EvictionsPerMinute *float64 // over Window; nil where Redis did not say
	BreakerOpen        bool
	GateOpen           bool
	MessageLink        bool
	NearEntries        int
	NearBytes          uint64
	Invalidations      uint64
	OutboxPending      int64
	OutboxOldest       time.Duration
	Coherence          Coherence
	Layers             []LayerOverview // the most read first
}

// LayerOverview is one layer's. Latencies are null under 100 samples.
type LayerOverview struct {
	Name string
	LayerInfo
	cache.LayerStats         // since the start
	Recent           Reads   // over the overview's window
	Reads            uint64  // from outside, since the start
	HitTime          Latency // over the window
	LoadTime         Latency // fetches from the source, since the start
}

// Used reports whether the layer has been read since the start, from outside or for another layer's load.
func (l LayerOverview) Used() bool { return l.Hits+l.Misses+l.Loads > 0 }

// Overview reads the counters, those of Redis at most every two seconds.
func (a *Admin) Overview(ctx context.Context) Overview {
	st, times := a.cache.Stats(ctx), a.cache.Times()
	e := a.examine(st, times)
	now := a.sampleOf(st, times)
	then := a.history.before(now.at, windows[0].last)
	w := a.windowOf(now, windows[0].last)
	o := Overview{
		At: now.at, StartedAt: a.started, Stats: statsOf(st), Score: e.score(), Parts: e.parts, Advice: e.advice,
		Recent: readsOf(w.total(), w.length), Window: w.length, HitTime: w.hits.latency(),
		BreakerOpen: st.BreakerOpen, GateOpen: st.GateOpen, MessageLink: st.MessageLink, NearEntries: st.NearEntries, NearBytes: st.NearBytes,
		Invalidations: st.Invalidations, Coherence: coherenceOf(st),
	}
	o.Grade = grade(o.Score)
	o.OutboxPending, o.OutboxOldest = a.opt.Outbox.Backlog()
	if w.evictions != nil && w.length > 0 {
		o.EvictionsPerMinute = ptr(round(*w.evictions/w.length.Minutes(), 2))
	}
	for name, info := range a.Layers() {
		l := LayerOverview{Name: name, LayerInfo: info, LayerStats: st.Layers[name], Recent: readsOf(w.layers[name], w.length)}
		hits, misses := l.Outer()
		l.Reads = hits + misses
		l.HitTime, l.LoadTime = now.hits[name].minus(then.hits[name]).latency(), histogram(times[name].Load).latency()
		o.Layers = append(o.Layers, l)
	}
	slices.SortFunc(o.Layers, func(x, y LayerOverview) int {
		return cmp.Or(cmp.Compare(y.Recent.Reads, x.Recent.Reads), cmp.Compare(y.Reads, x.Reads), cmp.Compare(x.Name, y.Name))
	})
	return o
}

// Point is what happened in each layer up to a moment at which the counters were sampled.
type Point struct {
	At     time.Time
	Layers map[string]LayerPoint // those with reads since the start
}

// LayerPoint is one layer's part of a point.
type LayerPoint struct {
	HitRatio *float64 // per cent of reads since the point before; nil without reads
	HitP95   *float64 // ms, of hits in the five minutes up to it; nil under 100
}

// Points returns the points after a moment, oldest first: an hour at most.
func (a *Admin) Points(after time.Time) []Point {
	a.history.mu.Lock()
	all := slices.Clone(a.history.all)
	a.history.mu.Unlock()
	var out []Point
	back := 0
	for i := 1; i < len(all); i++ {
		for back < i-1 && all[i].at.Sub(all[back+1].at) >= windows[0].last {
			back++
		}
		if !all[i].at.After(after) {
			continue
		}
		p := Point{At: all[i].at, Layers: map[string]LayerPoint{}}
		for name, l := range all[i].layers {
			if l.Hits+l.Misses == 0 {
				continue
			}
			lp := LayerPoint{HitP95: known(all[i].hits[name].minus(all[back].hits[name]).quantile(.95))}
			hits, misses := between(all[i-1].layers[name], l).Outer()
			if reads := hits + misses; reads > 0 {
				lp.HitRatio = ptr(round(percent(hits, reads), 2))
			}
			p.Layers[name] = lp
		}
		out = append(out, p)
	}
	return out
}

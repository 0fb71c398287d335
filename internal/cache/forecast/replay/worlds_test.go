package replay

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"openlearn/internal/cache/forecast"
)

// World is a set of values that change by themselves, as those of external services do, and their readers.
type World struct {
	Name    string
	Days    int
	changes [][]int64 // of each key, ms
	reads   []Request
}

// The values of a World and their readers: the keys are read by Poisson processes, 48 times a day each on average;
// their rates follow Zipf's law (s = 0.8) in an order that is independent of how the keys change.
const (
	worldKeys  = 300
	readsADay  = 48
	worldDays  = 60
	worldSkew  = 0.8
	dayMS      = 24 * hourMS
	fastChange = 1.0           // hours between changes of the fastest
	slowChange = 30 * 24 * 1.0 // of the slowest
)

func newWorld(name string, seed uint64, changes func(rng *rand.Rand, key int) []int64) *World {
	rng := rand.New(rand.NewPCG(seed, 11))
	w := &World{Name: name, Days: worldDays}
	for k := range worldKeys {
		w.changes = append(w.changes, changes(rng, k))
	}
	share := Shape{Keys: worldKeys, Skew: worldSkew}.zipf()
	rng.Shuffle(worldKeys, func(i, j int) { share[i], share[j] = share[j], share[i] })
	for k := range worldKeys {
		gap := float64(dayMS) / (readsADay * worldKeys * share[k])
		for at := rng.ExpFloat64() * gap; at < float64(worldDays*dayMS); at += rng.ExpFloat64() * gap {
			w.reads = append(w.reads, Request{MS: int64(at), Key: int32(k)})
		}
	}
	slices.SortFunc(w.reads, func(a, b Request) int {
		if a.MS != b.MS {
			return int(a.MS - b.MS)
		}
		return int(a.Key - b.Key)
	})
	return w
}

// poisson returns changes at random times between two times, that many hours apart on average.
func poisson(rng *rand.Rand, hours float64, from, to int64) (out []int64) {
	for at := float64(from) + rng.ExpFloat64()*hours*float64(hourMS); at < float64(to); at += rng.ExpFloat64() * hours * float64(hourMS) {
		out = append(out, int64(at))
	}
	return out
}

func anyPace(rng *rand.Rand) float64 {
	return fastChange * math.Pow(slowChange/fastChange, rng.Float64())
}

// Alike changes every value once in twelve hours: there is nothing to learn.
func Alike(seed uint64) *World {
	return newWorld("alike", seed, func(rng *rand.Rand, _ int) []int64 { return poisson(rng, 12, 0, worldDays*dayMS) })
}

// Mixed has values that change between once an hour and once in thirty days, every order of magnitude equally often.
func Mixed(seed uint64) *World {
	return newWorld("mixed", seed, func(rng *rand.Rand, _ int) []int64 { return poisson(rng, anyPace(rng), 0, worldDays*dayMS) })
}

// Turning is Mixed, but each value changes its pace at random times, twenty days apart on average.
func Turning(seed uint64) *World {
	return newWorld("turning", seed, func(rng *rand.Rand, _ int) (out []int64) {
		for from := int64(0); from < worldDays*dayMS; {
			to := min(from+int64(rng.ExpFloat64()*20*float64(dayMS))+1, worldDays*dayMS)
			out = append(out, poisson(rng, anyPace(rng), from, to)...)
			from = to
		}
		return out
	})
}

// Calendar is data sets that are published daily (a third), weekly (a third), every thirty days (a sixth), each at its own
// time, and not again (a sixth): not at random, as the estimator assumes.
func Calendar(seed uint64) *World {
	return newWorld("calendar", seed, func(rng *rand.Rand, key int) (out []int64) {
		days := [6]int64{1, 1, 7, 7, 30, 10_000}[key%6]
		for at := int64(rng.Float64() * float64(days*dayMS)); at < worldDays*dayMS; at += days * dayMS {
			out = append(out, at)
		}
		return out
	})
}

// Freshness is how fresh the answers to a World's readers were, and what that cost.
type Freshness struct {
	Reads, Stale, Fetches int
}

// Share of the reads that were stale.
func (f Freshness) Share() float64 { return float64(f.Stale) / float64(f.Reads) }

// version is how often a key's value has changed by then.
func (w *World) version(key int32, now int64) int {
	n, found := slices.BinarySearch(w.changes[key], now)
	if found {
		n++
	}
	return n
}

// run replays the world on an engine whose layer has base for its TTL and a tenth of it for its grace; lifetime says
// how long to keep a value that was fetched at now. The first skip days do not count.
func (w *World) run(base time.Duration, skip int, lifetime func(key int32, version int, now int64) time.Duration) Freshness {
	rng := rand.New(rand.NewPCG(1, 99))
	e := NewEngine(worldKeys, rng.Float64)
	e.TTL, e.Revalidate = base, base/10
	held := make([]int, worldKeys)
	e.Lifetime = func(key int32, now int64) time.Duration {
		held[key] = w.version(key, now)
		return lifetime(key, held[key], now)
	}
	var f Freshness
	for _, r := range w.reads {
		before, loads := held[r.Key], e.Loads
		hit := e.Read(r.Key, r.MS)
		if !hit {
			before = held[r.Key]
		}
		if r.MS < int64(skip)*dayMS {
			continue
		}
		f.Reads++
		f.Fetches += e.Loads - loads
		if before != w.version(r.Key, r.MS) {
			f.Stale++
		}
	}
	return f
}

// Fixed keeps everything for the same time.
func (w *World) Fixed(base, ttl time.Duration, skip int) Freshness {
	return w.run(base, skip, func(int32, int, int64) time.Duration { return ttl })
}

// Learnt keeps each value for as long as its past changes suggest.
func (w *World) Learnt(base, least, most time.Duration, skip int) Freshness {
	l := forecast.NewLifetimes(base, least, most)
	type past struct {
		belief  forecast.Change
		version int
		at      int64
		known   bool
	}
	of := make([]past, worldKeys)
	return w.run(base, skip, func(key int32, version int, now int64) time.Duration {
		p := &of[key]
		since := time.Duration(0)
		if p.known {
			since = time.Duration(now-p.at) * time.Millisecond
			l.See(&p.belief, since, version != p.version)
		} else {
			p.belief, p.known = l.Unknown(), true
		}
		p.version, p.at = version, now
		return l.Next(&p.belief, since)
	})
}

// Equal is the fixed lifetime at which as many reads are stale as in f, or a few more, and what it costs.
func (w *World) Equal(base time.Duration, skip int, f Freshness) (time.Duration, Freshness) {
	low, high := base/8, 8*base
	for range 11 { // to a fifth of a per cent
		ttl := time.Duration(math.Sqrt(float64(low) * float64(high)))
		if w.Fixed(base, ttl, skip).Stale < f.Stale {
			low = ttl
		} else {
			high = ttl
		}
	}
	return high, w.Fixed(base, high, skip)
}

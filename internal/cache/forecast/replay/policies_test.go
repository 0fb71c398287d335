package replay

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"openlearn/internal/cache/forecast"
)

// Policy says what to keep warm.
type Policy uint8

// The policies.
const (
	Nothing   Policy = iota // this engine alone, with SWR and XFetch: the baseline
	Popular                 // what was popular during the last day
	Predicted               // what the model forecasts
	Known                   // what the trace's own law says: no forecast can be better
)

func (p Policy) String() string {
	return [...]string{"nothing", "popular", "predicted", "known law"}[p]
}

// Warming configures how a policy is carried out.
type Warming struct {
	Policy   Policy
	Interval time.Duration // between looks; within the grace, so that no key that was forecast expires
	Rule     forecast.Rule
}

const hourMS = int64(time.Hour / time.Millisecond)

// learnAfter is how long after an hour its counts are known: every instance has reported them by then.
const learnAfter = 4 * time.Minute

// Run replays a trace on an engine of its own and returns what was done after the first skip hours, which are for
// learning.
func Run(t *Trace, w Warming, skip int) Tally {
	rng := rand.New(rand.NewPCG(t.seed, 99))
	e := NewEngine(t.Keys, rng.Float64)
	k := &keeper{w: w, model: forecast.NewModel(4 * w.Rule.Most), rates: make([]float64, t.Keys), next: make([]float64, t.Keys)}
	var learnt Tally
	for h := range t.Hours {
		if h == skip {
			learnt = e.Tally
		}
		t.Rates(h, k.rates)
		requests := t.Requests(h, k.rates)
		if w.Policy == Nothing {
			for _, r := range requests {
				e.Read(r.Key, r.MS)
			}
			continue
		}
		k.look(t, h)
		sketch := forecast.NewSketch(4 * w.Rule.Most)
		start := int64(h) * hourMS
		tick := start
		for _, r := range requests {
			for ; tick <= r.MS; tick += w.Interval.Milliseconds() {
				if tick-start >= learnAfter.Milliseconds() && k.learn(int64(h-1)) {
					k.look(t, h)
				}
				for _, key := range k.choose(float64(tick-start) / float64(hourMS)) {
					e.Warm(key, tick)
				}
			}
			e.Read(r.Key, r.MS)
			sketch.See(strconv.Itoa(int(r.Key)))
		}
		k.counts = sketch.Take(w.Rule.Most)
	}
	return e.Tally.minus(learnt)
}

// keeper chooses what to keep warm.
type keeper struct {
	w           Warming
	model       *forecast.Model
	counts      []forecast.Count // of the last hour
	outlook     []forecast.Outlook
	rates, next []float64
}

// learn shows the model the last hour, once.
func (k *keeper) learn(hour int64) bool {
	if last, ok := k.model.Last(); hour < 0 || ok && last >= hour {
		return false
	}
	k.model.Observe(hour, k.counts)
	return true
}

// look is the outlook on an hour.
func (k *keeper) look(t *Trace, hour int) {
	if k.w.Policy != Known {
		k.outlook = slices.DeleteFunc(k.model.Outlook(int64(hour)), func(o forecast.Outlook) bool {
			return max(o.Now, o.Next, o.Level) < k.w.Rule.Least // never chosen this hour
		})
		return
	}
	t.Rates(hour+1, k.next)
	k.outlook = k.outlook[:0]
	for i, r := range k.rates {
		if max(r, k.next[i]) >= k.w.Rule.Least {
			k.outlook = append(k.outlook, forecast.Outlook{Key: strconv.Itoa(i), Now: r, Next: k.next[i]})
		}
	}
}

// choose lists the keys to keep warm when a share of the hour has passed.
func (k *keeper) choose(gone float64) []int32 {
	var chosen []forecast.Count
	if k.w.Policy == Popular {
		chosen = k.w.Rule.Measured(k.outlook)
	} else {
		chosen = k.w.Rule.Expected(k.outlook, gone)
	}
	out := make([]int32, len(chosen))
	for i, c := range chosen {
		out[i] = number(c.Key)
	}
	return out
}

func number(key string) int32 {
	n, err := strconv.Atoi(key)
	if err != nil {
		panic("replay: keys are numbers: " + key) // they were made by Run
	}
	return int32(n)
}

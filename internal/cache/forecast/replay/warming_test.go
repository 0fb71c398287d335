package replay

import (
	"fmt"
	"math"
	"testing"
	"time"

	"openlearn/internal/cache/forecast"
)

// shape is an archive of 20,000 articles read 1,000 times an hour by Zipf's law for three weeks, the first of which is for
// learning and does not count.
var shape = Shape{Seed: 7, Keys: 20_000, PerHour: 1000, Skew: 1, Hours: 3 * 7 * 24}

const learningHours = 7 * 24

// gain compares a policy with the engine alone.
type gain struct{ base, with Tally }

func (g gain) hits() int      { return g.with.Hits - g.base.Hits }
func (g gain) loads() int     { return g.with.Loads - g.base.Loads }
func (g gain) ratio() float64 { return float64(g.hits()) / float64(g.loads()) }

func (g gain) String() string {
	ratio := "–"
	if g.with.Warmed > 0 {
		ratio = fmt.Sprintf("%.2f", g.ratio())
	}
	return fmt.Sprintf("%+d | %+d (%+.2f %%) | %s | %.4f", g.hits(), g.loads(), 100*float64(g.loads())/float64(g.base.Loads), ratio, float64(g.with.Hits)/float64(g.with.Requests))
}

func measure(tr *Trace, policies map[Policy]forecast.Rule) map[Policy]gain {
	base := Run(tr, Warming{Policy: Nothing}, learningHours)
	out := map[Policy]gain{}
	for p, rule := range policies {
		out[p] = gain{base, Run(tr, Warming{p, 3 * time.Minute, rule}, learningHours)}
	}
	return out
}

// TestWhatPredictionBrings measures what the service's default rests on (docs/decisions/warming.md): prediction is on
// if it adds more than 0.2 hits for each load it adds on the diurnal trace and costs nothing on the stationary one.
// With -v it prints the table of docs/benchmarks.md.
func TestWhatPredictionBrings(t *testing.T) {
	t.Parallel()
	const most = 500
	policies := map[Policy]forecast.Rule{Predicted: forecast.Predicted(most)}
	traces := []*Trace{Stationary(shape), Diurnal(shape)}
	if !raceEnabled { // ten times slower, and the default does not rest on these
		policies[Popular], policies[Known] = forecast.Popular(most), forecast.Popular(most)
		traces = append(traces, Drifting(shape))
	}
	got := map[string]map[Policy]gain{}
	for _, tr := range traces {
		got[tr.Name] = measure(tr, policies)
		base := got[tr.Name][Predicted].base
		t.Logf("| %s | nothing: %d requests, %d loads | | | | %.4f |", tr.Name, base.Requests, base.Loads, float64(base.Hits)/float64(base.Requests))
		for _, p := range []Policy{Predicted, Popular, Known} {
			if g, ok := got[tr.Name][p]; ok {
				t.Logf("| | %s | %s |", p, g)
			}
		}
	}
	for _, tr := range traces[1:] {
		name := tr.Name
		if g := got[name][Predicted]; g.hits() < 1000 || g.ratio() < 1.5 {
			t.Errorf("%s: %v; the default rests on more than 0.2 hits per load, and 2 or more were measured", name, g)
		}
	}
	// No cost: nothing is warmed. The two runs draw their jitter in different orders, which is why they differ at all.
	if g := got["stationary"][Predicted]; g.with.Warmed != 0 || math.Abs(float64(g.loads())) > 0.001*float64(g.base.Loads) || math.Abs(float64(g.hits())) > 0.001*float64(g.base.Requests) {
		t.Errorf("stationary: %v with %d warmed; it must cost nothing", g, g.with.Warmed)
	}
}

// TestTracesAreTheSameEachTime: they are, and they have the rates that they declare.
func TestTracesAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	s := Shape{Seed: 3, Keys: 2000, PerHour: 500, Skew: 1, Hours: 14 * 24}
	for _, law := range []func(Shape) *Trace{Stationary, Diurnal, Drifting} {
		a, b := law(s), law(s)
		rates := make([]float64, s.Keys)
		total, n, top, expectTop := 0.0, 0, 0, 0.0
		for h := range s.Hours {
			a.Rates(h, rates)
			for _, r := range rates {
				total += r
			}
			expectTop += rates[0]
			ra := a.Requests(h, rates)
			b.Rates(h, rates)
			rb := b.Requests(h, rates)
			if len(ra) != len(rb) || len(ra) > 0 && ra[len(ra)-1] != rb[len(rb)-1] {
				t.Fatalf("%s, hour %d: not the same twice", a.Name, h)
			}
			for i, r := range ra {
				if i > 0 && r.MS < ra[i-1].MS || r.MS < int64(h)*hourMS || r.MS >= int64(h+1)*hourMS {
					t.Fatalf("%s, hour %d: request %d at %d ms", a.Name, h, i, r.MS)
				}
				if r.Key == 0 {
					top++
				}
			}
			n += len(ra)
		}
		if mean := total / float64(s.Hours); math.Abs(mean-s.PerHour) > 0.01*s.PerHour {
			t.Errorf("%s: law of %.1f requests an hour, want %v", a.Name, mean, s.PerHour)
		}
		if math.Abs(float64(n)-total) > 5*math.Sqrt(total) || math.Abs(float64(top)-expectTop) > 5*math.Sqrt(expectTop) {
			t.Errorf("%s: %d requests by a law of %.0f; %d of the first key by %.0f", a.Name, n, total, top, expectTop)
		}
	}
}

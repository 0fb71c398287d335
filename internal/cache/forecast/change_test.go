package forecast

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestChangeAgreesWithTheClosedForm: for looks at regular intervals the belief is near the bias-reduced estimator of
// Cho and Garcia-Molina (2003, section 4.2): −log((n − X + 0.5)/(n + 0.5))/I.
func TestChangeAgreesWithTheClosedForm(t *testing.T) {
	t.Parallel()
	l := NewLifetimes(6*time.Hour, 20*time.Minute, 60*time.Hour)
	rng := rand.New(rand.NewPCG(2, 2))
	const interval, looks = 4.0, 40
	for _, rate := range []float64{0.02, 0.1, 0.4} {
		mean, closed := 0.0, 0.0
		const trials = 200
		for range trials {
			c, changed := l.Unknown(), 0
			for range looks {
				did := rng.Float64() < -math.Expm1(-rate*interval)
				if did {
					changed++
				}
				l.See(&c, time.Duration(interval*float64(time.Hour)), did)
			}
			mean += l.Rate(&c) / trials
			closed += -math.Log((looks-float64(changed)+0.5)/(looks+0.5)) / interval / trials
		}
		if math.Abs(mean-closed) > 0.3*closed || math.Abs(mean-rate) > 0.35*rate {
			t.Errorf("rate %v: %.3f believed, %.3f by the closed form", rate, mean, closed)
		}
	}
}

// TestChangeTakesIrregularLooks: half of them after an hour, half after two days.
func TestChangeTakesIrregularLooks(t *testing.T) {
	t.Parallel()
	l := NewLifetimes(6*time.Hour, 20*time.Minute, 60*time.Hour)
	rng := rand.New(rand.NewPCG(3, 3))
	mean := 0.0
	const trials, rate = 200, 1.0 / 24
	for range trials {
		c := l.Unknown()
		for i := range 60 {
			h := []float64{1, 48}[i%2]
			l.See(&c, time.Duration(h*float64(time.Hour)), rng.Float64() < -math.Expm1(-rate*h))
		}
		mean += l.Rate(&c) / trials
	}
	if mean < 0.75*rate || mean > 1.35*rate {
		t.Errorf("%.4f changes an hour believed, there are %.4f", mean, rate)
	}
}

// TestTheDocumentedLifetimeComesFirst: unknown values get it, and the longest and shortest lifetimes are never
// exceeded.
func TestTheDocumentedLifetimeComesFirst(t *testing.T) {
	t.Parallel()
	for _, base := range []time.Duration{time.Minute, time.Hour, 6 * time.Hour} {
		l := NewLifetimes(base, base/16, 10*base)
		c := l.Unknown()
		if got := l.Next(&c, 0); got < base*9/10 || got > base*11/10 {
			t.Errorf("%v to begin with, documented is %v", got, base)
		}
		for range 1000 {
			l.See(&c, 10*base, false)
			if got := l.Next(&c, 10*base); got < base/16-1 || got > 10*base+1 {
				t.Fatalf("%v is not between %v and %v", got, base/16, 10*base)
			}
		}
		if got := l.Next(&c, base); got < base*9/10 { // a single value is compared with itself
			t.Errorf("%v for what never changes, documented is %v", got, base)
		}
		for _, p := range c {
			if math.IsNaN(float64(p)) || p < 0 {
				t.Fatalf("belief %v", c)
			}
		}
	}
}

func TestStaleShare(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]float64{0: 0, 1e-6: 5e-7, 1: math.Exp(-1), 1e9: 1} {
		if got := staleShare(x); math.Abs(got-want) > 1e-8 {
			t.Errorf("staleShare(%v) = %v, want %v", x, got, want)
		}
	}
}

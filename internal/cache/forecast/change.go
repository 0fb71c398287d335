package forecast

import (
	"math"
	"time"
)

const (
	rates    = 40   // change rates that are distinguished
	choices  = 49   // lifetimes that are chosen from
	memory   = 0.98 // the weight that each look leaves to earlier ones: about the last fifty count
	haggling = 0.02 // how fast the price of a fetch is adjusted
)

// Change is a belief about how often one value changes: a probability for each of a series of rates. It is learnt from
// looks at the value, each of which shows whether it has changed since the last look, but not how often. The intervals
// between looks vary, so the closed form for regular ones (Cho and Garcia-Molina: Estimating Frequency of Change, ACM
// TOIT 3(3), 2003, section 4) does not fit, and their maximum-likelihood estimator for irregular ones (section 5) has
// to keep all looks; a posterior on a grid is exact for a Poisson process, takes any interval, and stays the same size
// (160 bytes).
type Change [rates]float32

// Lifetimes chooses lifetimes for values that change at rates of their own, so that together they are served stale as much
// as if all had one documented lifetime, with fewer fetches. It is not safe for concurrent use.
//
// A value that changes λ times an hour and is kept for τ is stale for a share s = 1 − (1 − e^(−λτ))/(λτ) of the time, and
// costs 1/τ fetches an hour. At a price c for a fetch the sum of both is least where few fetches would make it no fresher:
// values that hardly change are kept long, and so are those that change so fast that no fetch keeps up (Cho and
// Garcia-Molina: Effective Page Refresh Policies for Web Crawlers, ACM TODS 28(4), 2003). The price is moved until
// the expected staleness is that of the documented lifetime.
type Lifetimes struct {
	base  time.Duration
	hours [choices]float64        // each lifetime
	stale [rates][choices]float32 // share of the time, for each rate and lifetime
	lost  [rates]float32          // the same at the documented lifetime
	speed [rates]float64          // changes in an hour

	price float64 // of a fetch, as a share of an hour
	first float64 // the price to begin with
	norm  float64 // running mean of the documented lifetime's staleness
}

// NewLifetimes chooses between least and most around base, the documented lifetime (least ≤ base ≤ most, all positive).
func NewLifetimes(base, least, most time.Duration) *Lifetimes {
	l := &Lifetimes{base: base}
	for j := range l.hours {
		l.hours[j] = least.Hours() * math.Pow(most.Hours()/least.Hours(), float64(j)/(choices-1))
	}
	fastest, slowest := 4/least.Hours(), 1/(16*most.Hours())
	for i := range l.speed {
		l.speed[i] = slowest * math.Pow(fastest/slowest, float64(i)/(rates-1))
		for j, h := range l.hours {
			l.stale[i][j] = float32(staleShare(l.speed[i] * h))
		}
		l.lost[i] = float32(staleShare(l.speed[i] * base.Hours()))
	}
	// At first, a value that is not known yet gets the documented lifetime.
	unknown := l.Unknown()
	low, high := 1e-6, 1e6
	for range 60 {
		l.price = math.Sqrt(low * high)
		if l.hours[l.choose(&unknown)] < base.Hours() {
			low = l.price
		} else {
			high = l.price
		}
	}
	l.first = l.price
	l.norm = l.expect(&unknown, &l.lost)
	return l
}

// staleShare is how much of a lifetime a value is stale on average, x being the changes expected in it.
func staleShare(x float64) float64 {
	if x < 1e-4 {
		return x / 2
	}
	return 1 + math.Expm1(-x)/x
}

// Unknown is the belief before the first look: every order of magnitude is equally likely.
func (l *Lifetimes) Unknown() (c Change) {
	for i := range c {
		c[i] = 1.0 / rates
	}
	return c
}

// See learns from a look: whether the value has changed since the last one, which was that long ago.
func (l *Lifetimes) See(c *Change, since time.Duration, changed bool) {
	h, sum := max(since.Hours(), 1e-9), 0.0
	var p [rates]float64
	for i := range c {
		like := math.Exp(-l.speed[i] * h)
		if changed {
			like = -math.Expm1(-l.speed[i] * h)
		}
		p[i] = math.Pow(float64(c[i]), memory) * max(like, 1e-12)
		sum += p[i]
	}
	for i := range c {
		c[i] = float32(max(p[i]/sum, 1e-9))
	}
}

// Rate is the mean of the belief, in changes per hour.
func (l *Lifetimes) Rate(c *Change) float64 {
	sum := 0.0
	for i, p := range c {
		sum += float64(p) * l.speed[i]
	}
	return sum
}

func (l *Lifetimes) expect(c *Change, of *[rates]float32) float64 {
	sum := 0.0
	for i, p := range c {
		sum += float64(p * of[i])
	}
	return sum
}

// choose returns the lifetime at which staleness and fetches together cost least.
func (l *Lifetimes) choose(c *Change) int {
	var stale [choices]float32
	for i, p := range c {
		for j, s := range l.stale[i] {
			stale[j] += p * s
		}
	}
	best, least := 0, math.Inf(1)
	for j, h := range l.hours {
		if cost := float64(stale[j]) + l.price/h; cost < least {
			best, least = j, cost
		}
	}
	return best
}

// Next is how long to keep a value that was just fetched; the last fetch was since ago.
func (l *Lifetimes) Next(c *Change, since time.Duration) time.Duration {
	j := l.choose(c)
	got := 0.0
	for i, p := range c {
		got += float64(p * l.stale[i][j])
	}
	// Each value is weighted by the time it was kept, so that values fetched often do not count for more.
	weight := min(since.Hours()/l.base.Hours(), 8)
	documented := l.expect(c, &l.lost)
	l.norm += haggling * weight / 8 * (documented - l.norm)
	l.price *= math.Exp(haggling * weight * (documented - got) / max(l.norm, 1e-6))
	l.price = min(max(l.price, l.first/1000), l.first*1000)
	return time.Duration(l.hours[j] * float64(time.Hour))
}

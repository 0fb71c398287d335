package replay

import (
	"math"
	"math/rand/v2"
	"sort"
)

// Trace makes requests by a known law: how many a key gets in an hour on average. The times of a key's requests are a
// Poisson process with the hour's rate.
type Trace struct {
	Name  string
	Keys  int
	Hours int
	// Rates fills out with every key's expected requests in an hour.
	Rates func(hour int, out []float64)

	seed uint64
}

// Request is one read.
type Request struct {
	MS  int64 // since the trace began
	Key int32
}

// Shape is what the traces have in common.
type Shape struct {
	Seed    uint64
	Keys    int     // how many there are, by rank
	PerHour float64 // mean requests in an hour
	Skew    float64 // s of Zipf's law: rank r is requested in proportion to 1/r^s
	Hours   int
}

// zipf is each rank's share.
func (s Shape) zipf() []float64 {
	out := make([]float64, s.Keys)
	sum := 0.0
	for i := range out {
		out[i] = math.Pow(float64(i+1), -s.Skew)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

func (s Shape) trace(name string, rates func(int, []float64)) *Trace {
	return &Trace{Name: name, Keys: s.Keys, Hours: s.Hours, Rates: rates, seed: s.Seed}
}

// Stationary requests keys by Zipf's law, the same at every hour.
func Stationary(s Shape) *Trace {
	share := s.zipf()
	return s.trace("stationary", func(_ int, out []float64) {
		for i := range out {
			out[i] = share[i] * s.PerHour
		}
	})
}

// Peaks of the readerships of Diurnal, hours of the day.
var peaks = [4]float64{7, 12, 18, 22}

// Diurnal has four readerships, each with its own articles and its own time of day (a raised cosine to the fourth power
// over a floor of a tenth: half of the peak 4.4 hours away from it), and 60 per cent of the traffic on two days of seven.
func Diurnal(s Shape) *Trace {
	share := s.zipf()
	at := func(hour int, group int) float64 {
		a := 0.1 + math.Pow((1+math.Cos(2*math.Pi*(float64(hour%24)+0.5-peaks[group])/24))/2, 4)
		if hour/24%7 >= 5 {
			a *= 0.6
		}
		return a
	}
	mean := 0.0
	for h := range 7 * 24 {
		for g := range peaks {
			mean += at(h, g) / (7 * 24 * float64(len(peaks)))
		}
	}
	return s.trace("diurnal", func(hour int, out []float64) {
		var now [len(peaks)]float64
		for g := range now {
			now[g] = s.PerHour * at(hour, g) / mean
		}
		for i := range out {
			out[i] = share[i] * now[i%len(peaks)]
		}
	})
}

// The parameters of Drifting.
const (
	bornPerHour = 5
	fadeHours   = 18.0 // mean life of the interest in a piece of news
)

// Drifting is an archive in which news appears: half of the requests are stationary, the other half go to articles that
// appear at five an hour and are forgotten exponentially, in 18 hours on average; how many requests each attracts is
// Pareto distributed (α = 1.5). The archive's last keys are the news.
func Drifting(s Shape) *Trace {
	news := min(bornPerHour*s.Hours, s.Keys/2)
	old := s
	old.Keys = s.Keys - news
	share := old.zipf()
	rng := rand.New(rand.NewPCG(s.Seed, 3))
	stir := make([]float64, news)
	for i := range stir {
		stir[i] = math.Pow(1-rng.Float64(), -1/1.5)
	}
	return s.trace("drifting", func(hour int, out []float64) {
		for i, w := range share {
			out[i] = w * s.PerHour / 2
		}
		sum := 0.0
		for i := range stir {
			out[old.Keys+i] = 0
			if age := hour - i/bornPerHour; age >= 0 {
				out[old.Keys+i] = stir[i] * math.Exp(-float64(age)/fadeHours)
				sum += out[old.Keys+i]
			}
		}
		for i := range stir {
			out[old.Keys+i] *= s.PerHour / 2 / sum
		}
	})
}

// Requests are those of one hour, in order; the same each time.
func (t *Trace) Requests(hour int, rates []float64) []Request {
	rng := rand.New(rand.NewPCG(t.seed, uint64(hour)<<8|1))
	upTo := make([]float64, len(rates))
	total := 0.0
	for i, r := range rates {
		total += r
		upTo[i] = total
	}
	var out []Request
	const ms = 3_600_000.0
	for at := rng.ExpFloat64() / total; at < 1; at += rng.ExpFloat64() / total {
		key := sort.SearchFloat64s(upTo, rng.Float64()*total)
		out = append(out, Request{MS: int64(hour)*int64(ms) + int64(at*ms), Key: int32(min(key, len(rates)-1))})
	}
	return out
}

package seq

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMarginals compares probabilities and the best labels with those counted over all sequences.
func TestMarginals(t *testing.T) {
	t.Parallel()
	const labels = 3
	rng := rand.New(rand.NewPCG(1, 2))
	allowed := Allowed{Next: []bool{true, true, false, true, true, true, true, false, true}, First: []bool{true, true, false}}
	var m Marginals
	for range 50 {
		n := 1 + rng.IntN(6)
		scores, transitions, fixed := make([]float32, n*labels), make([]float32, (labels+1)*labels), make([]bool, n)
		for i := range scores {
			scores[i] = rng.Float32()*4 - 2
		}
		for i := range transitions {
			transitions[i] = rng.Float32()*2 - 1
		}
		for i := range fixed {
			fixed[i] = rng.IntN(2) == 0
		}
		want := make([]float64, n*labels)
		total, top := 0.0, 0.0
		best, y := make([]uint8, n), make([]uint8, n)
		var count func(i int, weight float64)
		count = func(i int, weight float64) {
			if i == n {
				total += weight
				for k, l := range y {
					want[k*labels+int(l)] += weight
				}
				if weight > top {
					top = weight
					copy(best, y)
				}
				return
			}
			for l := range labels {
				before, ok := 0, allowed.First[l]
				if i > 0 {
					before = int(y[i-1]) + 1
					ok = allowed.Next[(before-1)*labels+l]
				}
				if !ok || fixed[i] && l != 0 {
					continue
				}
				s := float64(transitions[before*labels+l])
				if !fixed[i] {
					s += float64(scores[i*labels+l])
				}
				y[i] = uint8(l)
				count(i+1, weight*math.Exp(s))
			}
		}
		count(0, 1)
		got := m.Run(scores, fixed, labels, transitions, &allowed)
		for k := range want {
			if d := float64(got[k]) - want[k]/total; math.Abs(d) > 1e-4 {
				t.Fatalf("position %d label %d: %f, want %f (fixed %v)", k/labels, k%labels, got[k], want[k]/total, fixed)
			}
		}
		out := make([]uint8, n)
		Viterbi(scores, fixed, labels, transitions, &allowed, nil, out)
		for i := range out {
			if out[i] != best[i] {
				t.Fatalf("best labels %v, want %v", out, best)
			}
		}
	}
}

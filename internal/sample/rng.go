package sample

import "math/bits"

// rng is SplitMix64 (Steele, Lea & Flood, OOPSLA 2014). The sequence is part of what this package promises (the same
// articles every time), so it must not depend on a library's choice of algorithm; its quality and speed are sufficient for
// this use.
type rng uint64

// newRNG gives article i of a seed its own stream: both numbers go through the mixer, so that neighbours are unrelated.
func newRNG(seed uint64, i int) rng {
	r := rng(seed)
	return rng(r.next() ^ mix(uint64(i)+0x632be59bd9b4e019))
}

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below gives 0 ≤ x < n; n must be positive. (Multiply and shift: the bias is under n/2⁶⁴.)
func (r *rng) below(n int) int {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int(hi)
}

// between gives lo ≤ x ≤ hi.
func (r *rng) between(lo, hi int) int { return lo + r.below(hi-lo+1) }

// chance is true in percent of the cases.
func (r *rng) chance(percent int) bool { return r.below(100) < percent }

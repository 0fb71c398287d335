package seq

import (
	"math"
	"math/rand/v2"
)

// Tagged is a training example of the conditional random field.
type Tagged struct {
	Features [][]int32 // per position; nil if the label can only be 0
	Gold     []uint8
	// Weight is how much the example counts; 0 means 1.
	Weight float32
	// Base, if set, are scores (positions × labels) to which those of the features are added; they are not trained.
	Base []float32
}

// Allowed says which label may follow which: before*labels+label, and First[label] which may begin a sentence.
type Allowed struct {
	Next  []bool
	First []bool
}

// CRFOptions of training.
type CRFOptions struct {
	Labels int
	Epochs int
	Rate   float64 // of AdaGrad
	L2     float64
	// Dropout is the part of each position's features that is left out at random while training, so that no weight relies on
	// another feature being there.
	Dropout float64
	// Average returns the mean of the weights after each epoch of the second half.
	Average  bool
	Allowed  Allowed
	Progress func(epoch int, loss float64)
}

// CRF trains a first-order conditional random field by AdaGrad on the likelihood of each sentence in turn. It returns the
// weights per feature and label, and those of transitions: (before+1)*labels+label, with row 0 for the beginning of the
// sentence.
func CRF(examples []Tagged, features *Features, o CRFOptions) (dense, transitions []float32) {
	L := o.Labels
	dense = make([]float32, features.Len()*L)
	square := make([]float32, len(dense))
	transitions = make([]float32, (L+1)*L)
	tSquare := make([]float32, len(transitions))
	rng := rand.New(rand.NewPCG(3, 4))
	order := make([]int, len(examples))
	for i := range order {
		order[i] = i
	}
	c := newChain(L)
	penalty := make([]float32, features.Len())
	for f, n := range features.count {
		penalty[f] = float32(o.L2) / float32(n)
	}
	tPenalty := float32(o.L2) / float32(max(len(examples), 1))
	tGradient := make([]float32, len(transitions))
	var sum, tSum []float32
	if o.Average {
		sum, tSum = make([]float32, len(dense)), make([]float32, len(transitions))
	}
	summed := 0
	var kept [][]int32
	for epoch := range o.Epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		loss := 0.0
		for _, n := range order {
			e := &examples[n]
			if len(e.Gold) == 0 {
				continue
			}
			weight := e.Weight
			if weight == 0 {
				weight = 1
			}
			active := e.Features
			if o.Dropout > 0 {
				kept = drop(kept, e.Features, rng, uint32(o.Dropout*(1<<32)))
				active = kept
			}
			c.score(active, dense, e.Base)
			c.exponentials(transitions, &o.Allowed)
			c.run()
			c.countPairs()
			loss += c.loss(e.Gold, transitions)
			rate := float32(o.Rate)
			for i, fs := range active {
				for l := range L {
					g := c.marginal[i*L+l]
					if int(e.Gold[i]) == l {
						g--
					}
					g *= weight
					if g > -1e-4 && g < 1e-4 {
						continue
					}
					for _, f := range fs {
						k := int(f)*L + l
						d := g + penalty[f]*dense[k]
						square[k] += d * d
						dense[k] -= rate * d / (1e-3 + sqrt32(square[k]))
					}
				}
			}
			copy(tGradient, c.pairs)
			before := 0
			for _, y := range e.Gold {
				tGradient[before*L+int(y)]--
				before = int(y) + 1
			}
			for k, g := range tGradient {
				if g == 0 {
					continue
				}
				d := g*weight + tPenalty*transitions[k]
				tSquare[k] += d * d
				transitions[k] -= rate * d / (1e-3 + sqrt32(tSquare[k]))
			}
		}
		if o.Average && epoch*2 >= o.Epochs-1 {
			summed++
			for k, w := range dense {
				sum[k] += w
			}
			for k, w := range transitions {
				tSum[k] += w
			}
		}
		o.Progress(epoch, loss)
	}
	scale := float32(1 - o.Dropout)
	if o.Average {
		dense, transitions = sum, tSum
		for k := range transitions {
			transitions[k] /= float32(summed)
		}
		scale /= float32(summed)
	}
	for k := range dense {
		dense[k] *= scale
	}
	return dense, transitions
}

// drop copies the features of each position without a random part of them.
func drop(kept, features [][]int32, rng *rand.Rand, part uint32) [][]int32 {
	for len(kept) < len(features) {
		kept = append(kept, nil)
	}
	kept = kept[:len(features)]
	for i, fs := range features {
		if fs == nil {
			kept[i] = nil
			continue
		}
		out := kept[i][:0]
		if out == nil {
			out = make([]int32, 0, len(fs))
		}
		for _, f := range fs {
			if rng.Uint32() >= part {
				out = append(out, f)
			}
		}
		kept[i] = out
	}
	return kept
}

// Scores are the scores of the features of a sentence with dense weights.
func Scores(features [][]int32, dense []float32, labels int) []float32 {
	return scoreAll(nil, dense, features, labels)
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// chain holds the computation for one sentence.
type chain struct {
	labels                    int
	n                         int
	fixed                     []bool
	scores, exp               []float32
	alpha, beta, scale        []float32
	marginal, pairs, expTrans []float32
}

func newChain(labels int) *chain { return &chain{labels: labels} }

func sized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n, n*2)
	}
	return s[:n]
}

func (c *chain) score(features [][]int32, dense, base []float32) {
	c.n = len(features)
	c.scores = scoreAll(c.scores, dense, features, c.labels)
	for k, b := range base {
		c.scores[k] += b
	}
	c.fixed = c.fixed[:0]
	for _, f := range features {
		c.fixed = append(c.fixed, f == nil)
	}
}

// exponentials are those of the transitions, 0 for those that are not allowed.
func (c *chain) exponentials(transitions []float32, allowed *Allowed) {
	L := c.labels
	c.expTrans = sized(c.expTrans, (L+1)*L)
	for k, t := range transitions {
		c.expTrans[k] = float32(math.Exp(float64(t)))
		if k < L && !allowed.First[k] || k >= L && !allowed.Next[k-L] {
			c.expTrans[k] = 0
		}
	}
}

// run computes the forward and backward passes in scaled probabilities.
func (c *chain) run() {
	L, n := c.labels, c.n
	c.exp, c.alpha, c.beta, c.marginal = sized(c.exp, n*L), sized(c.alpha, n*L), sized(c.beta, n*L), sized(c.marginal, n*L)
	c.scale = sized(c.scale, n)
	for i := range n {
		row := c.scores[i*L : (i+1)*L]
		out := c.exp[i*L : (i+1)*L]
		if c.fixed[i] {
			clear(out)
			out[0] = 1
			continue
		}
		top := row[0]
		for _, s := range row {
			top = max(top, s)
		}
		for l, s := range row {
			out[l] = float32(math.Exp(float64(s - top)))
		}
	}
	for i := range n {
		a := c.alpha[i*L : (i+1)*L]
		if c.fixed[i] && i > 0 && c.fixed[i-1] {
			clear(a)
			a[0], c.scale[i] = 1, c.expTrans[L]
			continue
		}
		sum := float32(0)
		for l := range L {
			e := c.exp[i*L+l]
			if e == 0 {
				a[l] = 0
				continue
			}
			s := float32(0)
			if i == 0 {
				s = c.expTrans[l]
			} else {
				p := c.alpha[(i-1)*L : i*L]
				for k := range L {
					s += p[k] * c.expTrans[(k+1)*L+l]
				}
			}
			a[l] = s * e
			sum += a[l]
		}
		if sum <= 0 {
			sum = 1e-30
		}
		c.scale[i] = sum
		for l := range a {
			a[l] /= sum
		}
	}
	for i := n - 1; i >= 0; i-- {
		b := c.beta[i*L : (i+1)*L]
		if i == n-1 {
			for l := range b {
				b[l] = 1
			}
		} else {
			next, e := c.beta[(i+1)*L:(i+2)*L], c.exp[(i+1)*L:(i+2)*L]
			inv := 1 / c.scale[i+1]
			possible := L
			if c.fixed[i] {
				clear(b)
				possible = 1
			}
			for k := range possible {
				s := float32(0)
				for l := range L {
					if e[l] != 0 {
						s += c.expTrans[(k+1)*L+l] * e[l] * next[l]
					}
				}
				b[k] = s * inv
			}
		}
		for l := range L {
			c.marginal[i*L+l] = c.alpha[i*L+l] * b[l]
		}
	}
}

// countPairs computes the expected number of each transition, after run.
func (c *chain) countPairs() {
	L, n := c.labels, c.n
	c.pairs = sized(c.pairs, (L+1)*L)
	clear(c.pairs)
	for l := range L {
		c.pairs[l] = c.marginal[l]
	}
	for i := 1; i < n; i++ {
		if c.fixed[i] && c.fixed[i-1] {
			c.pairs[L]++
			continue
		}
		p, e, b := c.alpha[(i-1)*L:i*L], c.exp[i*L:(i+1)*L], c.beta[i*L:(i+1)*L]
		inv := 1 / c.scale[i]
		for k := range L {
			if p[k] == 0 {
				continue
			}
			for l := range L {
				c.pairs[(k+1)*L+l] += p[k] * c.expTrans[(k+1)*L+l] * e[l] * b[l] * inv
			}
		}
	}
}

// loss approximates the negative log-likelihood label by label, which is enough to show progress.
func (c *chain) loss(gold []uint8, _ []float32) float64 {
	sum := 0.0
	for i, y := range gold {
		sum -= math.Log(max(float64(c.marginal[i*c.labels+int(y)]), 1e-10))
	}
	return sum
}

// Marginals computes each label's probability from scores (positions × labels). Fixed positions have label 0. The result is
// valid until the next call.
type Marginals struct {
	c    chain
	last *float32 // the transitions whose exponentials c has
}

// Run takes the scores and returns the probabilities. It keeps what it computes from transitions, which must not change.
func (m *Marginals) Run(scores []float32, fixed []bool, labels int, transitions []float32, allowed *Allowed) []float32 {
	m.c.labels, m.c.n = labels, len(fixed)
	m.c.scores = append(m.c.scores[:0], scores...)
	m.c.fixed = append(m.c.fixed[:0], fixed...)
	if m.last != &transitions[0] {
		m.c.exponentials(transitions, allowed)
		m.last = &transitions[0]
	}
	m.c.run()
	return m.c.marginal
}

// Viterbi finds the best sequence of labels.
func Viterbi(scores []float32, fixed []bool, labels int, transitions []float32, allowed *Allowed, back []uint8, out []uint8) []uint8 {
	n, L := len(fixed), labels
	if cap(back) < n*L {
		back = make([]uint8, n*L)
	}
	back = back[:n*L]
	const never = float32(-1e30)
	last := make([]float32, L)
	next := make([]float32, L)
	for i := range n {
		for l := range L {
			next[l] = never
			if fixed[i] && l != 0 {
				continue
			}
			s := float32(0)
			if !fixed[i] {
				s = scores[i*L+l]
			}
			if i == 0 {
				if allowed.First[l] {
					next[l] = s + transitions[l]
				}
				continue
			}
			best, from := never, 0
			for k := range L {
				if last[k] > never && allowed.Next[k*L+l] {
					if v := last[k] + transitions[(k+1)*L+l]; v > best {
						best, from = v, k
					}
				}
			}
			if best > never {
				next[l] = best + s
			}
			back[i*L+l] = uint8(from)
		}
		last, next = next, last
	}
	if n == 0 {
		return back
	}
	y := 0
	for l := range L {
		if last[l] > last[y] {
			y = l
		}
	}
	for i := n - 1; i >= 0; i-- {
		out[i] = uint8(y)
		y = int(back[i*L+y])
	}
	return back
}

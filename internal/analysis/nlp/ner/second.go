package ner

import (
	"openlearn/internal/analysis/nlp/seq"
	"openlearn/internal/analysis/nlp/text"
)

// The second pass corrects the first one: its features are the first pass's labels of the token and its neighbours, and of the same
// words and names elsewhere in the document. It is trained on what first passes say of documents that they were not trained on
// (Krishnan and Manning 2006). It is for documents of several sentences; in others there is nothing more to see. Its scores are added to those of the first pass.

// typeProbabilities are how probable it is that a token is outside (0) or in a name of each type.
type typeProbabilities [1 + int(typeCount)]float32

// best is the most probable type, 0 for outside, and its probability.
func (p *typeProbabilities) best() (int, float32) {
	b := 0
	for k, x := range p {
		if x > p[b] {
			b = k
		}
	}
	return b, p[b]
}

// votes are the sums of probabilities of several tokens.
type votes struct {
	sum typeProbabilities
	n   float32
}

// without are the votes of the other tokens, and how many there are.
func (v *votes) without(own *typeProbabilities) (votes, bool) {
	o := *v
	o.n--
	if o.n < 0.5 {
		return o, false
	}
	for k := range o.sum {
		o.sum[k] = max(0, o.sum[k]-own[k])
	}
	return o, true
}

// guess is a name that the first pass found.
type guess struct {
	first, last int32
	kind        uint8 // type + 1
	key         uint64
	p           typeProbabilities // means over its tokens
}

// memory is what the first pass found in a document.
type memory struct {
	probabilities []typeProbabilities // per token
	guesses       []guess
	guessOf       []int32 // per token, -1 for none
	byWord        map[uint64]*votes
	byName        map[uint64]*votes
	longer        map[uint64]*votes // of words in names of several words
	pool          []votes
	mix           [1 + int(typeCount)]int
}

func (y *memory) reset(tokens int) {
	if cap(y.probabilities) < tokens {
		y.probabilities = make([]typeProbabilities, tokens*5/4)
		y.guessOf = make([]int32, tokens*5/4)
	}
	y.probabilities, y.guessOf = y.probabilities[:tokens], y.guessOf[:tokens]
	y.guesses, y.pool = y.guesses[:0], y.pool[:0]
	y.mix = [1 + int(typeCount)]int{}
	if y.byWord == nil {
		y.byWord, y.byName, y.longer = map[uint64]*votes{}, map[uint64]*votes{}, map[uint64]*votes{}
	}
	clear(y.byWord)
	clear(y.byName)
	clear(y.longer)
}

func (y *memory) vote(in map[uint64]*votes, key uint64, p *typeProbabilities) {
	v := in[key]
	if v == nil {
		if len(y.pool) == cap(y.pool) {
			y.pool = make([]votes, 0, max(64, 2*cap(y.pool))) // the old pool lives on in the maps
		}
		y.pool = append(y.pool, votes{})
		v = &y.pool[len(y.pool)-1]
		in[key] = v
	}
	v.n++
	for k, x := range p {
		v.sum[k] += x
	}
}

// remember gathers what the labels and probabilities of the first pass say about each word and name of the document.
func (w *work) remember(d *text.Document) {
	y := &w.memory
	for i := range y.guessOf {
		y.guessOf[i] = -1
	}
	for _, s := range d.Sentences {
		begin := -1
		for i := s.First; i < s.Last; i++ {
			l := w.labels[i]
			if l == 0 {
				begin = -1
				continue
			}
			t, part := parse(l)
			if part == labelBegin || part == labelSingle {
				begin = i
			}
			if (part == labelEnd || part == labelSingle) && begin >= 0 {
				g := guess{first: int32(begin), last: int32(i + 1), kind: uint8(t) + 1}
				for k := begin; k <= i; k++ {
					y.guessOf[k] = int32(len(y.guesses))
					g.key = g.key*0x9e3779b97f4a7c15 ^ w.tokens[k].low
					for x, p := range y.probabilities[k] {
						g.p[x] += p / float32(i+1-begin)
					}
				}
				y.guesses = append(y.guesses, g)
				y.mix[g.kind]++
				y.mix[0]++
				begin = -1
			}
		}
	}
	for i := range y.guesses {
		g := &y.guesses[i]
		y.vote(y.byName, g.key, &g.p)
		if g.last > g.first+1 {
			for k := g.first; k < g.last; k++ {
				if w.tokens[k].capital {
					y.vote(y.longer, w.tokens[k].low, &y.probabilities[k])
				}
			}
		}
	}
	for i := range w.tokens {
		if w.tokens[i].capital {
			y.vote(y.byWord, w.tokens[i].low, &y.probabilities[i])
		}
	}
}

func bucket(p float32) uint64 {
	switch {
	case p < 0.02:
		return 0
	case p < 0.1:
		return 1
	case p < 0.3:
		return 2
	case p < 0.5:
		return 3
	case p < 0.7:
		return 4
	case p < 0.85:
		return 5
	case p < 0.95:
		return 6
	case p < 0.99:
		return 7
	}
	return 8
}

// secondFeatures appends the second pass's features of token i in its sentence.
func (w *work) secondFeatures(s text.Sentence, i int, dst []uint64) []uint64 {
	y := &w.memory
	f1, f2, f := seq.Feature1, seq.Feature2, seq.Feature
	t := &w.tokens[i]
	label := func(k int) uint64 {
		if k < s.First || k >= s.Last {
			return 99
		}
		return uint64(w.labels[k])
	}
	own := label(i)
	p := &y.probabilities[i]
	best, top := p.best()
	kind, sure := uint64(best), bucket(top)
	dst = append(dst, f1(100, own), f2(101, own, sure), f(102, label(i-1), own, label(i+1)), f2(103, t.hash, kind), f2(104, uint64(w.sport[t.sentence]), kind), f(105, uint64(t.lists), uint64(t.place), own))
	for k, x := range p {
		if b := bucket(x); b > 0 {
			dst = append(dst, f2(106, uint64(k), b))
		}
	}
	if t.capital {
		if v, ok := y.byWord[t.low].without(p); ok {
			b, x := v.sum.best()
			m, n := uint64(b), uint64(min(v.n, 4))
			dst = append(dst, f(110, m, bucket(x/v.n), kind), f(111, m, n, kind), f(112, m, own, sure))
			for k, x := range v.sum {
				if c := bucket(x / v.n); c > 0 {
					dst = append(dst, f(113, uint64(k), c, kind))
				}
			}
		} else {
			dst = append(dst, f2(114, kind, sure))
		}
		if v := y.longer[t.low]; v != nil {
			single := uint64(0)
			u, ok := *v, true
			if g := y.guessOf[i]; g >= 0 && y.guesses[g].last > y.guesses[g].first+1 {
				u, ok = v.without(p)
				single = 1
			}
			if ok {
				b, x := u.sum.best()
				dst = append(dst, f(115, uint64(b), bucket(x/u.n), kind<<1|single), f(116, uint64(b), own, single))
			}
		}
	}
	if g := y.guessOf[i]; g >= 0 {
		x := &y.guesses[g]
		length := uint64(min(x.last-x.first, 5))
		if v, ok := y.byName[x.key].without(&x.p); ok {
			b, q := v.sum.best()
			dst = append(dst, f(120, uint64(b), bucket(q/v.n), kind), f(121, uint64(b), uint64(min(v.n, 4)), own), f(122, uint64(b), length, kind))
		}
		before, after := &outside, &outside
		if int(x.first) > s.First {
			before = &w.tokens[x.first-1]
		}
		if int(x.last) < s.Last {
			after = &w.tokens[x.last]
		}
		dst = append(dst, f2(123, before.low, own), f2(124, after.low, own), f(125, w.tokens[x.first].hash, length, kind), f2(126, w.tokens[x.last-1].hash, kind), f(127, before.low, after.low, kind))
		dst = append(dst, f(128, uint64(x.kind), bucket(x.p[x.kind]), own))
	}
	var in [1 + int(typeCount)]int
	for g := w.firstGuess(s); g < len(y.guesses) && int(y.guesses[g].first) < s.Last; g++ {
		if y.guessOf[i] != int32(g) {
			in[y.guesses[g].kind]++
		}
	}
	dst = append(dst, f(135, uint64(min(in[1], 3))<<8|uint64(min(in[2], 3))<<4|uint64(min(in[3], 3)), kind))
	if all := y.mix[0]; all > 3 {
		for k := 1; k < len(y.mix); k++ {
			dst = append(dst, f(136, uint64(k), uint64(y.mix[k]*5/all), kind))
		}
	}
	return dst
}

// firstGuess is the index of the first name of a sentence.
func (w *work) firstGuess(s text.Sentence) int {
	y := &w.memory
	lo, hi := 0, len(y.guesses)
	for lo < hi {
		mid := (lo + hi) / 2
		if int(y.guesses[mid].first) < s.First {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

package seq

import (
	"math/rand/v2"
)

// Sentence is a training example of the perceptron.
type Sentence struct {
	Features   [][]int32 // per position
	Candidates [][]uint8 // labels that are possible at a position
	// Gold are the correct labels of a position: several if the data leaves a choice.
	Gold [][]uint8
	// Weight is how far the example moves the weights; 0 means 1.
	Weight float32
}

// Trigrams are weights of label trigrams: (before the last, last, this); label 0 stands for the beginning of the sentence.
type Trigrams struct {
	labels int
	w      []float32
}

// NewTrigrams makes zero weights.
func NewTrigrams(labels int) *Trigrams {
	return &Trigrams{labels, make([]float32, labels*labels*labels+labels*labels)}
}

func (t *Trigrams) at(a, b, c uint8) int {
	return (int(a)*t.labels+int(b))*t.labels + int(c)
}

func (t *Trigrams) bigram(b, c uint8) int {
	return t.labels*t.labels*t.labels + int(b)*t.labels + int(c)
}

// Decoder finds the best labels. It holds scratch space and is for one goroutine.
type Decoder struct {
	score, next []float32
	back        []uint8
	offset      []int32
}

// Best finds the best sequence for scores (positions × labels) among the candidates and writes it to out.
func (d *Decoder) Best(t *Trigrams, scores []float32, candidates [][]uint8, out []uint8) {
	n := len(candidates)
	if n == 0 {
		return
	}
	start := []uint8{0}
	at := func(i int) []uint8 {
		if i < 0 {
			return start
		}
		return candidates[i]
	}
	d.offset = d.offset[:0]
	d.back = d.back[:0]
	d.score = append(d.score[:0], 0)
	for i := range n {
		A, B, C := at(i-2), at(i-1), candidates[i]
		d.offset = append(d.offset, int32(len(d.back)))
		size := len(B) * len(C)
		if cap(d.next) < size {
			d.next = make([]float32, size*2)
		}
		d.next = d.next[:size]
		for bi, b := range B {
			for ci, c := range C {
				best, from := float32(0), -1
				base := t.w[t.bigram(b, c)] + scores[i*t.labels+int(c)]
				for ai, a := range A {
					s := d.score[ai*len(B)+bi] + t.w[t.at(a, b, c)]
					if from < 0 || s > best {
						best, from = s, ai
					}
				}
				d.next[bi*len(C)+ci] = best + base
				d.back = append(d.back, uint8(from))
			}
		}
		d.score, d.next = d.next, d.score
	}
	// The best end, then backwards.
	B, C := at(n-2), candidates[n-1]
	top := 0
	for i := range d.score {
		if d.score[i] > d.score[top] {
			top = i
		}
	}
	bi, ci := top/len(C), top%len(C)
	for i := n - 1; i >= 0; i-- {
		B, C = at(i-1), candidates[i]
		out[i] = C[ci]
		ai := int(d.back[int(d.offset[i])+bi*len(C)+ci])
		bi, ci = ai, bi
	}
	_ = B
}

// Perceptron trains weights by the averaged structured perceptron (Collins 2002). The seed decides the order of the
// sentences. Progress is called after each epoch.
func Perceptron(sentences []Sentence, features, labels, epochs int, seed uint64, progress func(epoch int)) (dense []float32, trigrams *Trigrams) {
	dense = make([]float32, features*labels)
	total := make([]float32, features*labels)
	t := NewTrigrams(labels)
	tTotal := make([]float32, len(t.w))
	rng := rand.New(rand.NewPCG(1, seed))
	order := make([]int, len(sentences))
	for i := range order {
		order[i] = i
	}
	var d Decoder
	var scores []float32
	var guess, gold []uint8
	clock := float32(1)
	for epoch := range epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, n := range order {
			s := &sentences[n]
			clock++
			scores = scoreAll(scores, dense, s.Features, labels)
			guess = grow(guess, len(s.Features))
			gold = grow(gold, len(s.Features))
			d.Best(t, scores, s.Candidates, guess)
			if allowed(s.Gold, guess) {
				continue
			}
			d.Best(t, scores, s.Gold, gold)
			step := s.Weight
			if step == 0 {
				step = 1
			}
			update := func(w, tot []float32, i int, by float32) {
				w[i] += by
				tot[i] += by * clock
			}
			for i, fs := range s.Features {
				if guess[i] != gold[i] {
					for _, f := range fs {
						update(dense, total, int(f)*labels+int(gold[i]), step)
						update(dense, total, int(f)*labels+int(guess[i]), -step)
					}
				}
				ga, gb, ha, hb := before(gold, i, 2), before(gold, i, 1), before(guess, i, 2), before(guess, i, 1)
				if ga != ha || gb != hb || gold[i] != guess[i] {
					update(t.w, tTotal, t.at(ga, gb, gold[i]), step)
					update(t.w, tTotal, t.at(ha, hb, guess[i]), -step)
				}
				if gb != hb || gold[i] != guess[i] {
					update(t.w, tTotal, t.bigram(gb, gold[i]), step)
					update(t.w, tTotal, t.bigram(hb, guess[i]), -step)
				}
			}
		}
		progress(epoch)
	}
	for i := range dense {
		dense[i] -= total[i] / clock
	}
	for i := range t.w {
		t.w[i] -= tTotal[i] / clock
	}
	return dense, t
}

func before(labels []uint8, i, by int) uint8 {
	if i < by {
		return 0
	}
	return labels[i-by]
}

func grow(s []uint8, n int) []uint8 {
	if cap(s) < n {
		return make([]uint8, n, n*2)
	}
	return s[:n]
}

func scoreAll(scores, dense []float32, features [][]int32, labels int) []float32 {
	if cap(scores) < len(features)*labels {
		scores = make([]float32, len(features)*labels*2)
	}
	scores = scores[:len(features)*labels]
	clear(scores)
	for i, fs := range features {
		row := scores[i*labels : (i+1)*labels]
		for _, f := range fs {
			w := dense[int(f)*labels : (int(f)+1)*labels]
			for l := range row {
				row[l] += w[l]
			}
		}
	}
	return scores
}

func allowed(gold [][]uint8, guess []uint8) bool {
	for i, g := range guess {
		ok := false
		for _, a := range gold[i] {
			ok = ok || a == g
		}
		if !ok {
			return false
		}
	}
	return true
}

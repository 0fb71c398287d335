// Package embed clusters words by their contexts, in two ways: it trains vectors by skip-gram with negative sampling (Mikolov et al.
// 2013) and clusters them by k-means, and it finds the classes whose bigrams are most likely. It uses one goroutine and a fixed seed, so the same text gives the same groups.
package embed

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Options of training.
type Options struct {
	Dimensions, Window, Negative, Epochs int
	Least                                int            // occurrences that a word needs
	Fine, Coarse                         int            // numbers of groups by vectors
	Classes                              [Kinds - 2]int // and by bigrams
	Progress                             func(done, of int)
}

// Kinds is how many groups each word gets: fine and coarse ones by vectors, then fine, middling and coarse ones by bigrams.
const Kinds = 5

// Groups returns the groups of each word, numbered from 1.
func Groups(sentences [][]string, o Options) map[string][Kinds]uint16 {
	counts := map[string]int{}
	for _, s := range sentences {
		for _, w := range s {
			counts[w]++
		}
	}
	words := slices.Collect(maps.Keys(counts))
	words = slices.DeleteFunc(words, func(w string) bool { return counts[w] < o.Least })
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	if len(words) < o.Fine {
		return nil
	}
	vectors := skipgram(sentences, words, counts, o)
	kinds := [Kinds][]uint16{kmeans(vectors, o.Dimensions, o.Fine), kmeans(vectors, o.Dimensions, o.Coarse)}
	lines, n := numbered(sentences, words)
	for k, classes := range o.Classes {
		kinds[2+k] = exchange(lines, n, classes, exchangeRounds, o.Progress)
	}
	out := make(map[string][Kinds]uint16, len(words))
	for i, w := range words {
		var g [Kinds]uint16
		for k := range kinds {
			g[k] = kinds[k][i] + 1
		}
		out[w] = g
	}
	return out
}

// exchangeRounds is how often each word may move.
const exchangeRounds = 8

// numbered are sentences as numbers of words, with further numbers for their ends and for kinds of rare words.
func numbered(sentences [][]string, words []string) ([][]int32, int) {
	index := make(map[string]int32, len(words))
	for i, w := range words {
		index[w] = int32(i)
	}
	rare := func(w string) int32 {
		r, _ := utf8.DecodeRuneInString(w)
		switch {
		case unicode.IsUpper(r):
			return 0
		case unicode.IsDigit(r):
			return 1
		case unicode.IsLetter(r):
			return 2
		}
		return 3
	}
	const end = 4
	lines := make([][]int32, len(sentences))
	for k, s := range sentences {
		line := make([]int32, 0, len(s)+2)
		line = append(line, int32(len(words)+end))
		for _, w := range s {
			n, ok := index[w]
			if !ok {
				n = int32(len(words)) + rare(w)
			}
			line = append(line, n)
		}
		lines[k] = append(line, int32(len(words)+end))
	}
	return lines, len(words) + end + 1
}

func skipgram(sentences [][]string, words []string, counts map[string]int, o Options) []float32 {
	index := make(map[string]int32, len(words))
	for i, w := range words {
		index[w] = int32(i)
	}
	D := o.Dimensions
	rng := rand.New(rand.NewPCG(5, 6))
	in, out := make([]float32, len(words)*D), make([]float32, len(words)*D)
	for i := range in {
		in[i] = (rng.Float32() - 0.5) / float32(D)
	}
	table := make([]int32, 1<<20)
	power := 0.0
	for _, w := range words {
		power += math.Pow(float64(counts[w]), 0.75)
	}
	at, sum := 0, 0.0
	for i, w := range words {
		sum += math.Pow(float64(counts[w]), 0.75) / power
		for at < len(table) && float64(at) < sum*float64(len(table)) {
			table[at] = int32(i)
			at++
		}
	}
	total := 0
	for _, w := range words {
		total += counts[w]
	}
	keep := make([]float32, len(words))
	for i, w := range words {
		f := float64(counts[w]) / float64(total)
		keep[i] = float32(math.Sqrt(1e-3/f) + 1e-3/f)
	}
	gradient := make([]float32, D)
	var line []int32
	for epoch := range o.Epochs {
		for n, s := range sentences {
			if n%1000 == 0 && o.Progress != nil {
				o.Progress(epoch*len(sentences)+n, o.Epochs*len(sentences))
			}
			rate := float32(0.05) * (1 - float32(epoch*len(sentences)+n)/float32(o.Epochs*len(sentences)+1))
			line = line[:0]
			for _, w := range s {
				if i, ok := index[w]; ok && rng.Float32() < keep[i] {
					line = append(line, i)
				}
			}
			for i, w := range line {
				window := 1 + rng.IntN(o.Window)
				v := in[int(w)*D : int(w+1)*D]
				for j := max(0, i-window); j < min(len(line), i+window+1); j++ {
					if j == i {
						continue
					}
					clear(gradient)
					for k := range o.Negative + 1 {
						target, label := line[j], float32(1)
						if k > 0 {
							target, label = table[rng.Uint32()&(1<<20-1)], 0
							if target == line[j] {
								continue
							}
						}
						u := out[int(target)*D : int(target+1)*D]
						dot := float32(0)
						for x := range v {
							dot += v[x] * u[x]
						}
						g := (label - sigmoid(dot)) * rate
						for x := range v {
							gradient[x] += g * u[x]
							u[x] += g * v[x]
						}
					}
					for x := range v {
						v[x] += gradient[x]
					}
				}
			}
		}
	}
	for i := range words {
		normalise(in[i*D : (i+1)*D])
	}
	return in
}

func sigmoid(x float32) float32 {
	switch {
	case x > 8:
		return 1
	case x < -8:
		return 0
	}
	return float32(1 / (1 + math.Exp(-float64(x))))
}

func normalise(v []float32) {
	s := float32(0)
	for _, x := range v {
		s += x * x
	}
	if s == 0 {
		return
	}
	inv := float32(1 / math.Sqrt(float64(s)))
	for i := range v {
		v[i] *= inv
	}
}

// kmeans clusters unit vectors. Its initial centres are spread over the most frequent words.
func kmeans(vectors []float32, D, k int) []uint16 {
	n := len(vectors) / D
	centres := make([]float32, k*D)
	for c := range k {
		i := c * min(n, k*4) / k
		copy(centres[c*D:(c+1)*D], vectors[i*D:(i+1)*D])
	}
	assigned := make([]uint16, n)
	for range 8 {
		for i := range n {
			v := vectors[i*D : (i+1)*D]
			best, top := 0, float32(-2)
			for c := range k {
				u := centres[c*D : (c+1)*D]
				dot := float32(0)
				for x := range v {
					dot += v[x] * u[x]
				}
				if dot > top {
					best, top = c, dot
				}
			}
			assigned[i] = uint16(best)
		}
		clear(centres)
		for i := range n {
			u := centres[int(assigned[i])*D : (int(assigned[i])+1)*D]
			for x, y := range vectors[i*D : (i+1)*D] {
				u[x] += y
			}
		}
		for c := range k {
			normalise(centres[c*D : (c+1)*D])
		}
	}
	return assigned
}

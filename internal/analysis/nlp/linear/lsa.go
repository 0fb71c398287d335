package linear

import (
	"math"
	"slices"
)

// LSA is latent semantic analysis (Deerwester et al. 1990): it maps the words of a text to a vector of few dimensions, so that
// texts about the same things are near each other although they share no words. It is learned from texts without labels.
type LSA struct {
	space   *Space
	k       int
	vectors []float32 // words × k
}

// lsaRounds of subspace iteration are enough for classification.
const lsaRounds = 8

// NewLSA finds k dimensions of the texts, given as their words with counts, by subspace iteration on the matrix of tf-idf.
// Words in fewer than minimum texts or in more than a quarter of them are left out.
func NewLSA(texts []map[string]float32, k, minimum int) *LSA {
	df := map[string]int{}
	for _, t := range texts {
		for w := range t {
			df[w]++
		}
	}
	kept := make([]map[string]float32, len(texts))
	for i, t := range texts {
		kept[i] = make(map[string]float32, len(t))
		for w, n := range t {
			if df[w] >= minimum && 4*df[w] <= len(texts) {
				kept[i][w] = n
			}
		}
	}
	l := &LSA{space: NewSpace(kept, 1), k: k}
	rows := make([]Vector, len(kept))
	for i, t := range kept {
		rows[i] = l.space.Vector(t)
	}
	l.vectors = make([]float32, l.space.Len()*k)
	seed := uint64(88172645463325252)
	for i := range l.vectors {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		l.vectors[i] = float32(seed>>40)/(1<<24) - 0.5
	}
	l.orthonormalise()
	y := make([]float32, k)
	for range lsaRounds {
		next := make([]float32, len(l.vectors))
		for _, row := range rows {
			l.multiply(row, y)
			for _, f := range row {
				cell := next[int(f.ID)*k:][:k]
				for j, v := range y {
					cell[j] += f.Value * v
				}
			}
		}
		l.vectors = next
		l.orthonormalise()
	}
	return l
}

// multiply sets y to the sum of the words' vectors.
func (l *LSA) multiply(row Vector, y []float32) {
	clear(y)
	for _, f := range row {
		for j, v := range l.vectors[int(f.ID)*l.k:][:l.k] {
			y[j] += f.Value * v
		}
	}
}

// orthonormalise makes the columns orthonormal (modified Gram-Schmidt).
func (l *LSA) orthonormalise() {
	v, k := l.vectors, l.k
	for j := range k {
		for p := range j {
			dot := 0.0
			for i := 0; i < len(v); i += k {
				dot += float64(v[i+j]) * float64(v[i+p])
			}
			for i := 0; i < len(v); i += k {
				v[i+j] -= float32(dot) * v[i+p]
			}
		}
		square := 0.0
		for i := 0; i < len(v); i += k {
			square += float64(v[i+j]) * float64(v[i+j])
		}
		norm := float32(1 / math.Sqrt(square+1e-12))
		for i := 0; i < len(v); i += k {
			v[i+j] *= norm
		}
	}
}

// Project is the vector of a text, of length 1; nil if it has no known word.
func (l *LSA) Project(text map[string]float32) []float32 {
	row := l.space.Vector(text)
	if len(row) == 0 {
		return nil
	}
	y := make([]float32, l.k)
	l.multiply(row, y)
	square := 0.0
	for _, v := range y {
		square += float64(v) * float64(v)
	}
	norm := float32(1 / math.Sqrt(square+1e-12))
	for j := range y {
		y[j] *= norm
	}
	return slices.Clip(y)
}

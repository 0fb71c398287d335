// Package linear is a multinomial logistic regression over sparse features, for texts. Training is deterministic.
package linear

import (
	"math"
	"slices"
)

// Feature is one feature of one text.
type Feature struct {
	ID    uint32
	Value float32
}

// Vector is a text's features, ascending by ID, each once.
type Vector []Feature

// Space numbers the names of features and weighs them by their rarity.
type Space struct {
	ids map[string]uint32
	idf []float32
}

// NewSpace numbers the features that occur in at least min of the texts. Each text is given as its features with their
// counts.
func NewSpace(texts []map[string]float32, minimum int) *Space {
	df := map[string]int{}
	for _, t := range texts {
		for f := range t {
			df[f]++
		}
	}
	names := make([]string, 0, len(df))
	for f, n := range df {
		if n >= minimum {
			names = append(names, f)
		}
	}
	slices.Sort(names)
	s := &Space{ids: make(map[string]uint32, len(names)), idf: make([]float32, len(names))}
	for i, f := range names {
		s.ids[f] = uint32(i)
		s.idf[i] = float32(math.Log((1+float64(len(texts)))/(1+float64(df[f]))) + 1)
	}
	return s
}

// Len is the number of features.
func (s *Space) Len() int { return len(s.idf) }

// Vector is a text's features by tf-idf (sublinear tf), of length 1. Dense features, whose names begin with "=", keep their value.
func (s *Space) Vector(text map[string]float32) Vector {
	sparse, dense := make(Vector, 0, len(text)), Vector{}
	sum := 0.0
	for f, n := range text {
		id, ok := s.ids[f]
		if !ok {
			continue
		}
		if f[0] == '=' {
			dense = append(dense, Feature{id, n})
			continue
		}
		sparse = append(sparse, Feature{id, float32(1+math.Log(float64(n))) * s.idf[id]})
	}
	slices.SortFunc(sparse, byID)
	for _, f := range sparse { // in order, so that the sum is always the same
		sum += float64(f.Value) * float64(f.Value)
	}
	if sum > 0 {
		norm := float32(1 / math.Sqrt(sum))
		for i := range sparse {
			sparse[i].Value *= norm
		}
	}
	v := append(sparse, dense...)
	slices.SortFunc(v, byID)
	return v
}

func byID(a, b Feature) int { return int(a.ID) - int(b.ID) }

// Model is a trained classifier.
type Model struct {
	Classes int
	Weights []float32 // features × classes
	Bias    []float32
}

// Scores are the logarithms of unnormalised probabilities.
func (m *Model) Scores(v Vector) []float64 {
	s := make([]float64, m.Classes)
	for c := range s {
		s[c] = float64(m.Bias[c])
	}
	for _, f := range v {
		w := m.Weights[int(f.ID)*m.Classes:][:m.Classes]
		for c := range s {
			s[c] += float64(w[c] * f.Value)
		}
	}
	return s
}

// Probabilities turns scores into probabilities, in place.
func Probabilities(scores []float64) []float64 {
	most := slices.Max(scores)
	sum := 0.0
	for i, s := range scores {
		scores[i] = math.Exp(s - most)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
	return scores
}

// Options of training.
type Options struct {
	Epochs int     // passes over the texts
	L2     float64 // strength of the regularisation, per text
	Rate   float64 // learning rate of AdaGrad
	// ClassWeights, if set, weigh the texts of each class.
	ClassWeights []float64
}

// Train fits a model by AdaGrad on single texts in a fixed pseudo-random order. Regularisation is applied lazily: when a
// feature occurs, for all the steps since it last occurred.
func Train(texts []Vector, labels []int, features, classes int, o Options) *Model {
	m := &Model{Classes: classes, Weights: make([]float32, features*classes), Bias: make([]float32, classes)}
	grad := make([]float32, features*classes)
	for i := range grad {
		grad[i] = 1e-6
	}
	biasGrad := make([]float64, classes)
	met := make([]int32, features)
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	seed := uint64(88172645463325252)
	step := int32(0)
	for range o.Epochs {
		for i := len(order) - 1; i > 0; i-- {
			seed ^= seed << 13
			seed ^= seed >> 7
			seed ^= seed << 17
			j := int(seed % uint64(i+1))
			order[i], order[j] = order[j], order[i]
		}
		for _, k := range order {
			step++
			p := Probabilities(m.Scores(texts[k]))
			weight := 1.0
			if o.ClassWeights != nil {
				weight = o.ClassWeights[labels[k]]
			}
			for c := range p {
				if c == labels[k] {
					p[c]--
				}
				p[c] *= weight
				biasGrad[c] += p[c] * p[c]
				m.Bias[c] -= float32(o.Rate * 0.1 * p[c] / math.Sqrt(biasGrad[c]+1e-6))
			}
			for _, f := range texts[k] {
				at := int(f.ID) * classes
				since := float32(step - met[f.ID])
				met[f.ID] = step
				for c := range classes {
					g := float32(p[c])*f.Value + float32(o.L2)*since*m.Weights[at+c]
					grad[at+c] += g * g
					m.Weights[at+c] -= float32(o.Rate) * g / float32(math.Sqrt(float64(grad[at+c])))
				}
			}
		}
	}
	return m
}

// Weighted returns the features' weights by name, multiplied by the feature's rarity.
func (s *Space) Weighted(m *Model) map[string][]float64 {
	out := make(map[string][]float64, len(s.ids))
	for f, id := range s.ids {
		w := make([]float64, m.Classes)
		for c := range w {
			w[c] = float64(m.Weights[int(id)*m.Classes+c] * s.idf[id])
		}
		out[f] = w
	}
	return out
}

package readability

import (
	"math"

	"openlearn/internal/analysis/nlp/text"
)

// Model turns features into a score: 1 for A1, 2 for A2 … 5 for C1.
type Model struct {
	Mean, Scale, Weights vector
	Bias                 float64
}

// Graded is a text with its level on the score's scale.
type Graded struct {
	Level    float64
	features vector
	words    int
}

// Grade is a text of known level, measured once.
func Grade(d *text.Document, lvl float64) Graded {
	c := count(d)
	return Graded{lvl, features(d, c), c.Words}
}

// Score is the model's raw score of a measured text.
func (m *Model) Score(g Graded) float64 { return m.raw(g.features, g.words) }

// directions are the signs that weights may have: a longer sentence never makes a text easier.
var directions = vector{
	sentenceLength: 1, wordLength: 1, meanZipf: -1, rareShare: 1, veryRareShare: 1, subordination: 1, subjunctive: 1, past: 1, diversity: 1, present: -1, longSentences: 1, connectives: 1, spokenRank: 1, unspoken: 1,
}

// balance weighs texts so that each level counts the same.
func balance(texts []Graded) []float64 {
	n := map[float64]float64{}
	for _, t := range texts {
		n[t.Level]++
	}
	w := make([]float64, len(texts))
	for i, t := range texts {
		w[i] = float64(len(texts)) / float64(len(n)) / n[t.Level]
	}
	return w
}

// Train fits a ridge regression whose weights keep the signs of directions, by coordinate descent.
func Train(texts []Graded, ridge float64) Model {
	var m Model
	n := float64(len(texts))
	xs, weights := make([]vector, len(texts)), balance(texts)
	for i, t := range texts {
		xs[i] = t.features
		m.Bias += weights[i] * t.Level / n
		for k, v := range xs[i] {
			m.Mean[k] += weights[i] * v / n
		}
	}
	for i, x := range xs {
		for k, v := range x {
			m.Scale[k] += weights[i] * (v - m.Mean[k]) * (v - m.Mean[k]) / n
		}
	}
	residual := make([]float64, len(texts))
	for k := range m.Scale {
		m.Scale[k] = math.Max(math.Sqrt(m.Scale[k]), 1e-6)
	}
	for i := range xs {
		residual[i] = texts[i].Level - m.Bias
		for k := range xs[i] {
			xs[i][k] = (xs[i][k] - m.Mean[k]) / m.Scale[k]
		}
	}
	for range 200 {
		for k := range m.Weights {
			dot, square := 0.0, ridge*n
			for i := range xs {
				dot += weights[i] * xs[i][k] * (residual[i] + m.Weights[k]*xs[i][k])
				square += weights[i] * xs[i][k] * xs[i][k]
			}
			w := dot / square
			if w*directions[k] < 0 {
				w = 0
			}
			for i := range xs {
				residual[i] -= (w - m.Weights[k]) * xs[i][k]
			}
			m.Weights[k] = w
		}
	}
	return m
}

// fewWords is the weight of the prior, a text of medium difficulty: so a headline is never C2.
const (
	fewWords = 12
	prior    = 3.0
)

func (m *Model) raw(f vector, words int) float64 {
	s := m.Bias
	for k := range f {
		s += m.Weights[k] * (f[k] - m.Mean[k]) / m.Scale[k]
	}
	s = math.Max(0, math.Min(7, s))
	n := float64(words)
	return (n*s + fewWords*prior) / (n + fewWords)
}

// Raw is the score of a text, not limited to 1…5.
func (m *Model) Raw(d *text.Document) float64 {
	c := count(d)
	return m.raw(features(d, c), c.Words)
}

// Raw is the shipped model's score of a text, not limited to 1…5.
func Raw(d *text.Document) float64 { return calibrated().Raw(d) }

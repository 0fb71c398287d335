package readability

import (
	"math"

	"openlearn/internal/analysis/nlp/text"
)

// Model turns features into a score: 1 for A1, 2 for A2 … 5 for C1, up to 6 for what is far beyond C1. Each step from one
// level to the next is a regression of its own, because different things make the first and the last steps hard.
type Model struct {
	Mean, Scale vector
	Steps       [steps]Step
}

// steps is the number of steps between the levels A1, A2, B1, B2 and C1.
const steps = 4

// Step separates the levels up to one from those above it.
type Step struct {
	Bias    float64
	Weights vector
	Center  float64 // half-way between the means of the two adjacent levels
	Gap     float64 // between these means
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
	verse: 1, archaic: 1, turns: -1, shortSentences: -1, remote: 1, clauses: 1, semicolons: 1, rankTail: 1, longWords: 1, common: -1, pluperfect: 1,
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

// Train fits a model.
func Train(texts []Graded, ridge float64) Model {
	var m Model
	n := float64(len(texts))
	xs, weights := make([]vector, len(texts)), balance(texts)
	for i, t := range texts {
		xs[i] = t.features
		for k, v := range xs[i] {
			m.Mean[k] += weights[i] * v / n
		}
	}
	for i, x := range xs {
		for k, v := range x {
			m.Scale[k] += weights[i] * (v - m.Mean[k]) * (v - m.Mean[k]) / n
		}
	}
	for k := range m.Scale {
		m.Scale[k] = math.Max(math.Sqrt(m.Scale[k]), 1e-6)
	}
	for i := range xs {
		xs[i] = m.scaled(xs[i])
	}
	for k := range m.Steps {
		below := make([]Graded, len(texts)) // with the levels limited to the two of this step
		for i, t := range texts {
			below[i].Level = math.Max(float64(k+1), math.Min(float64(k+2), t.Level))
		}
		m.Steps[k].fit(xs, below, ridge)
	}
	m.Center(texts)
	return m
}

// fit is a ridge regression whose weights keep the signs of directions, by coordinate descent.
func (s *Step) fit(xs []vector, texts []Graded, ridge float64) {
	n, weights := float64(len(texts)), balance(texts)
	residual := make([]float64, len(texts))
	for i, t := range texts {
		s.Bias += weights[i] * t.Level / n
	}
	for i, t := range texts {
		residual[i] = t.Level - s.Bias
	}
	for range 200 {
		for k := range s.Weights {
			dot, square := 0.0, ridge*n
			for i := range xs {
				dot += weights[i] * xs[i][k] * (residual[i] + s.Weights[k]*xs[i][k])
				square += weights[i] * xs[i][k] * xs[i][k]
			}
			w := dot / square
			if w*directions[k] < 0 {
				w = 0
			}
			for i := range xs {
				residual[i] -= (w - s.Weights[k]) * xs[i][k]
			}
			s.Weights[k] = w
		}
	}
}

// Center puts the thresholds half-way between the means of adjacent levels of these texts: how often a level occurs says
// nothing about other texts. A step for which there are no texts of both levels keeps its threshold.
func (m *Model) Center(texts []Graded) {
	for k := range m.Steps {
		s := &m.Steps[k]
		var sum, n [2]float64
		for _, t := range texts {
			switch above := t.Level - float64(k) - 1.5; {
			case above >= -1 && above < 0:
				sum[0] += s.at(m.scaled(t.features))
				n[0]++
			case above > 0 && above <= 1:
				sum[1] += s.at(m.scaled(t.features))
				n[1]++
			}
		}
		if n[0] > 0 && n[1] > 0 {
			low, high := sum[0]/n[0], sum[1]/n[1]
			s.Center, s.Gap = (low+high)/2, math.Max(high-low, 0.1)
		}
	}
}

func (s *Step) at(x vector) float64 {
	v := s.Bias
	for k := range x {
		v += s.Weights[k] * x[k]
	}
	return v
}

func (m *Model) scaled(f vector) vector {
	for k := range f {
		f[k] = (f[k] - m.Mean[k]) / m.Scale[k]
	}
	return f
}

// fewWords is the weight of the prior, a text of medium difficulty: so a headline is never C2.
const (
	fewWords = 6
	prior    = 3.0
	slope    = 6.0 // at the mean of a level, 95 % of a step are done
	beyond   = 2.0 // C2 begins this many gaps above the mean of C1
)

func (m *Model) raw(f vector, words int) float64 {
	x := m.scaled(f)
	score := 1.0
	for k := range m.Steps {
		s := &m.Steps[k]
		v := (s.at(x) - s.Center) / s.Gap
		score += logistic(slope * v)
		if k == steps-1 {
			score += logistic(slope * (v - 0.5 - beyond))
		}
	}
	n := float64(words)
	return (n*score + fewWords*prior) / (n + fewWords)
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// Raw is the score of a text, 1 to 6.
func (m *Model) Raw(d *text.Document) float64 {
	c := count(d)
	return m.raw(features(d, c), c.Words)
}

// Raw is the shipped model's score of a text, 1 to 6.
func Raw(d *text.Document) float64 { return calibrated().Raw(d) }

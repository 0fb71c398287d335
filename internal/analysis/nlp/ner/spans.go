package ner

import (
	"sync"

	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/seq"
	"openlearn/internal/analysis/nlp/text"
)

// Span is a name: the tokens first … last-1.
type Span struct {
	First, Last int
	Type        Type
	Confidence  float64
}

var works = sync.Pool{New: func() any { return new(work) }}

// maxChunk is how many tokens are decoded at once.
const maxChunk = 512

// Spans finds the names of a document.
func (m *Model) Spans(d *text.Document, words *morph.Analysis) []Span {
	w := works.Get().(*work)
	defer works.Put(w)
	m.firstPass(w, d, words)
	if m.second != nil && len(d.Sentences) > 1 {
		w.remember(d)
		w.each(d, func(s text.Sentence) { m.rescore(w, s) })
		w.each(d, func(s text.Sentence) { w.decode(s, m.secondTransitions) })
	}
	var out []Span
	w.each(d, func(s text.Sentence) { out = w.spans(s, out) })
	return m.repair(d, out)
}

// firstPass fills in scores, labels and probabilities.
func (m *Model) firstPass(w *work, d *text.Document, words *morph.Analysis) {
	m.prepare(w, d, words)
	w.size(len(d.Tokens))
	w.each(d, func(s text.Sentence) {
		m.score(w, s)
		w.decode(s, m.transitions)
	})
}

// each calls do for the sentences in which there can be names; overlong ones are cut.
func (w *work) each(d *text.Document, do func(text.Sentence)) {
	for _, s := range d.Sentences {
		for s.First < s.Last {
			part := s
			part.Last = min(s.Last, s.First+maxChunk)
			if w.anyActive(part) {
				do(part)
			}
			s.First = part.Last
		}
	}
}

// size makes room for the scores, labels and probabilities of a document.
func (w *work) size(tokens int) {
	if cap(w.scores) < tokens*labelCount {
		w.scores = make([]float32, tokens*labelCount*5/4)
		w.labels = make([]uint8, tokens*5/4)
		w.confidence = make([]float32, tokens*5/4)
	}
	w.scores, w.labels, w.confidence = w.scores[:tokens*labelCount], w.labels[:tokens], w.confidence[:tokens]
	clear(w.scores)
	clear(w.labels)
	w.memory.reset(tokens)
	for i := range w.memory.probabilities {
		w.memory.probabilities[i] = typeProbabilities{1}
	}
}

func (w *work) anyActive(s text.Sentence) bool {
	for i := s.First; i < s.Last; i++ {
		if w.tokens[i].active {
			return true
		}
	}
	return false
}

// score computes the scores of the first pass.
func (m *Model) score(w *work, s text.Sentence) {
	scale := m.weights.Scale()
	var sums [labelCount]int32
	for i := s.First; i < s.Last; i++ {
		if !w.tokens[i].active {
			continue
		}
		clear(sums[:])
		w.features = m.featuresOf(w, s, i, w.features[:0])
		m.weights.Add(sums[:], w.features)
		for l, v := range sums {
			w.scores[i*labelCount+l] = float32(v) * scale
		}
	}
}

// rescore adds the scores of the second pass. The labels and probabilities stay those of the first one until all sentences have
// their scores.
func (m *Model) rescore(w *work, s text.Sentence) {
	scale := m.second.Scale()
	var sums [labelCount]int32
	for i := s.First; i < s.Last; i++ {
		if !w.tokens[i].active {
			continue
		}
		clear(sums[:])
		w.features = w.secondFeatures(s, i, w.features[:0])
		m.second.Add(sums[:], w.features)
		for l, v := range sums {
			k := i*labelCount + l
			w.scores[k] = w.scores[k]*m.firstScale + float32(v)*scale
		}
	}
}

// decode finds the best labels of a sentence and how probable they and each type are.
func (w *work) decode(s text.Sentence, transitions []float32) {
	w.fixed = w.fixed[:0]
	for i := s.First; i < s.Last; i++ {
		w.fixed = append(w.fixed, !w.tokens[i].active)
	}
	scores := w.scores[s.First*labelCount : s.Last*labelCount]
	w.back = seq.Viterbi(scores, w.fixed, labelCount, transitions, &allowed, w.back, w.labels[s.First:s.Last])
	marginals := w.marginals.Run(scores, w.fixed, labelCount, transitions, &allowed)
	for i := s.First; i < s.Last; i++ {
		row := marginals[(i-s.First)*labelCount : (i-s.First+1)*labelCount]
		w.confidence[i] = row[w.labels[i]]
		p := &w.memory.probabilities[i]
		p[0] = row[0]
		for t := range int(typeCount) {
			p[1+t] = row[1+t*4] + row[2+t*4] + row[3+t*4] + row[4+t*4]
		}
	}
}

// spans appends the names that a sentence's labels make.
func (w *work) spans(s text.Sentence, out []Span) []Span {
	begin := -1
	for i := s.First; i < s.Last; i++ {
		l := w.labels[i]
		if l == 0 {
			continue
		}
		t, part := parse(l)
		if part == labelBegin || part == labelSingle {
			begin = i
		}
		if (part == labelEnd || part == labelSingle) && begin >= 0 {
			p := float32(1)
			for k := begin; k <= i; k++ {
				p = min(p, w.confidence[k])
			}
			out = append(out, Span{First: begin, Last: i + 1, Type: t, Confidence: float64(max(0, min(1, p)))})
			begin = -1
		}
	}
	return out
}

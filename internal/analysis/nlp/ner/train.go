package ner

import (
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/seq"
	"openlearn/internal/analysis/nlp/text"
)

// Example is an annotated document: sentences of tokens, and a tag for each in IOB2 ("" if the data does not say).
type Example struct {
	Sentences [][]string
	Tags      [][]string
	Weight    float32
}

// TrainOptions say how to train.
type TrainOptions struct {
	Lists    *Gazetteer
	Triggers map[string]uint16
	Clusters map[string][2]uint16
	Examples []Example
	Epochs   int
	Rate, L2 float64
	Least    int32 // occurrences that a feature needs
	Floor    float32
	Progress func(done, of int, note string)
}

// Train makes a model. The same options give the same model.
func Train(lex *lexicon.Lexicon, tagger *morph.Model, o TrainOptions) *Model {
	m := &Model{lex: lex, lists: o.Lists, triggers: o.Triggers, clusters: o.Clusters}
	f := seq.NewFeatures()
	var examples []seq.Tagged
	var positions [][][]int32
	var w work
	for _, e := range o.Examples {
		d := text.FromTokens(e.Sentences)
		words := tagger.Tag(&d)
		m.prepare(&w, &d, &words)
		for n, s := range d.Sentences {
			tagged, ok := m.example(&w, s, e.Tags[n], f)
			if !ok {
				continue
			}
			tagged.Weight = e.Weight
			examples = append(examples, tagged)
			positions = append(positions, tagged.Features)
		}
	}
	f.Prune(o.Least, positions)
	dense, transitions := seq.CRF(examples, f, seq.CRFOptions{
		Labels: labelCount, Epochs: o.Epochs, Rate: o.Rate, L2: o.L2, Allowed: allowed,
		Progress: func(epoch int, loss float64) { o.Progress(epoch+1, o.Epochs, "") },
	})
	m.transitions = transitions
	m.weights = seq.Sparse(f, dense, labelCount, o.Floor)
	return m
}

// example numbers the features of a sentence. A sentence with a name of unknown type is left out.
func (m *Model) example(w *work, s text.Sentence, tags []string, f *seq.Features) (seq.Tagged, bool) {
	n := s.Last - s.First
	t := seq.Tagged{Features: make([][]int32, n), Gold: make([]uint8, n)}
	for i := range n {
		if tags[i] == "" {
			return t, false
		}
		t.Gold[i] = bilou(tags, i)
		if t.Gold[i] != 0 {
			w.tokens[s.First+i].active = true
		}
	}
	var buf []uint64
	for i := range n {
		if w.tokens[s.First+i].active {
			buf = m.featuresOf(w, s, s.First+i, buf[:0])
			t.Features[i] = f.Add(buf)
		}
	}
	return t, true
}

// bilou is the label of position i of a sequence in IOB2.
func bilou(tags []string, i int) uint8 {
	if len(tags[i]) < 3 {
		return 0
	}
	kind := tags[i][2:]
	t := MISC
	for k, name := range typeNames {
		if name == kind {
			t = Type(k)
		}
	}
	begins := tags[i][0] == 'B' || i == 0 || len(tags[i-1]) < 3 || tags[i-1][2:] != kind
	ends := i+1 >= len(tags) || len(tags[i+1]) < 3 || tags[i+1][0] == 'B' || tags[i+1][2:] != kind
	switch {
	case begins && ends:
		return label(t, labelSingle)
	case begins:
		return label(t, labelBegin)
	case ends:
		return label(t, labelEnd)
	}
	return label(t, labelInside)
}

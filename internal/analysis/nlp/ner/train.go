package ner

import (
	"sync"

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
	Clusters map[string][groupCount]uint16
	Examples []Example
	Epochs   int
	Rate, L2 float64
	Dropout  float64 // of features while training
	Least    int32   // occurrences that a feature needs
	Floor    float32
	Second   SecondOptions
	Progress func(done, of int, note string)
}

// SecondOptions say how to train the second pass.
type SecondOptions struct {
	// Folds is the number of parts into which the documents are divided: the second pass learns from what a first pass that was
	// trained on the other parts says about each. 0 means no second pass.
	Folds    int
	Epochs   int
	Rate, L2 float64
	Dropout  float64
	Least    int32
	Floor    float32
	// Scale is by how much the scores of the first pass count in the second.
	Scale float32
}

// Train makes a model. The same options give the same model.
func Train(lex *lexicon.Lexicon, tagger *morph.Model, o TrainOptions) *Model {
	m := &Model{lex: lex, lists: o.Lists, triggers: o.Triggers, clusters: o.Clusters}
	t := newTrainer(m, tagger, o)
	dense, transitions := t.dense(-1, func(epoch int, _ float64) { o.Progress(epoch+1, o.Epochs, "names") })
	m.transitions, m.weights = transitions, seq.Sparse(t.f, dense, labelCount, o.Floor)
	if o.Second.Folds > 1 {
		t.secondPass()
	}
	return m
}

type trainer struct {
	m      *Model
	tagger *morph.Model
	o      TrainOptions
	f      *seq.Features
	docs   [][]seq.Tagged // per document its sentences; without features if left out
}

func newTrainer(m *Model, tagger *morph.Model, o TrainOptions) *trainer {
	t := &trainer{m: m, tagger: tagger, o: o, f: seq.NewFeatures(), docs: make([][]seq.Tagged, len(o.Examples))}
	var positions [][][]int32
	var w work
	for k, e := range o.Examples {
		d := text.FromTokens(e.Sentences)
		words := tagger.Tag(&d)
		m.prepare(&w, &d, &words)
		for n, s := range d.Sentences {
			tagged, ok := m.example(&w, s, e.Tags[n], t.f)
			if !ok {
				tagged = seq.Tagged{}
			} else {
				positions = append(positions, tagged.Features)
			}
			tagged.Weight = e.Weight
			t.docs[k] = append(t.docs[k], tagged)
		}
	}
	t.f.Prune(o.Least, positions)
	return t
}

// block is how many neighbouring documents are in the same fold: they may be about the same events.
const block = 40

func (t *trainer) inFold(doc, fold int) bool {
	return fold >= 0 && doc/block%t.o.Second.Folds == fold
}

// dense trains the first pass without the documents of a fold; -1 is no fold.
func (t *trainer) dense(fold int, progress func(int, float64)) (dense, transitions []float32) {
	var examples []seq.Tagged
	for k, doc := range t.docs {
		if t.inFold(k, fold) {
			continue
		}
		for _, s := range doc {
			if len(s.Gold) > 0 {
				examples = append(examples, s)
			}
		}
	}
	return seq.CRF(examples, t.f, seq.CRFOptions{
		Labels: labelCount, Epochs: t.o.Epochs, Rate: t.o.Rate, L2: t.o.L2, Dropout: t.o.Dropout, Allowed: allowed, Progress: progress,
	})
}

// secondPass trains the second pass. Two folds are trained at a time.
func (t *trainer) secondPass() {
	o := t.o.Second
	folds := make([][]seq.Tagged, o.Folds)
	sets := make([]*seq.Features, o.Folds)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2)
	var mu sync.Mutex
	done := 0
	for fold := range o.Folds {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			sets[fold] = seq.NewFeatures()
			dense, transitions := t.dense(fold, func(int, float64) {
				mu.Lock()
				done++
				t.o.Progress(done, o.Folds*t.o.Epochs, "names, second pass")
				mu.Unlock()
			})
			model := *t.m
			model.transitions, model.weights = transitions, seq.Sparse(t.f, dense, labelCount, t.o.Floor)
			folds[fold] = t.secondExamples(&model, fold, sets[fold])
		})
	}
	wg.Wait()
	f := seq.NewFeatures()
	var examples []seq.Tagged
	var positions [][][]int32
	for fold, part := range folds {
		for _, e := range part {
			f.Adopt(sets[fold], e.Features)
			examples = append(examples, e)
			positions = append(positions, e.Features)
		}
	}
	f.Prune(o.Least, positions)
	dense, transitions := seq.CRF(examples, f, seq.CRFOptions{
		Labels: labelCount, Epochs: o.Epochs, Rate: o.Rate, L2: o.L2, Dropout: o.Dropout, Allowed: allowed,
		Progress: func(epoch int, _ float64) { t.o.Progress(epoch+1, o.Epochs, "names, second pass") },
	})
	t.m.second, t.m.secondTransitions, t.m.firstScale = seq.Sparse(f, dense, labelCount, o.Floor), transitions, o.Scale
}

// secondExamples are the sentences of a fold as the second pass sees them.
func (t *trainer) secondExamples(m *Model, fold int, f *seq.Features) []seq.Tagged {
	var out []seq.Tagged
	var w work
	var buf []uint64
	for k, doc := range t.docs {
		if !t.inFold(k, fold) {
			continue
		}
		e := t.o.Examples[k]
		d := text.FromTokens(e.Sentences)
		words := t.tagger.Tag(&d)
		m.firstPass(&w, &d, &words)
		w.remember(&d)
		for n, s := range d.Sentences {
			if len(doc[n].Gold) == 0 {
				continue
			}
			x := seq.Tagged{Gold: doc[n].Gold, Weight: doc[n].Weight, Features: make([][]int32, s.Last-s.First), Base: make([]float32, (s.Last-s.First)*labelCount)}
			for i, v := range w.scores[s.First*labelCount : s.Last*labelCount] {
				x.Base[i] = v * t.o.Second.Scale
			}
			for i := s.First; i < s.Last; i++ {
				if doc[n].Features[i-s.First] != nil {
					buf = w.secondFeatures(s, i, buf[:0])
					x.Features[i-s.First] = f.Add(buf)
				}
			}
			out = append(out, x)
		}
	}
	return out
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

// Package ner finds the names of persons, places, organisations and other things in Spanish news, classifies them, links
// their mentions, and finds dates, amounts of money and percentages.
package ner

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/pack"
	"openlearn/internal/analysis/nlp/seq"
	"openlearn/internal/analysis/nlp/text"
)

const format = "ner 1"

// Type is the type of a name.
type Type uint8

// The types.
const (
	PER Type = iota
	LOC
	ORG
	MISC
	typeCount
)

var typeNames = [...]string{"PER", "LOC", "ORG", "MISC"}

// String is the type's name.
func (t Type) String() string { return typeNames[t] }

// Labels: 0 is outside, then four of each type: begin, inside, end, single.
const (
	labelBegin = iota
	labelInside
	labelEnd
	labelSingle
	labelCount = 1 + 4*int(typeCount)
)

func label(t Type, part int) uint8 { return uint8(1 + int(t)*4 + part) }

func parse(l uint8) (Type, int) { return Type((l - 1) / 4), int(l-1) % 4 }

// allowed holds the transitions that make complete names.
var allowed = func() seq.Allowed {
	a := seq.Allowed{Next: make([]bool, labelCount*labelCount), First: make([]bool, labelCount)}
	opens := func(l int) bool {
		if l == 0 {
			return true
		}
		_, part := parse(uint8(l))
		return part == labelBegin || part == labelSingle
	}
	for k := range labelCount {
		a.First[k] = opens(k)
		for l := range labelCount {
			inside := false
			if k > 0 {
				_, part := parse(uint8(k))
				inside = part == labelBegin || part == labelInside
			}
			if !inside {
				a.Next[k*labelCount+l] = opens(l)
				continue
			}
			if l == 0 {
				continue
			}
			t, _ := parse(uint8(k))
			u, part := parse(uint8(l))
			a.Next[k*labelCount+l] = t == u && (part == labelInside || part == labelEnd)
		}
	}
	return a
}()

type clusterTable map[string][2]uint16

func (c clusterTable) get(norm, lower string) [2]uint16 {
	if g, ok := c[norm]; ok {
		return g
	}
	if norm != lower {
		return c[lower]
	}
	return [2]uint16{}
}

// Model is immutable and safe for concurrent use.
type Model struct {
	lex         *lexicon.Lexicon
	lists       *Gazetteer
	triggers    triggers
	clusters    clusterTable
	weights     *seq.Weights
	transitions []float32
}

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
	m.prepare(w, d, words)
	var out []Span
	for _, s := range d.Sentences {
		for s.Last-s.First > maxChunk {
			part := s
			part.Last = s.First + maxChunk
			out = m.spansOf(w, part, out)
			s.First = part.Last
		}
		out = m.spansOf(w, s, out)
	}
	return repair(d, out)
}

func (m *Model) spansOf(w *work, s text.Sentence, out []Span) []Span {
	n := s.Last - s.First
	w.fixed = w.fixed[:0]
	any := false
	for i := s.First; i < s.Last; i++ {
		w.fixed = append(w.fixed, !w.tokens[i].active)
		any = any || w.tokens[i].active
	}
	if !any {
		return out
	}
	if cap(w.scores) < n*labelCount {
		w.scores = make([]float32, n*labelCount)
		w.labels = make([]uint8, n)
	}
	w.scores, w.labels = w.scores[:n*labelCount], w.labels[:n]
	clear(w.scores)
	var sums [labelCount]int32
	scale := m.weights.Scale()
	for i := range n {
		if w.fixed[i] {
			continue
		}
		clear(sums[:])
		w.features = m.featuresOf(w, s, s.First+i, w.features[:0])
		for _, f := range w.features {
			m.weights.Add(sums[:], f)
		}
		for l, v := range sums {
			w.scores[i*labelCount+l] = float32(v) * scale
		}
	}
	w.back = seq.Viterbi(w.scores, w.fixed, labelCount, m.transitions, &allowed, w.back, w.labels)
	begin := -1
	for i, l := range w.labels {
		if l == 0 {
			continue
		}
		t, part := parse(l)
		if part == labelBegin || part == labelSingle {
			begin = i
		}
		if (part == labelEnd || part == labelSingle) && begin >= 0 {
			out = append(out, Span{First: s.First + begin, Last: s.First + i + 1, Type: t})
			begin = -1
		}
	}
	if len(out) > 0 && out[len(out)-1].First >= s.First {
		marginals := w.marginals.Run(w.scores, w.fixed, labelCount, m.transitions, &allowed)
		for k := len(out) - 1; k >= 0 && out[k].First >= s.First; k-- {
			p := float32(1)
			for i := out[k].First; i < out[k].Last; i++ {
				p = min(p, marginals[(i-s.First)*labelCount+int(w.labels[i-s.First])])
			}
			out[k].Confidence = float64(max(0, min(1, p)))
		}
	}
	return out
}

// Encode is the model as a file.
func (m *Model) Encode() ([]byte, error) {
	var w pack.Writer
	m.weights.Write(&w)
	for _, t := range m.transitions {
		w.Float(float64(t))
	}
	m.lists.write(&w)
	m.triggers.write(&w)
	forms := sortedKeys(m.clusters)
	w.Sorted(forms)
	for _, f := range forms {
		w.Uint(uint64(m.clusters[f][0]))
	}
	for _, f := range forms {
		w.Uint(uint64(m.clusters[f][1]))
	}
	return w.Pack(format)
}

// Decode reads what Encode made.
func Decode(data []byte, lex *lexicon.Lexicon) (*Model, error) {
	r, err := pack.Open(data, format)
	if err != nil {
		return nil, err
	}
	m := &Model{lex: lex}
	if m.weights, err = seq.ReadWeights(r); err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	m.transitions = make([]float32, (labelCount+1)*labelCount)
	for i := range m.transitions {
		m.transitions[i] = float32(r.Float())
	}
	m.lists = readGazetteer(r)
	m.triggers = readTriggerTable(r)
	forms := r.Sorted()
	m.clusters = make(clusterTable, len(forms))
	groups := make([][2]uint16, len(forms))
	for k := range 2 {
		for i := range groups {
			groups[i][k] = uint16(r.Uint())
		}
	}
	for i, f := range forms {
		m.clusters[f] = groups[i]
	}
	return m, r.Err()
}

// Casing says how the words of a sentence in capitals are usually written: names from the lists with capitals, words of the
// language in lower case, unknown words like names.
func (m *Model) Casing(tokens []text.Token) []text.Casing {
	out := make([]text.Casing, len(tokens))
	for i := 0; i < len(tokens); i++ {
		if tokens[i].Kind != text.Word {
			continue
		}
		if n := m.listed(tokens[i:]); n > 0 {
			for k := i; k < i+n; k++ {
				if !connector[tokens[k].Lower] || k == i {
					out[k] = text.Capital
				}
			}
			i += n - 1
			continue
		}
		out[i] = m.casing(tokens[i].Lower)
	}
	return out
}

// listed is the number of tokens of the longest name in the lists that begins here and is not a common word.
func (m *Model) listed(tokens []text.Token) int {
	most := int(m.lists.first[tokens[0].Lower])
	best := 0
	key := ""
	for k := 0; k < most && k < len(tokens); k++ {
		if k > 0 {
			key += " "
		}
		key += tokens[k].Lower
		entries := m.lists.entries[key]
		if len(entries) == 0 {
			continue
		}
		if k == 0 && m.lex.Zipf(key) > 0 && len(m.lex.Readings(key)) > 0 && m.casing(key) == text.Small {
			continue
		}
		best = k + 1
	}
	return best
}

func (m *Model) casing(lower string) text.Casing {
	if connector[lower] {
		return text.Small
	}
	if len(m.lex.Readings(lower)) > 0 && m.lex.Zipf(lower) > 1.8 {
		return text.Small
	}
	if m.lex.Zipf(lower) > 5 { // function words
		return text.Small
	}
	if morph.Split(m.lex, lower) != nil {
		return text.Small
	}
	if entries := m.lists.entries[lower]; len(entries) > 0 && len(lower) <= 5 {
		for _, e := range entries {
			if e.Class != Municipality && e.Class != Department && e.Class != Place && strings.Contains(e.Canonical, " ") {
				return text.Upper
			}
		}
	}
	return text.Capital
}

//go:embed ner.bin
var embedded []byte

// Default is the model in the binary, decoded at the first call.
var Default = sync.OnceValue(func() *Model {
	m, err := Decode(embedded, lexicon.Default())
	if err != nil {
		panic("the embedded names are damaged: " + err.Error()) // a broken build, found by any test
	}
	return m
})

// Fingerprint tells the models in two binaries apart.
func Fingerprint() string {
	sum := sha256.Sum256(embedded)
	return hex.EncodeToString(sum[:8])
}

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

const format = "ner 2"

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

// groupCount is how many groups a word is in: fine and coarse ones by vectors, fine, middling and coarse ones by bigrams.
const groupCount = 5

type clusterTable map[string][groupCount]uint16

func (c clusterTable) get(norm, lower string) [groupCount]uint16 {
	if g, ok := c[norm]; ok {
		return g
	}
	if norm != lower {
		return c[lower]
	}
	return [groupCount]uint16{}
}

// Model is immutable and safe for concurrent use.
type Model struct {
	lex         *lexicon.Lexicon
	lists       *Gazetteer
	triggers    triggers
	clusters    clusterTable
	weights     *seq.Weights
	transitions []float32
	// The second pass; nil if there is none.
	second            *seq.Weights
	secondTransitions []float32
	firstScale        float32
}

// Encode is the model as a file.
func (m *Model) Encode() ([]byte, error) {
	var w pack.Writer
	m.weights.Write(&w)
	for _, t := range m.transitions {
		w.Float(float64(t))
	}
	if m.second == nil {
		w.Byte(0)
	} else {
		w.Byte(1)
		m.second.Write(&w)
		for _, t := range m.secondTransitions {
			w.Float(float64(t))
		}
		w.Float(float64(m.firstScale))
	}
	m.lists.write(&w)
	m.triggers.write(&w)
	forms := sortedKeys(m.clusters)
	w.Sorted(forms)
	for k := range groupCount {
		for _, f := range forms {
			w.Uint(uint64(m.clusters[f][k]))
		}
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
	m.transitions = readTransitions(r)
	if r.Byte() == 1 {
		if m.second, err = seq.ReadWeights(r); err != nil {
			return nil, fmt.Errorf("weights of the second pass: %w", err)
		}
		m.secondTransitions = readTransitions(r)
		m.firstScale = float32(r.Float())
	}
	m.lists = readGazetteer(r)
	m.triggers = readTriggerTable(r)
	forms := r.Sorted()
	m.clusters = make(clusterTable, len(forms))
	groups := make([][groupCount]uint16, len(forms))
	for k := range groupCount {
		for i := range groups {
			groups[i][k] = uint16(r.Uint())
		}
	}
	for i, f := range forms {
		m.clusters[f] = groups[i]
	}
	return m, r.Err()
}

func readTransitions(r *pack.Reader) []float32 {
	t := make([]float32, (labelCount+1)*labelCount)
	for i := range t {
		t[i] = float32(r.Float())
	}
	return t
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

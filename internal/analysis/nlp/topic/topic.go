// Package topic finds what a Spanish news text is about: several topics with weights. The weights of words come from lists
// written for this project and from labelled texts whose licences allow it. It does no I/O and takes time linear in the
// text's length.
package topic

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"openlearn/internal/analysis/nlp/pack"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/words"
)

//go:embed seeds.txt
var seeds string

//go:embed topic.bin
var packed []byte

// Topic is one topic of a text.
type Topic struct {
	Name   string  // one of Names
	Weight float64 // 0…1; the weights of a text add up to at most 1
}

// ParseSeeds reads the lists of seeds.txt: the topics in their order, and each one's lemmas and phrases (joined by _).
func ParseSeeds() (names []string, lists map[string][]string, err error) {
	lists = map[string][]string{}
	for i, line := range strings.Split(seeds, "\n") {
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			names = append(names, strings.Trim(line, "[]"))
		case len(names) == 0:
			return nil, nil, fmt.Errorf("line %d stands under no topic", i+1)
		default:
			n := names[len(names)-1]
			lists[n] = append(lists[n], strings.Fields(line)...)
		}
	}
	return names, lists, nil
}

// Model weighs words for topics.
type Model struct {
	Names   []string
	table   *words.Table // word or phrase → row
	begins  *words.Table // first words of phrases
	weights []int8       // rows × topics, in steps of 1/unit
}

const (
	unit   = 16
	format = "topic 1"
)

// Encode packs weights of words per topic.
func Encode(names []string, weights map[string][]float64) ([]byte, error) {
	rows := map[string]uint16{}
	begins := map[string]uint16{}
	var list []string
	for w := range weights {
		list = append(list, w)
	}
	slices.Sort(list)
	if len(list) > math.MaxUint16 {
		return nil, fmt.Errorf("topic: %d words are too many", len(list))
	}
	var cells []byte
	for i, w := range list {
		rows[w] = uint16(i)
		if first, _, ok := strings.Cut(w, "_"); ok {
			begins[first] = max(begins[first], uint16(strings.Count(w, "_")+1))
		}
		for _, v := range weights[w] {
			cells = append(cells, byte(int8(max(-127, min(127, math.Round(v*unit))))))
		}
	}
	var w pack.Writer
	w.Strings(names)
	words.New(rows).Write(&w)
	words.New(begins).Write(&w)
	w.Bytes(cells)
	return w.Pack(format)
}

// Decode unpacks what Encode packed.
func Decode(packed []byte) (*Model, error) {
	r, err := pack.Open(packed, format)
	if err != nil {
		return nil, err
	}
	m := &Model{Names: r.Strings(), table: words.Read(r), begins: words.Read(r)}
	cells := r.Bytes(m.table.Len() * len(m.Names))
	if r.Err() != nil {
		return nil, r.Err()
	}
	m.weights = make([]int8, len(cells))
	for i, c := range cells {
		m.weights[i] = int8(c)
	}
	return m, nil
}

var embedded = sync.OnceValue(func() *Model {
	m, err := Decode(packed)
	if err != nil {
		panic("topic: the embedded model is damaged: " + err.Error()) // a broken build, found by any test
	}
	return m
})

// Names are the topics of the taxonomy.
func Names() []string { return slices.Clone(embedded().Names) }

// leading is how much more a word of the first sentence, the headline or the lead, counts.
const leading = 2

// Scores returns the score of each topic for the words of a document. A word counts by the logarithm of its occurrences.
func (m *Model) Scores(d *text.Document) []float64 {
	counts := map[uint16]float64{}
	order := []uint16{}
	hit := func(key string, n float64) {
		if row, ok := m.table.Lookup(key); ok {
			if counts[row] == 0 {
				order = append(order, row)
			}
			counts[row] += n
		}
	}
	total := 0.0
	for si, s := range d.Sentences {
		n := 1.0
		if si == 0 {
			n = leading
		}
		tokens := d.In(s)
		for i := range tokens {
			t := &tokens[i]
			if t.Kind != text.Word && t.Kind != text.Hashtag || len(t.Lower) > 60 {
				continue
			}
			total++
			w := strings.TrimPrefix(t.Lower, "#")
			hit(w, n)
			if most, ok := m.begins.Lookup(w); ok {
				key := w
				for k := 1; k < int(most) && i+k < len(tokens); k++ {
					key += "_" + tokens[i+k].Lower
					hit(key, 2*n)
				}
			}
		}
	}
	scores := make([]float64, len(m.Names))
	slices.Sort(order) // sums in a fixed order are always the same
	for _, row := range order {
		tf := 1 + math.Log(counts[row])
		for k, w := range m.weights[int(row)*len(m.Names):][:len(m.Names)] {
			scores[k] += tf * float64(w) / unit
		}
	}
	if total > 0 {
		norm := math.Sqrt(math.Max(total, 25))
		for k := range scores {
			scores[k] /= norm
		}
	}
	return scores
}

// The slope that turns scores into weights, and the least weight that is reported.
const (
	slope  = 2.2
	least  = 0.12
	silent = 0.6 // the score of having no topic, with which topics compete
	most   = 4
)

// Analyze returns the topics of a document, the heaviest first; none if no topic scores enough.
func Analyze(d *text.Document) []Topic { return embedded().Analyze(d) }

// Analyze returns the topics of a document.
func (m *Model) Analyze(d *text.Document) []Topic {
	scores := m.Scores(d)
	sum := math.Exp(slope * silent)
	for _, s := range scores {
		sum += math.Exp(slope * s)
	}
	var out []Topic
	for k, s := range scores {
		if w := math.Exp(slope*s) / sum; w >= least && s > 0 {
			out = append(out, Topic{m.Names[k], math.Round(1000*w) / 1000})
		}
	}
	slices.SortStableFunc(out, func(a, b Topic) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return 0
	})
	return out[:min(len(out), most)]
}

// Features adds the topics' scores to f, for a classifier trained in a domain.
func (m *Model) Features(d *text.Document, f map[string]float32) {
	for k, s := range m.Scores(d) {
		f["=topic "+m.Names[k]] = float32(math.Tanh(s / 2))
	}
}

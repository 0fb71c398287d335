package sentiment

import (
	"math"
	"sort"
	"strings"

	"openlearn/internal/analysis/nlp/text"
)

// Span is a mention of an entity: Document.Tokens[First:Last].
type Span struct{ First, Last int }

// Target is what a document says about one mention.
type Target struct {
	Span
	Polarity float64
	Class    Class
}

// Targets judges for each mention whether it fares well in its sentence: by its role in the event that a verb reports (who
// beats whom, who is accused), or else by the words of its clause.
func Targets(d *text.Document, spans []Span) []Target { return embedded().targets(d, spans) }

func (t *tables) targets(d *text.Document, spans []Span) []Target {
	out := make([]Target, len(spans))
	analysed := map[int][]cell{}
	for i, s := range spans {
		out[i] = Target{Span: s, Class: Neutral}
		if s.First < 0 || s.Last > len(d.Tokens) || s.First >= s.Last {
			continue
		}
		k := sort.Search(len(d.Sentences), func(k int) bool { return d.Sentences[k].Last > s.First })
		if k == len(d.Sentences) || d.Sentences[k].First > s.First {
			continue
		}
		sent := d.Sentences[k]
		cells, ok := analysed[k]
		if !ok {
			cells = t.cells(d.In(sent))
			rules(cells)
			analysed[k] = cells
		}
		p := t.target(d.In(sent), cells, s.First-sent.First, min(s.Last, sent.Last)-sent.First)
		out[i].Polarity = p
		switch {
		case p > targetFrom:
			out[i].Class = Positive
		case p < -targetFrom:
			out[i].Class = Negative
		}
	}
	return out
}

const (
	targetFrom  = 0.2
	reach       = 14 // tokens between a mention and its verb
	clauseShare = 0.9
)

// The forms of ser that make a passive, and the prepositions that mark the affected object.
var (
	passives = set("es son fue fueron era eran será serán sido ser siendo sea sean resultó resultaron quedó quedaron")
	objects  = set("a al contra")
	sides    = set("ante frente") // "cayó ante X": X wins
)

func set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// target is the polarity of tokens[first:last].
func (t *tables) target(tokens []text.Token, cells []cell, first, last int) float64 {
	if p, ok := t.part(tokens, cells, first, last); ok {
		return p
	}
	sum := 0.0
	for i := first; i >= 0 && i > first-reach; i-- {
		if i < first && ends(tokens, cells, i) {
			break
		}
		sum += cells[i].value
	}
	for i := last; i < len(cells) && i < last+reach && !ends(tokens, cells, i); i++ {
		sum += cells[i].value
	}
	sum *= clauseShare
	return sum / math.Sqrt(sum*sum+damping)
}

// ends says whether a clause ends at a token. A comma alone does not end it: the words between two commas may be an
// insertion.
func ends(tokens []text.Token, cells []cell, i int) bool {
	return cells[i].but&adversative != 0 || cells[i].stop && (tokens[i].Text == ";" || tokens[i].Text == "." || tokens[i].Text == ":")
}

const parts = subjectGood | subjectBad | objectGood | objectBad

// part looks for the nearest verb that gives the mention a role. Whoever only reports something has none in it.
func (t *tables) part(tokens []text.Token, cells []cell, first, last int) (float64, bool) {
	if reports(tokens, cells, first, last) {
		return 0, true
	}
	before := ""
	if first > 0 {
		before = tokens[first-1].Lower
		if (before == "el" || before == "la" || before == "los" || before == "las") && first > 1 {
			before = tokens[first-2].Lower
		}
	}
	// A verb after the mention: the mention is its subject unless a preposition shows otherwise.
	if !objects[before] && before != "de" && before != "del" && before != "con" && before != "en" && before != "por" && !sides[before] {
		for i := last; i < len(cells) && i < last+reach && !ends(tokens, cells, i); i++ {
			r := cells[i].role & parts
			if r == 0 || cells[i].value == 0 && r&(subjectGood|subjectBad|objectBad|objectGood) == 0 {
				continue
			}
			if !verbal(tokens[i].Lower) {
				continue
			}
			negated := i > 0 && (tokens[i-1].Lower == "no" || i > 1 && tokens[i-2].Lower == "no")
			passive := false
			for k := i - 1; k >= last && k >= i-3; k-- {
				passive = passive || passives[tokens[k].Lower]
			}
			if passive && participle(tokens[i].Lower) {
				return sign(r, objectGood, objectBad, negated)
			}
			return sign(r, subjectGood, subjectBad, negated)
		}
	}
	// A verb before the mention: the mention is its object.
	for i := first - 1; i >= 0 && i > first-reach && !ends(tokens, cells, i); i-- {
		r := cells[i].role & parts
		if r == 0 || !verbal(tokens[i].Lower) {
			continue
		}
		negated := i > 0 && tokens[i-1].Lower == "no"
		switch {
		case sides[before] && r&(subjectGood|subjectBad) != 0:
			return sign(r, subjectBad, subjectGood, negated)
		case before == "por" && participle(tokens[i].Lower):
			return sign(r, subjectGood, subjectBad, negated)
		case objects[before] || i == first-1 || i == first-2:
			return sign(r, objectGood, objectBad, negated)
		}
		break
	}
	return 0, false
}

func sign(r, good, bad uint16, negated bool) (float64, bool) {
	v := 0.0
	switch {
	case r&good != 0:
		v = 0.6
	case r&bad != 0:
		v = -0.6
	default:
		return 0, false
	}
	if negated {
		v *= negatedGood
	}
	return v, true
}

// verbal recognises verb forms, as far as their endings allow.
func verbal(w string) bool {
	for _, e := range []string{"ó", "ó", "a", "an", "e", "en", "aron", "ieron", "eron", "ado", "ada", "ados", "adas", "ido", "ida", "idos", "idas", "ar", "er", "ir", "ando", "endo", "aba", "ía", "án", "á", "to", "so", "cho", "o", "ta", "sa", "tos", "sos", "uso", "ron"} {
		if strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

func participle(w string) bool {
	for _, e := range []string{"ado", "ada", "ados", "adas", "ido", "ida", "idos", "idas", "to", "ta", "tos", "tas", "so", "sa", "sos", "sas", "cho", "cha"} {
		if strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

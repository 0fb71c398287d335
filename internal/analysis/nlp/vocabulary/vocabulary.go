// Package vocabulary picks the words of a Spanish text that a learner may want: lemma, frequency, a guess at the CEFR level
// at which it is learned, Colombianisms with their meaning, and an example. It does no I/O and takes linear time.
package vocabulary

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/spoken"
	"openlearn/internal/analysis/nlp/text"
)

// Word is a word of a text.
type Word struct {
	Lemma string
	POS   lexicon.POS
	Count int
	// Band is how common the lemma is: 1 for the 1,000 most common in speech or writing, 2 for the next 1,000 … 10; 11 is
	// rarer.
	Band int
	Zipf float64 // frequency of the lemma's form in writing and speech, Zipf scale; 0 is rarer than 1.5
	// Level is a guess: A1 … C2, from the frequency.
	Level string
	// Colombianism is nil for words of general Spanish.
	Colombianism *Colombianism
	Example      string // a sentence of the text that has it
	Form         string // as in the example
}

// The ranks up to which a word is assumed to be learned at a level. They follow the sizes of vocabulary given in the
// Cervantes Institute's curriculum plan and in studies of Spanish learners (about 700 words at A1 … 8,000 at C1).
var levels = []struct {
	name string
	rank int
}{{"A1", 700}, {"A2", 1500}, {"B1", 3000}, {"B2", 5500}, {"C1", 11000}}

// levelOf is the level of a rank.
func levelOf(rank int) string {
	for _, l := range levels {
		if rank <= l.rank {
			return l.name
		}
	}
	return "C2"
}

// rarest is the rank of words that no list has.
const rarest = 40_000

// rankOf says how common a lemma is: its rank in speech or, if that is better, the usual rank of words with its frequency.
// In news a word such as "gobierno" is common, but in films it is rare.
func rankOf(lemma, lower string) (rank int, zipf float64) {
	zipf = max(lexicon.Default().Zipf(lemma), lexicon.Default().Zipf(lower))
	rank = rarest
	if r := spoken.Default().Lemma(lemma); r > 0 {
		rank = r
	}
	if zipf > 0 {
		// Zipf's law over wordfreq: about 10^(7.9-z) forms are more frequent than a form of Zipf z > 3; lemmas are fewer than forms.
		rank = min(rank, int(math.Pow(10, 7.75-zipf)))
	}
	return max(1, rank), zipf
}

// Bounds of an example, in tokens unless stated otherwise, and of a word.
const (
	exampleFrom = 6
	exampleTo   = 30
	maxExample  = 400 // bytes
	maxWord     = 40  // code points
)

// Options of Analyze.
type Options struct {
	Most int // at most this many words; 0 means 50
}

// Analyze lists a document's nouns, verbs, adjectives and adverbs, the least common first; Colombianisms lead.
func Analyze(d *text.Document, a *morph.Analysis, o Options) []Word {
	if o.Most <= 0 {
		o.Most = 50
	}
	index := map[string]int{}
	var out []Word
	quality := []int{}
	flagged := map[int]Mention{}
	for _, m := range Colombianisms(d) {
		flagged[m.First] = m
	}
	for _, s := range d.Sentences {
		length := s.Last - s.First
		q := 1
		switch {
		case length >= exampleFrom && length <= exampleTo && !s.Capitals:
			q = 3
		case length < 60:
			q = 2
		}
		for _, w := range a.Of(s.First, s.Last) {
			t := &d.Tokens[w.Token]
			m, col := flagged[w.Token]
			lemma := w.Lemma
			if col {
				lemma = m.Lemma
			}
			if !col && !wanted(&w, t) {
				continue
			}
			key := lemma + "/" + w.POS.String()
			if col {
				key = lemma + "/co"
			}
			k, ok := index[key]
			if !ok {
				k = len(out)
				index[key] = k
				rank, zipf := rankOf(lemma, w.Lower)
				x := Word{Lemma: lemma, POS: w.POS, Band: min(11, 1+(rank-1)/1000), Zipf: zipf, Level: levelOf(rank)}
				if col {
					c := m.Colombianism
					x.Colombianism = &c
				}
				out, quality = append(out, x), append(quality, 0)
			}
			out[k].Count++
			if q > quality[k] {
				last := w.Token + 1
				if col {
					last = m.Last
				}
				quality[k] = q
				out[k].Form = d.Between(w.Token, last)
				out[k].Example = cut(d.Between(s.First, s.Last))
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Word) int {
		if a, b := strong(&x), strong(&y); a != b {
			if a {
				return -1
			}
			return 1
		}
		if x.Level != y.Level {
			return strings.Compare(y.Level, x.Level)
		}
		return y.Count - x.Count
	})
	return out[:min(len(out), o.Most)]
}

func strong(w *Word) bool { return w.Colombianism != nil && !w.Colombianism.Weak }

// wanted says whether learners would look a word up: it is of an open class, not a name, made of letters, and known.
func wanted(w *morph.Word, t *text.Token) bool {
	switch w.POS {
	case lexicon.NOUN, lexicon.VERB, lexicon.ADJ, lexicon.ADV:
	default:
		return false
	}
	if t.Kind != text.Word || utf8.RuneCountInString(w.Lemma) < 3 || utf8.RuneCountInString(w.Lemma) > maxWord || strings.ContainsAny(w.Lemma, ".-0123456789/@#") {
		return false
	}
	lex := lexicon.Default()
	return lex.Zipf(w.Lower) > 0 || lex.Has(w.Lower, w.POS)
}

// cut shortens a sentence to maxExample bytes at a space.
func cut(s string) string {
	if len(s) <= maxExample {
		return s
	}
	i := strings.LastIndexByte(s[:maxExample], ' ')
	if i < maxExample/2 {
		i = maxExample
		for i > 0 && !utf8.RuneStart(s[i]) {
			i--
		}
	}
	return s[:i] + "…"
}

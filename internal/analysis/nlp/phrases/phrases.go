// Package phrases finds the key phrases of a Spanish text: noun phrases that are frequent in it, early, and uncommon elsewhere.
// It does no I/O and takes linear time.
package phrases

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/text"
)

// Phrase is a key phrase.
type Phrase struct {
	Text  string // as first written
	Score float64
	Count int
}

// Bounds: tokens of a phrase, number of phrases, tokens of a text that are read.
const (
	maxTokens = 6
	maxLook   = 20_000
	usual     = 10
)

type candidate struct {
	text  string
	words []string // content words, lower case
	first int
	count int
}

// Analyze returns the key phrases of a document, the best first, at most most of them; 0 means 10.
func Analyze(d *text.Document, a *morph.Analysis, most int) []Phrase {
	if most <= 0 {
		most = usual
	}
	byKey := map[string]*candidate{}
	var order []*candidate
	tf := map[string]int{}
	for _, s := range d.Sentences {
		if s.First > maxLook {
			break
		}
		for i := s.First; i < s.Last; {
			last, words := phrase(d, a, i, s.Last)
			if last == i {
				i++
				continue
			}
			key := strings.Join(words, " ")
			c := byKey[key]
			if c == nil {
				c = &candidate{text: d.Between(i, last), words: words, first: i}
				byKey[key] = c
				order = append(order, c)
			}
			c.count++
			for _, w := range words {
				tf[w]++
			}
			i = last
		}
	}
	lex := lexicon.Default()
	out := make([]Phrase, 0, len(order))
	for _, c := range order {
		sum := 0.0
		for _, w := range c.words {
			rare := (7 - max(lex.Zipf(w), 2)) / 5
			sum += rare * (1 + math.Log(float64(tf[w])))
		}
		score := sum / math.Sqrt(float64(len(c.words))) * (1 + 0.5*math.Log(float64(c.count))) * (1 + 1/(1+float64(c.first)/40))
		out = append(out, Phrase{c.text, math.Round(1000*score) / 1000, c.count})
	}
	slices.SortStableFunc(out, func(x, y Phrase) int {
		switch {
		case x.Score > y.Score:
			return -1
		case x.Score < y.Score:
			return 1
		}
		return 0
	})
	return distinct(out, most)
}

// phrase is the noun phrase that begins at token i: a noun or name with the nouns, names, adjectives and "de" phrases after it.
func phrase(d *text.Document, a *morph.Analysis, i, end int) (last int, words []string) {
	last = i
	head := false
	for k := i; k < end && k < i+maxTokens; k++ {
		pos, w := single(a, k)
		t := &d.Tokens[k]
		switch {
		case t.Kind != text.Word || utf8.RuneCountInString(t.Text) > 40:
			return last, words
		case pos == lexicon.NOUN || pos == lexicon.PROPN:
			if utf8.RuneCountInString(w) < 3 && pos == lexicon.NOUN {
				return last, words
			}
			words = append(words, w)
			head, last = true, k+1
		case pos == lexicon.ADJ && head:
			words = append(words, w)
			last = k + 1
		case head && (t.Lower == "de" || t.Lower == "del") && k == last:
		case head && k == last+1 && (t.Lower == "la" || t.Lower == "los" || t.Lower == "las") && d.Tokens[k-1].Lower == "de":
		default:
			return last, words
		}
	}
	return last, words
}

// single is the part of speech and the form of a token that is one word.
func single(a *morph.Analysis, token int) (lexicon.POS, string) {
	w := a.Of(token, token+1)
	if len(w) != 1 {
		return lexicon.X, ""
	}
	return w[0].POS, w[0].Lower
}

// distinct takes the best phrases that are not part of a better one and do not contain one.
func distinct(list []Phrase, most int) []Phrase {
	var out []Phrase
	for _, p := range list[:min(len(list), 20*most)] {
		if len(out) == most {
			break
		}
		key := " " + strings.ToLower(p.Text) + " "
		if !slices.ContainsFunc(out, func(q Phrase) bool {
			other := " " + strings.ToLower(q.Text) + " "
			return strings.Contains(other, key) || strings.Contains(key, other)
		}) {
			out = append(out, p)
		}
	}
	return out
}

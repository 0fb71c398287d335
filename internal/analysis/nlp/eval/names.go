package eval

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/text"
)

// Spans counts names found, missed and made up.
type Spans struct{ Right, Wrong, Missed int }

// F1 is the harmonic mean of precision and recall, in percent.
func (s Spans) F1() float64 {
	return 200 * float64(s.Right) / float64(max(2*s.Right+s.Wrong+s.Missed, 1))
}

// documentSentences is how many sentences count as one document in data without document boundaries.
const documentSentences = 25

// ReadNames reads tokens and IOB2 tags in documents; sentences is the size of those whose ends the file does not show.
func ReadNames(path string, sentences int) ([]ner.Example, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	tokens, tags, err := corpus.Tagged(f)
	if err != nil {
		return nil, fmt.Errorf("eval: %s: %w", path, err)
	}
	var out []ner.Example
	from := 0
	for _, end := range corpus.Documents(tokens, sentences) {
		out = append(out, ner.Example{Sentences: tokens[from:end], Tags: tags[from:end]})
		from = end
	}
	return out, nil
}

// ScoreNames compares a model's names with those of the data, exact in extent and type; skip is a type to leave out of both.
func ScoreNames(m *ner.Model, tagger *morph.Model, examples []ner.Example, skip string) (all Spans, byType map[string]*Spans) {
	byType = map[string]*Spans{}
	for _, t := range []string{"PER", "LOC", "ORG", "MISC"} {
		byType[t] = &Spans{}
	}
	for _, e := range examples {
		d := text.FromTokens(e.Sentences)
		words := tagger.Tag(&d)
		guess := ner.IOB2(&d, m.Spans(&d, &words))
		var gold []string
		for _, s := range e.Tags {
			gold = append(gold, s...)
		}
		want, got := spansOf(gold, skip), spansOf(guess, skip)
		for s := range got {
			if want[s] {
				byType[s.kind].Right++
			} else {
				byType[s.kind].Wrong++
			}
		}
		for s := range want {
			if !got[s] {
				byType[s.kind].Missed++
			}
		}
	}
	for _, s := range byType {
		all.Right += s.Right
		all.Wrong += s.Wrong
		all.Missed += s.Missed
	}
	return all, byType
}

type span struct {
	first, last int
	kind        string
}

func spansOf(tags []string, skip string) map[span]bool {
	out := map[span]bool{}
	for i := 0; i < len(tags); {
		if len(tags[i]) < 3 {
			i++
			continue
		}
		kind := tags[i][2:]
		j := i + 1
		for j < len(tags) && strings.HasPrefix(tags[j], "I-") && tags[j][2:] == kind {
			j++
		}
		if kind != skip {
			out[span{i, j, kind}] = true
		}
		i = j
	}
	return out
}

// Morphology is the accuracy of tags and lemmas on a treebank, in percent.
func Morphology(m *morph.Model, path string) (upos, lemma float64, err error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return 0, 0, fmt.Errorf("eval: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	sentences, err := corpus.CoNLLU(f)
	if err != nil {
		return 0, 0, fmt.Errorf("eval: %s: %w", path, err)
	}
	n, tags, lemmas := 0, 0, 0
	for _, s := range sentences {
		forms, part := make([]string, len(s)), make([]corpus.Part, len(s))
		for i, w := range s {
			forms[i], part[i] = w.Form, w.Part
		}
		for i, w := range m.TagForms(forms, part) {
			n++
			if w.POS == s[i].POS {
				tags++
			}
			if w.Lemma == s[i].Lemma {
				lemmas++
			}
		}
	}
	return 100 * float64(tags) / float64(max(n, 1)), 100 * float64(lemmas) / float64(max(n, 1)), nil
}

package train

import (
	"bytes"
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/embed"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
)

func quiet(int, int, string) {}

// own returns the first n of our own sentences as examples.
func own(t *testing.T, n int) []ner.Example {
	t.Helper()
	var out []ner.Example
	for _, line := range ownSentences() {
		if len(out) == n {
			break
		}
		m, err := parseMarked(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.example(1))
	}
	return out
}

// TestSameBytesFromSameData retrains a small part of each model twice.
func TestSameBytesFromSameData(t *testing.T) {
	t.Parallel()
	lex, tagger := lexicon.Default(), morph.Default()
	names := func() []byte {
		examples := own(t, 40)
		var sentences [][]string
		for _, e := range examples {
			sentences = append(sentences, e.Sentences...)
		}
		lists := ner.NewGazetteer()
		if err := lists.AddWorld(world); err != nil {
			t.Fatal(err)
		}
		b, err := ner.Train(lex, tagger, ner.TrainOptions{
			Lists: lists, Examples: examples, Epochs: 2, Rate: 0.1, L2: 0.5, Dropout: 0.5, Least: 1, Progress: quiet,
			Second:   ner.SecondOptions{Folds: 3, Epochs: 2, Rate: 0.1, L2: 1, Dropout: 0.5, Least: 1, Scale: 1},
			Clusters: embed.Groups(sentences, embed.Options{Dimensions: 8, Window: 2, Negative: 2, Epochs: 1, Least: 1, Fine: 8, Coarse: 2, Classes: [...]int{8, 4, 2}}),
		}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	words := func() []byte {
		var sentences [][]corpus.Word
		for _, e := range own(t, 40) {
			for _, s := range e.Sentences {
				var tagged []corpus.Word
				for _, w := range tagger.TagForms(s, make([]corpus.Part, len(s))) {
					tagged = append(tagged, corpus.Word{Form: w.Form, Lemma: w.Lemma, POS: w.POS})
				}
				sentences = append(sentences, tagged)
			}
		}
		b, err := morph.Train(lex, morph.Options{Epochs: 2, Runs: 2, Main: sentences, Progress: quiet}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, make := range map[string]func() []byte{"names": names, "words": words} {
		a, b := make(), make()
		if !bytes.Equal(a, b) {
			t.Errorf("%s: two trainings differ", name)
		}
		if len(a) < 1000 {
			t.Errorf("%s: only %d bytes", name, len(a))
		}
	}
}

// TestOwnSentences: every marked name begins and ends at token boundaries.
func TestOwnSentences(t *testing.T) {
	t.Parallel()
	for _, line := range ownSentences() {
		m, err := parseMarked(line)
		if err != nil {
			t.Fatal(err)
		}
		want, got := strings.Count(line, "{"), 0
		for _, tags := range m.example(1).Tags {
			for _, tag := range tags {
				if strings.HasPrefix(tag, "B-") {
					got++
				}
			}
		}
		if got != want {
			t.Errorf("%d names of %d: %s", got, want, line)
		}
	}
	if _, err := parseMarked("En {LOC Cali"); err == nil {
		t.Error("an open mark is no error")
	}
}

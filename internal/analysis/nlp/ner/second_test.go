package ner

import (
	"fmt"
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/text"
)

// TestSecondPass: what a word is elsewhere in the document decides where its own sentence does not.
func TestSecondPass(t *testing.T) {
	t.Parallel()
	document := func(i int, name string) Example {
		clear, tag := "la señora "+name+" saludó .", "B-PER"
		if i%2 == 0 {
			clear, tag = "llovió en el municipio de "+name+" .", "B-LOC"
		}
		var e Example
		for _, line := range []string{"ayer sorprendió " + name + " .", clear} {
			tokens := strings.Fields(line)
			tags := make([]string, len(tokens))
			for k, w := range tokens {
				tags[k] = "O"
				if w == name {
					tags[k] = tag
				}
			}
			e.Sentences, e.Tags = append(e.Sentences, tokens), append(e.Tags, tags)
		}
		return e
	}
	var examples []Example
	for i := range 400 {
		examples = append(examples, document(i, fmt.Sprintf("Xa%c%c%c", 'b'+rune(i/2%20), 'a'+rune(i/40), 'a'+rune(i/2%7))))
	}
	o := TrainOptions{Lists: NewGazetteer(), Examples: examples, Epochs: 4, Rate: 0.1, L2: 0.5, Least: 3, Progress: func(int, int, string) {}}
	right := func(m *Model) (n int) {
		for i := range 40 {
			e := document(i, fmt.Sprintf("Wu%co", 'a'+rune(i/2)))
			d := text.FromTokens(e.Sentences)
			words := morph.Default().Tag(&d)
			tags := IOB2(&d, m.Spans(&d, &words))
			if tags[2] == e.Tags[0][2] {
				n++
			}
		}
		return n
	}
	one := right(Train(lexicon.Default(), morph.Default(), o))
	o.Second = SecondOptions{Folds: 4, Epochs: 6, Rate: 0.1, L2: 0.5, Least: 2, Scale: 1}
	two := right(Train(lexicon.Default(), morph.Default(), o))
	if two < 38 || one > 30 {
		t.Errorf("right with one pass %d of 40, with two %d", one, two)
	}
}

package eval

import (
	"fmt"
	"io"
	"path/filepath"

	"openlearn/internal/analysis/nlp/derive"
	"openlearn/internal/analysis/nlp/linear"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/topic"
)

// TopicProof measures the engine trained in two domains, by cross-validation, or on a held-out part if there is one.
func TopicProof(w io.Writer, data string) ([]Scores, error) {
	seeds, err := derive.Open(data).SeedTopics()
	if err != nil {
		return nil, err
	}
	var out []Scores
	for _, set := range []struct {
		name, file string
		folds      int
	}{{"El Colombiano", "elcol", 10}, {"fake news", "faketopic", 5}} {
		s, how, err := proof(filepath.Join(data, "topic", set.file), topicViews(seeds), topicBalance, set.folds)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		fmt.Fprintf(w, "topics, in domain, %-14s accuracy %.1f  macro-F1 %.1f  (%s)\n", set.name, 100*s.Accuracy, 100*s.MacroF1, how)
	}
	return out, nil
}

const (
	topicBalance = 0.3
	// seedScale is the weight of the lists' scores relative to single words.
	seedScale = 3
)

// topicViews are the views of a text: word n-grams with those of the headline, and character n-grams; both with the scores
// of the lists. It uses the lists alone because the shipped model was trained on one of the sets.
func topicViews(seeds *topic.Model) []viewSpec {
	with := func(g linear.Grams, head bool) func(d *text.Document) map[string]float32 {
		return func(d *text.Document) map[string]float32 {
			f := g.Features(d)
			if head {
				headline(d, f)
			}
			lists := map[string]float32{}
			seeds.Features(d, lists)
			for k, v := range lists {
				f[k] = v * seedScale
			}
			return f
		}
	}
	o := linear.Options{Epochs: 10, L2: 1e-4, Rate: 0.3}
	return []viewSpec{
		{with(linear.Grams{Words: 2}, true), 2, o, 0},
		{with(linear.Grams{Words: 1, CharsFrom: 4, CharsTo: 6, Tokens: 500}, false), 2, o, 0},
	}
}

// headline adds the words of the first sentence as features of their own.
func headline(d *text.Document, f map[string]float32) {
	if len(d.Sentences) == 0 {
		return
	}
	tokens := d.In(d.Sentences[0])
	for i := range tokens {
		if tokens[i].Kind == text.Word && i < 30 {
			f["h:"+tokens[i].Lower]++
		}
	}
}

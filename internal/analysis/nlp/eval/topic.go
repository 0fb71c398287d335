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

// TopicProof measures the engine trained in two domains, by cross-validation with ten folds.
func TopicProof(w io.Writer, data string) ([]Scores, error) {
	seeds, err := derive.Open(data).SeedTopics()
	if err != nil {
		return nil, err
	}
	var out []Scores
	for _, set := range []struct{ name, file string }{{"El Colombiano", "elcol"}, {"fake news", "faketopic"}} {
		texts, err := ReadTSV(filepath.Join(data, "topic", set.file+".train.tsv"))
		if err != nil {
			return nil, err
		}
		s := crossValidate(texts, topicViews(seeds), topicBalance, 10)
		out = append(out, s)
		fmt.Fprintf(w, "topics, in domain, %-14s accuracy %.1f  macro-F1 %.1f  (10 folds, %d texts)\n", set.name, 100*s.Accuracy, 100*s.MacroF1, len(texts))
	}
	return out, nil
}

const topicBalance = 0.3

func topicViews(seeds *topic.Model) []viewSpec {
	grams := linear.Grams{Words: 2, Tokens: 400}
	chars := linear.Grams{Words: 1, CharsFrom: 4, CharsTo: 5, Tokens: 120}
	all := func(d *text.Document) map[string]float32 {
		f := grams.Features(d)
		headline(d, f)
		seeds.Features(d, f)
		return f
	}
	short := func(d *text.Document) map[string]float32 {
		f := chars.Features(d)
		seeds.Features(d, f)
		return f
	}
	o := linear.Options{Epochs: 10, L2: 1e-4, Rate: 0.3}
	return []viewSpec{{all, 2, o}, {short, 2, o}}
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

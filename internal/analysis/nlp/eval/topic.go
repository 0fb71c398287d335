package eval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"openlearn/internal/analysis/nlp/derive"
	"openlearn/internal/analysis/nlp/lexicon"
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
	latent, err := readLatent(data)
	if err != nil {
		return nil, err
	}
	var out []Scores
	for _, set := range []struct {
		name, file string
		folds      int
	}{{"El Colombiano", "elcol", 10}, {"fake news", "faketopic", 5}} {
		s, how, err := proof(filepath.Join(data, "topic", set.file), topicViews(seeds, latent), topicBalance, set.folds)
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
	seedScale    = 3
	latentSize   = 80
	latentWords  = 5 // texts in which a word occurs
	latentScale  = 2.5
	openingWords = 60 // tokens of the headline and the beginning, where a text says what it is about
)

// readLatent learns vectors of texts from the articles beside the data, which have no labels; nil if there are none.
func readLatent(data string) (*linear.LSA, error) {
	f, err := os.Open(filepath.Join(data, "..", "news", "articles.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // the view is left out
	}
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	var bags []map[string]float32
	in := json.NewDecoder(bufio.NewReader(f))
	for in.More() {
		var a struct{ Title, Text string }
		if err := in.Decode(&a); err != nil {
			return nil, fmt.Errorf("eval: articles.jsonl: %w", err)
		}
		d := text.Analyze(a.Title + ". " + a.Text)
		bags = append(bags, contentWords(&d))
	}
	return linear.NewLSA(bags, latentSize, latentWords), nil
}

// contentWords are the words of a text but for the commonest; those of the headline count twice.
func contentWords(d *text.Document) map[string]float32 {
	m := map[string]float32{}
	lex := lexicon.Default()
	for i := range d.Tokens {
		t := &d.Tokens[i]
		if t.Kind == text.Word && len(t.Lower) > 3 && len(t.Lower) < 40 && lex.Zipf(t.Lower) < 6 {
			m[t.Lower]++
			if i < 25 {
				m[t.Lower]++
			}
		}
	}
	return m
}

// opening is the beginning of a text.
func opening(d *text.Document) *text.Document {
	o := *d
	o.Tokens = d.Tokens[:min(openingWords, len(d.Tokens))]
	o.Sentences = nil
	for _, s := range d.Sentences {
		if s.First >= len(o.Tokens) {
			break
		}
		s.Last = min(s.Last, len(o.Tokens))
		o.Sentences = append(o.Sentences, s)
	}
	return &o
}

// topicViews are the views of a text: word n-grams with those of the headline; character n-grams, for the opening once more;
// and vectors of the text and its opening. All have the scores of the lists. They use the lists alone because the shipped
// model was trained on one of the sets.
func topicViews(seeds *topic.Model, latent *linear.LSA) []viewSpec {
	lists := func(f map[string]float32, d *text.Document, prefix string, scale float32) {
		scores := map[string]float32{}
		seeds.Features(d, scores)
		for k, v := range scores {
			f[prefix+k] = v * scale
		}
	}
	words := func(d *text.Document) map[string]float32 {
		f := linear.Grams{Words: 2}.Features(d)
		headline(d, f)
		lists(f, d, "", seedScale)
		return f
	}
	chars := func(d *text.Document) map[string]float32 {
		f, o := linear.Grams{Words: 1, CharsFrom: 4, CharsTo: 6, Tokens: 500}.Features(d), opening(d)
		for k, v := range (linear.Grams{Words: 1, CharsFrom: 4, CharsTo: 6}).Features(o) {
			f["o:"+k] = v
		}
		lists(f, d, "", seedScale)
		lists(f, o, "=o", 2)
		return f
	}
	vectors := func(d *text.Document) map[string]float32 {
		f, o := map[string]float32{}, opening(d)
		lists(f, d, "", 2)
		lists(f, o, "=o", 2)
		for prefix, d := range map[string]*text.Document{"=l": d, "=k": o} {
			for j, v := range latent.Project(contentWords(d)) {
				f[prefix+strconv.Itoa(j)] = v * latentScale
			}
		}
		return f
	}
	o := linear.Options{Epochs: 10, L2: 1e-4, Rate: 0.3}
	views := []viewSpec{{words, 2, o, 0}, {chars, 2, o, 0}}
	if latent != nil {
		views = append(views, viewSpec{vectors, 1, linear.Options{Epochs: 20, L2: 1e-4, Rate: 0.2}, 0})
	}
	return views
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

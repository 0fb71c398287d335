package eval

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"openlearn/internal/analysis/nlp/linear"
	"openlearn/internal/analysis/nlp/sentiment"
	"openlearn/internal/analysis/nlp/text"
)

// sentimentSets are the four research sets, in the order of the table.
var sentimentSets = []struct{ name, file string }{
	{"finance", "finances"}, {"headlines", "headar"}, {"press", "prensauy"}, {"tweets", "umsab"},
}

// SentimentShipped measures the lexicon with rules on the four sets: neither was trained on them.
func SentimentShipped(w io.Writer, data string) (mean float64, err error) {
	for _, set := range sentimentSets {
		texts, err := ReadTSV(filepath.Join(data, "sentiment", set.file+".train.tsv"))
		if err != nil {
			return 0, err
		}
		s := scoreSentiment(texts)
		mean += s.MacroF1 / float64(len(sentimentSets))
		fmt.Fprintf(w, "sentiment, shipped, %-9s macro-F1 %.1f  accuracy %.1f  (%d texts)  %s\n", set.name, 100*s.MacroF1, 100*s.Accuracy, len(texts), s.confusion())
	}
	fmt.Fprintf(w, "sentiment, shipped, average   macro-F1 %.1f\n", 100*mean)
	return mean, nil
}

func scoreSentiment(texts []Labelled) Scores {
	var gold, guess []string
	for _, t := range texts {
		d := text.Analyze(t.Text)
		gold = append(gold, t.Label)
		guess = append(guess, string(sentiment.Analyze(&d).Class))
	}
	return Score(gold, guess)
}

func (s Scores) confusion() string {
	order := []string{"negative", "neutral", "positive"}
	var b strings.Builder
	for _, g := range order {
		for _, p := range order {
			fmt.Fprintf(&b, "%d ", s.Confusion[[2]string{g, p}])
		}
		b.WriteString("| ")
	}
	return b.String()
}

// SentimentProof measures the engine trained in each domain, by cross-validation with five folds: logistic regressions over
// word and character n-grams with what the lexicon and the rules say.
func SentimentProof(w io.Writer, data string) ([]Scores, error) {
	specs := sentimentViews()
	var out []Scores
	for _, set := range sentimentSets {
		s, how, err := proof(filepath.Join(data, "sentiment", set.file), specs, sentimentBalance, 5)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		fmt.Fprintf(w, "sentiment, in domain, %-9s macro-F1 %.1f  accuracy %.1f  (%s)\n", set.name, 100*s.MacroF1, 100*s.Accuracy, how)
	}
	return out, nil
}

const sentimentBalance = 0.5

func sentimentViews() []viewSpec {
	grams, chars := linear.Grams{Words: 2, Negation: true}, linear.Grams{Words: 1, CharsFrom: 2, CharsTo: 5}
	with := func(g linear.Grams) func(*text.Document) map[string]float32 {
		return func(d *text.Document) map[string]float32 {
			f := g.Features(d)
			sentiment.Features(d, f)
			return f
		}
	}
	o := linear.Options{Epochs: 12, Rate: 0.3}
	return []viewSpec{{with(grams), 1, o, 0.5}, {with(chars), 2, o, 0.5}}
}

// SentimentTargets measures the polarity of targets on the project's own sentences, whose third column names them.
func SentimentTargets(w io.Writer, data string) (float64, error) {
	texts, err := ReadTSV(filepath.Join(data, "sentiment", "own_news.train.tsv"))
	if err != nil {
		return 0, err
	}
	var gold, guess []string
	for _, t := range texts {
		d := text.Analyze(t.Text)
		for _, want := range strings.Split(t.Extra, ";") {
			name, class, ok := strings.Cut(want, "=")
			span, found := find(&d, name)
			if !ok || !found {
				continue
			}
			gold = append(gold, class)
			guess = append(guess, string(sentiment.Targets(&d, []sentiment.Span{span})[0].Class))
		}
	}
	s := Score(gold, guess)
	fmt.Fprintf(w, "sentiment, shipped, targets   macro-F1 %.1f  accuracy %.1f  (%d targets, own sentences)  %s\n", 100*s.MacroF1, 100*s.Accuracy, len(gold), s.confusion())
	return s.MacroF1, nil
}

// find finds the first run of tokens that spells name.
func find(d *text.Document, name string) (sentiment.Span, bool) {
	want := text.Analyze(name).Tokens
	for i := 0; i+len(want) <= len(d.Tokens); i++ {
		same := len(want) > 0
		for k := range want {
			same = same && d.Tokens[i+k].Lower == want[k].Lower
		}
		if same {
			return sentiment.Span{First: i, Last: i + len(want)}, true
		}
	}
	return sentiment.Span{}, false
}

package eval

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/sentiment"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/vocabulary"
)

// TestCases checks sentiment and vocabulary on the short sentences of the data folder.
func TestCases(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(data(t), "cases", "public_bugs.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(b)) {
		var c struct {
			Text string
			Want struct {
				Polarity      string
				PolarityNot   []string `json:"polarity_not"`
				Targets       map[string]string
				Colombianisms []string
			}
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		d := text.Analyze(c.Text)
		got := string(sentiment.Analyze(&d).Class)
		if c.Want.Polarity != "" {
			checked++
			if got != c.Want.Polarity {
				t.Errorf("%s: %s, want %s", c.Text, got, c.Want.Polarity)
			}
		}
		if slices.Contains(c.Want.PolarityNot, got) {
			t.Errorf("%s: %s", c.Text, got)
		}
		for name, want := range c.Want.Targets {
			checked++
			span, ok := find(&d, name)
			if !ok {
				t.Errorf("%s: no %s", c.Text, name)
				continue
			}
			if x := sentiment.Targets(&d, []sentiment.Span{span})[0]; string(x.Class) != want {
				t.Errorf("%s: %s is %s, want %s", c.Text, name, x.Class, want)
			}
		}
		var flagged []string
		for _, m := range vocabulary.Colombianisms(&d) {
			if !m.Weak {
				flagged = append(flagged, m.Lemma)
			}
		}
		for _, want := range c.Want.Colombianisms {
			checked++
			if !slices.Contains(flagged, want) {
				t.Errorf("%s: %s is not flagged", c.Text, want)
			}
		}
	}
	if checked < 9 {
		t.Errorf("only %d wishes were checked", checked)
	}
}

// TestKnownBugs: the whole pipeline has all of them right, names included.
func TestKnownBugs(t *testing.T) {
	var report strings.Builder
	right, all, err := Cases(&report, filepath.Join(data(t), "cases", "public_bugs.jsonl"))
	if err != nil || all == 0 || right != all {
		t.Errorf("%d of %d, %v\n%s", right, all, err, report.String())
	}
}

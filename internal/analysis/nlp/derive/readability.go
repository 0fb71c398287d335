package derive

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/analysis/nlp/text"
)

// ridge is moderate: texts by one writer decide how much each feature counts, not whether it does.
const ridge = 0.1

//go:embed graded.txt
var graded string

// GradedText is a text with its CEFR level, A1 to C1.
type GradedText struct{ Level, Text string }

// Graded returns the project's own graded texts: those of the data folder and those in this package.
func (d *Data) Graded() ([]GradedText, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, "cefr", "own_graded.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("derive: %w", err)
	}
	var out []GradedText
	for line := range strings.Lines(string(b)) {
		var g GradedText
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			return nil, fmt.Errorf("derive: own_graded.jsonl: %w", err)
		}
		out = append(out, g)
	}
	for _, part := range strings.Split(graded, "\n## ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		level, _, _ := strings.Cut(head, " ")
		out = append(out, GradedText{level, strings.TrimSpace(body)})
	}
	return out, nil
}

// Readability calibrates the score of package readability on the project's own graded texts.
func (d *Data) Readability() ([]byte, error) {
	list, err := d.Graded()
	if err != nil {
		return nil, err
	}
	levels := map[string]float64{"A1": 1, "A2": 2, "B1": 3, "B2": 4, "C1": 5}
	var texts []readability.Graded
	for _, g := range list {
		level, ok := levels[g.Level]
		if !ok {
			return nil, fmt.Errorf("derive: a graded text has the level %q", g.Level)
		}
		doc := text.Analyze(g.Text)
		texts = append(texts, readability.Grade(&doc, level))
	}
	m := readability.Train(texts, ridge)
	return m.Encode()
}

package derive

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/analysis/nlp/text"
)

// ridge is strong: 40 texts by one writer decide how much each feature counts, not whether it does.
const ridge = 0.3

// Readability calibrates the score of package readability on the project's own graded texts.
func (d *Data) Readability() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, "cefr", "own_graded.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("derive: %w", err)
	}
	levels := map[string]float64{"A1": 1, "A2": 2, "B1": 3, "B2": 4, "C1": 5}
	var texts []readability.Graded
	for line := range strings.Lines(string(b)) {
		var g struct{ Level, Text string }
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			return nil, fmt.Errorf("derive: own_graded.jsonl: %w", err)
		}
		doc := text.Analyze(g.Text)
		texts = append(texts, readability.Grade(&doc, levels[g.Level]))
	}
	m := readability.Train(texts, ridge)
	return m.Encode()
}

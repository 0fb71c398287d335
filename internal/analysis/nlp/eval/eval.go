// Package eval measures the engine on the reference data and prints the figures that docs/nlp.md states.
package eval

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Labelled is a text with its label.
type Labelled struct{ Label, Text, Extra string }

// ReadTSV reads label, text and, if there is one, a third column.
func ReadTSV(path string) ([]Labelled, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	var out []Labelled
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		parts := strings.SplitN(sc.Text(), "\t", 3)
		if len(parts) < 2 {
			continue
		}
		l := Labelled{Label: parts[0], Text: parts[1]}
		if len(parts) == 3 {
			l.Extra = parts[2]
		}
		out = append(out, l)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("eval: %s: %w", path, err)
	}
	return out, nil
}

// Scores are accuracy and macro-F1.
type Scores struct {
	Accuracy, MacroF1 float64
	Confusion         map[[2]string]int // gold, guess
	Labels            []string
}

// Score compares guesses with gold labels; the mean of F1 is over the labels of gold.
func Score(gold, guess []string) Scores {
	s := Scores{Confusion: map[[2]string]int{}}
	seen := map[string]bool{}
	right := 0
	for i := range gold {
		s.Confusion[[2]string{gold[i], guess[i]}]++
		if gold[i] == guess[i] {
			right++
		}
		if !seen[gold[i]] {
			seen[gold[i]] = true
			s.Labels = append(s.Labels, gold[i])
		}
	}
	for l := range seen {
		tp, got, want := s.Confusion[[2]string{l, l}], 0, 0
		for k, n := range s.Confusion {
			if k[0] == l {
				want += n
			}
			if k[1] == l {
				got += n
			}
		}
		if got+want > 0 {
			s.MacroF1 += 2 * float64(tp) / float64(got+want)
		}
	}
	if len(seen) > 0 {
		s.MacroF1 /= float64(len(seen))
	}
	if len(gold) > 0 {
		s.Accuracy = float64(right) / float64(len(gold))
	}
	return s
}

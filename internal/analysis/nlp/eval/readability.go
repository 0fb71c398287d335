package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"openlearn/internal/analysis/nlp/derive"
	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/analysis/nlp/text"
)

type graded struct{ Source, Level, Content string }

// readGraded reads the graded readers of other publishers.
func readGraded(data string) ([]graded, error) {
	var out []graded
	for _, name := range []string{"fhis.train.json", "fhis.val.json"} {
		b, err := os.ReadFile(filepath.Join(data, "cefr", name)) //nolint:gosec // a path of the data folder
		if err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		var list []graded
		if err := json.Unmarshal(b, &list); err != nil {
			return nil, fmt.Errorf("eval: %s: %w", name, err)
		}
		out = append(out, list...)
	}
	return out, nil
}

// levelScores are the levels on the score's scale; B is B1 and above.
var levelScores = map[string]float64{"A1": 1, "A2": 2, "B1": 3, "B": 3.5, "B2": 4, "C1": 5}

// Grading is the accuracy in three classes (A1, A2, B) and Spearman's rank correlation.
type Grading struct{ Accuracy, Rho float64 }

// Difficulty measures the grading: as shipped, and trained with one source left out.
func Difficulty(w io.Writer, data string) (shipped, trained Grading, err error) {
	others, err := readGraded(data)
	if err != nil {
		return shipped, trained, err
	}
	own, err := derive.Open(data).Graded()
	if err != nil {
		return shipped, trained, err
	}
	all := make([]readability.Graded, len(others))
	var raws, gold []float64
	right := 0
	for i, g := range others {
		d := text.Analyze(g.Content)
		all[i] = readability.Grade(&d, levelScores[g.Level])
		r := readability.Analyze(&d)
		raw := readability.Raw(&d)
		raws, gold = append(raws, raw), append(gold, all[i].Level)
		if class(r.Score) == g.Level {
			right++
		}
	}
	shipped = Grading{float64(right) / float64(len(others)), Spearman(raws, gold)}
	fmt.Fprintf(w, "difficulty, shipped            three classes %.1f  Spearman %.2f  (%d texts)\n", 100*shipped.Accuracy, shipped.Rho, len(others))
	var ownGraded []readability.Graded
	for _, g := range own {
		d := text.Analyze(g.Text)
		ownGraded = append(ownGraded, readability.Grade(&d, levelScores[g.Level]))
	}
	scores := make([]float64, len(others))
	right = 0
	done := map[string]bool{}
	for _, g := range others {
		if done[g.Source] {
			continue
		}
		done[g.Source] = true
		var train []readability.Graded
		for i := range others {
			if others[i].Source != g.Source {
				train = append(train, all[i])
			}
		}
		m := readability.Train(append(slices.Clone(train), ownGraded...), 0.3)
		m.Center(train) // the thresholds of those who grade, not ours
		for i := range others {
			if others[i].Source != g.Source {
				continue
			}
			scores[i] = m.Score(all[i])
			if class(scores[i]) == others[i].Level {
				right++
			}
		}
	}
	trained = Grading{float64(right) / float64(len(others)), Spearman(scores, gold)}
	fmt.Fprintf(w, "difficulty, one source left out three classes %.1f  Spearman %.2f\n", 100*trained.Accuracy, trained.Rho)
	return shipped, trained, nil
}

func class(score float64) string {
	switch level := readability.LevelOf(score); level {
	case readability.A1, readability.A2:
		return string(level)
	}
	return "B"
}

// Spearman is the rank correlation of two lists; ties get their mean rank.
func Spearman(a, b []float64) float64 { return pearson(ranks(a), ranks(b)) }

func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case v[i] < v[j]:
			return -1
		case v[i] > v[j]:
			return 1
		}
		return i - j
	})
	out := make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i + 1 // NaN equals nothing, itself included
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			out[order[k]] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

func pearson(a, b []float64) float64 {
	n := float64(len(a))
	var ma, mb, ab, aa, bb float64
	for i := range a {
		ma += a[i] / n
		mb += b[i] / n
	}
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

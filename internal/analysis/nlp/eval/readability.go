package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/analysis/nlp/text"
)

type graded struct{ Source, Level, Content, Text string }

func readGraded(data string) (own, others []graded, err error) {
	b, err := os.ReadFile(filepath.Join(data, "cefr", "own_graded.jsonl")) //nolint:gosec // a path of the data folder
	if err != nil {
		return nil, nil, fmt.Errorf("eval: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		var g graded
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			return nil, nil, fmt.Errorf("eval: own_graded.jsonl: %w", err)
		}
		own = append(own, g)
	}
	for _, name := range []string{"fhis.train.json", "fhis.val.json"} {
		b, err := os.ReadFile(filepath.Join(data, "cefr", name)) //nolint:gosec // as above
		if err != nil {
			return nil, nil, fmt.Errorf("eval: %w", err)
		}
		var list []graded
		if err := json.Unmarshal(b, &list); err != nil {
			return nil, nil, fmt.Errorf("eval: %s: %w", name, err)
		}
		for _, g := range list {
			g.Text = g.Content
			others = append(others, g)
		}
	}
	return own, others, nil
}

// levelScores are the levels on the score's scale; B is B1 and above.
var levelScores = map[string]float64{"A1": 1, "A2": 2, "B1": 3, "B": 3.5, "B2": 4, "C1": 5}

// Difficulty measures the grading in three classes (A1, A2, B): as shipped, and trained with one source left out.
func Difficulty(w io.Writer, data string) (accuracy, rho float64, err error) {
	own, others, err := readGraded(data)
	if err != nil {
		return 0, 0, err
	}
	all := make([]readability.Graded, len(others))
	var shipped, gold []float64
	right := 0
	for i, g := range others {
		d := text.Analyze(g.Text)
		all[i] = readability.Grade(&d, levelScores[g.Level])
		r := readability.Analyze(&d)
		raw := readability.Raw(&d)
		shipped, gold = append(shipped, raw), append(gold, all[i].Level)
		if class := string(r.Level[:1]); string(r.Level) == g.Level || class != "A" && g.Level == "B" {
			right++
		}
	}
	fmt.Fprintf(w, "difficulty, shipped            three classes %.1f  Spearman %.2f  (%d texts)\n", 100*float64(right)/float64(len(others)), Spearman(shipped, gold), len(others))
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
		m := readability.Train(append(train, ownGraded...), 0.05)
		low, high := cuts(&m, train)
		for i := range others {
			if others[i].Source != g.Source {
				continue
			}
			scores[i] = m.Score(all[i])
			if class(scores[i], low, high) == others[i].Level {
				right++
			}
		}
	}
	accuracy, rho = float64(right)/float64(len(others)), Spearman(scores, gold)
	fmt.Fprintf(w, "difficulty, one source left out three classes %.1f  Spearman %.2f\n", 100*accuracy, rho)
	return accuracy, rho, nil
}

func class(score, low, high float64) string {
	switch {
	case score < low:
		return "A1"
	case score < high:
		return "A2"
	}
	return "B"
}

// cuts are the thresholds half-way between the mean scores of the levels: the shares of the levels in one set say nothing
// about another set.
func cuts(m *readability.Model, texts []readability.Graded) (low, high float64) {
	sum, n := map[float64]float64{}, map[float64]float64{}
	for _, t := range texts {
		sum[t.Level] += m.Score(t)
		n[t.Level]++
	}
	mean := func(l string) float64 { return sum[levelScores[l]] / max(1, n[levelScores[l]]) }
	return (mean("A1") + mean("A2")) / 2, (mean("A2") + mean("B")) / 2
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

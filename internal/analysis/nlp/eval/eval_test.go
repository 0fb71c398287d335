package eval

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// data is the nlp folder of the reference data.
func data(t *testing.T) string {
	dir := os.Getenv("OPENLEARN_DATA")
	if dir == "" {
		t.Skip("OPENLEARN_DATA is not set")
	}
	return filepath.Join(dir, "data", "nlp")
}

func TestScore(t *testing.T) {
	s := Score([]string{"a", "a", "b", "b"}, []string{"a", "b", "b", "b"})
	if s.Accuracy != 0.75 || math.Abs(s.MacroF1-(2.0/3+0.8)/2) > 1e-9 {
		t.Errorf("accuracy %.3f, macro-F1 %.3f", s.Accuracy, s.MacroF1)
	}
}

func TestSpearman(t *testing.T) {
	if r := Spearman([]float64{1, 2, 3, 4}, []float64{10, 20, 30, 25}); math.Abs(r-0.8) > 1e-9 {
		t.Errorf("%.3f, want 0.8", r)
	}
	if r := Spearman([]float64{1, 1, 2}, []float64{3, 3, 9}); math.Abs(r-1) > 1e-9 {
		t.Errorf("%.3f with ties, want 1", r)
	}
	Spearman([]float64{math.NaN(), math.NaN()}, []float64{1, 2}) // ends
}

// The shipped parts reach the figures of docs/nlp.md, with a small margin.
func TestShippedSentiment(t *testing.T) {
	mean, err := SentimentShipped(t.Output(), data(t))
	if err != nil || mean < 0.53 {
		t.Errorf("average macro-F1 %.3f, %v", mean, err)
	}
	targets, err := SentimentTargets(t.Output(), data(t))
	if err != nil || targets < 0.88 {
		t.Errorf("targets: macro-F1 %.3f, %v", targets, err)
	}
}

func TestDifficulty(t *testing.T) {
	shipped, trained, err := Difficulty(t.Output(), data(t))
	if err != nil || shipped.Accuracy < 0.75 || shipped.Rho < 0.77 || trained.Accuracy < 0.72 || trained.Rho < 0.74 {
		t.Errorf("shipped %+v, trained %+v, %v", shipped, trained, err)
	}
}

func TestSummaryBeatsLead(t *testing.T) {
	r1, r2, err := Summary(t.Output(), data(t))
	if err != nil || r1 < 0.27 || r2 < 0.095 {
		t.Errorf("ROUGE-1 %.3f, ROUGE-2 %.3f, %v", r1, r2, err)
	}
}

// What the tool rouge-score does with accents is done too, so that figures compare.
func TestASCII(t *testing.T) {
	if got := strings.Join(ascii("La acción, del año 2.021"), "|"); got != "la|acci|n|del|a|o|2|021" {
		t.Error(got)
	}
}

// A held-out part is used if there is one; what is learned from the rest is recognised in it.
func TestProof(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set")
	const train = "positive\tbueno y bonito\nnegative\tmalo y feo\npositive\tbueno\nnegative\tmalo\npositive\tmuy bonito\nnegative\tmuy feo\n"
	write := func(name, content string) {
		if err := os.WriteFile(path+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".train.tsv", train)
	s, how, err := proof(path, sentimentViews(), 0.5, 3)
	if err != nil || how != "3 folds of 6 texts" || s.Accuracy < 0.8 {
		t.Errorf("%+v, %s, %v", s, how, err)
	}
	write(".test.tsv", "positive\tbonito\nnegative\tfeo\n")
	s, how, err = proof(path, sentimentViews(), 0.5, 3)
	if err != nil || how != "2 held-out texts" || s.Accuracy != 1 {
		t.Errorf("%+v, %s, %v", s, how, err)
	}
}

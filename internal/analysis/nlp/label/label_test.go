package label

import (
	"strings"
	"testing"
)

func TestTSV(t *testing.T) {
	const in = "Una victoria maravillosa del equipo.\nx\tUn desastre: murieron tres personas.\ty\n\n"
	for task, want := range map[string]string{
		"sentiment": "positive\nnegative\nneutral\n",
		"summary":   "Una victoria maravillosa del equipo.\nUn desastre: murieron tres personas.\n\n",
	} {
		var out strings.Builder
		if err := TSV(task, strings.NewReader(in), &out); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s: %q, want %q", task, out.String(), want)
		}
	}
	for _, task := range Tasks() {
		var out strings.Builder
		if err := TSV(task, strings.NewReader(in), &out); err != nil || strings.Count(out.String(), "\n") != 3 {
			t.Errorf("%s: %q, %v", task, out.String(), err)
		}
	}
	if err := TSV("poetry", strings.NewReader(in), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "sentiment") {
		t.Errorf("a task that is none: %v", err)
	}
}

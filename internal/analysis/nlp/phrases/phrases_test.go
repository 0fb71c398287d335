package phrases

import (
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/text"
)

func analyze(s string, most int) []Phrase {
	d := text.Analyze(s)
	a := morph.Default().Tag(&d)
	return Analyze(&d, &a, most)
}

const news = `La reforma pensional pasó su primer debate en el Senado. El gobierno celebró la votación, mientras la oposición anunció que demandará la reforma
pensional ante la Corte Constitucional. El ministro de Hacienda dijo que la reforma pensional protegerá a los adultos mayores y que el fondo de ahorro será administrado por el Banco de la República.`

func TestPhrases(t *testing.T) {
	got := analyze(news, 9)
	if len(got) < 7 || got[0].Text != "reforma pensional" || got[0].Count != 3 {
		t.Fatalf("%+v", got)
	}
	all := ""
	for _, p := range got {
		all += p.Text + "; "
	}
	for _, want := range []string{"Corte Constitucional", "Banco de la República"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing from %s", want, all)
		}
	}
	if n := len(analyze("", 0)); n != 0 {
		t.Errorf("%d phrases of nothing", n)
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{news, "\xff", strings.Repeat("casa de ", 40), "<p>😂</p>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range analyze(s, 5) {
			if p.Text == "" || p.Count < 1 || !(p.Score >= 0) {
				t.Errorf("%q: %+v", s, p)
			}
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	d := text.Analyze(strings.Repeat(news+" ", 20))
	a := morph.Default().Tag(&d)
	Analyze(&d, &a, 0)
	for b.Loop() {
		Analyze(&d, &a, 0)
	}
	b.ReportMetric(float64(d.Words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}

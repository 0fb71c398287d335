package summary

import (
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/text"
)

const news = `El presidente del Banco de la República anunció este viernes una rebaja de la tasa de interés de medio punto. Hacía sol en Bogotá. ¿Qué pasará ahora?
La decisión del banco se tomó por mayoría, con cinco votos de siete, después de que la inflación cayera por cuarto mes. Lea también: otras noticias. Los analistas esperaban
una rebaja menor de la tasa. El próximo encuentro de la junta del banco será en octubre, y el mercado cree que la tasa de interés seguirá bajando.`

func TestSummary(t *testing.T) {
	d := text.Analyze(news)
	got := Analyze(&d, Options{})
	if len(got) == 0 || got[0].Index != 0 {
		t.Fatalf("%+v", got)
	}
	for i, s := range got {
		if !strings.Contains(news, s.Text) && !strings.Contains(strings.ReplaceAll(news, "\n", " "), s.Text) {
			t.Errorf("%q stands nowhere in the text", s.Text)
		}
		if strings.Contains(s.Text, "Lea también") || strings.Contains(s.Text, "¿Qué") {
			t.Errorf("%q is no news", s.Text)
		}
		if i > 0 && s.Index <= got[i-1].Index {
			t.Errorf("sentence %d after %d", s.Index, got[i-1].Index)
		}
	}
	if short := Analyze(&d, Options{Words: 8}); len(short) != 1 {
		t.Errorf("%d sentences for 8 words", len(short))
	}
	// The headline changes the choice.
	title := text.Analyze("¿Cuándo es el próximo encuentro de la junta?")
	found := false
	for _, s := range Analyze(&d, Options{Title: &title}) {
		found = found || strings.Contains(s.Text, "octubre")
	}
	if !found {
		t.Error("what the headline asks is not in the summary")
	}
}

// Of sentences at like places, one with the words of the whole text is chosen over one about something else.
func TestMainWords(t *testing.T) {
	const text1 = `El puente colapsó. Una mujer vendía empanadas de pipián en la esquina de la galería municipal. El derrumbe del puente de Chirajara dejó nueve obreros muertos.
	La constructora del puente atribuyó el derrumbe a un error de diseño. Los obreros habían advertido grietas en Chirajara. El puente costó 72 millones.`
	d := text.Analyze(text1)
	got := Text(Analyze(&d, Options{Words: 14}))
	if !strings.Contains(got, "nueve obreros") || strings.Contains(got, "empanadas") {
		t.Error(got)
	}
	if w := heaviest(nil, nil); len(w) != 0 {
		t.Error(w)
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{news, "", "\xff\xfe", strings.Repeat("palabra ", 300), "a. b. c."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := text.Analyze(s)
		for _, x := range Analyze(&d, Options{Title: &d}) {
			if x.Text == "" || x.Index < 0 || x.Index >= len(d.Sentences) {
				t.Errorf("%q: %+v", s, x)
			}
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	d := text.Analyze(strings.Repeat(news+" ", 10))
	Analyze(&d, Options{})
	for b.Loop() {
		Analyze(&d, Options{})
	}
	b.ReportMetric(float64(d.Words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}

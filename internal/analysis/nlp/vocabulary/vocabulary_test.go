package vocabulary

import (
	"slices"
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/text"
)

func analyze(s string, o Options) []Word {
	d := text.Analyze(s)
	a := morph.Default().Tag(&d)
	return Analyze(&d, &a, o)
}

func TestColombianisms(t *testing.T) {
	for s, want := range map[string][]string{
		"Parce, el man del parqueadero me cobró veinte lucas por el trancón.":   {"parce", "man", "parqueadero", "luca", "trancón"},
		"El pico y placa rige hoy en Medellín.":                                 {"pico y placa"},
		"Los parqueaderos de la ciudad cerraron por los trancones.":             {"parqueadero", "trancón"},
		"La ministra viajó ayer a Madrid para hablar con el rey de la reforma.": nil,
		"Ana Man y Luca Parce son italianos.":                                   nil,
	} {
		d := text.Analyze(s)
		var got []string
		for _, m := range Colombianisms(&d) {
			if !m.Weak {
				got = append(got, m.Lemma)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
	if c, ok := Lookup("parqueadero"); !ok || c.Meaning != "estacionamiento" {
		t.Errorf("parqueadero: %+v %v", c, ok)
	}
}

func TestWords(t *testing.T) {
	got := analyze("El parqueadero cerró. La hermenéutica constitucional preocupa a los magistrados de la corte, que comen pan con los niños de la casa. Los niños corren.", Options{})
	find := func(lemma string) *Word {
		for i := range got {
			if got[i].Lemma == lemma {
				return &got[i]
			}
		}
		t.Fatalf("%s is missing from %+v", lemma, got)
		return nil
	}
	if got[0].Lemma != "parqueadero" || got[0].Colombianism == nil {
		t.Errorf("first %+v", got[0])
	}
	if w := find("niño"); w.Count != 2 || w.Level != "A1" || w.Band != 1 || w.POS != lexicon.NOUN || !strings.Contains(w.Example, w.Form) {
		t.Errorf("niño: %+v", w)
	}
	if w := find("hermenéutica"); w.Level < "C1" || w.Band < 8 {
		t.Errorf("hermenéutica: %+v", w)
	}
	if w := find("comer"); w.Form != "comen" || w.POS != lexicon.VERB || w.Level != "A1" {
		t.Errorf("comer: %+v", w)
	}
	if n := len(analyze(strings.Repeat("Los perros ladran mucho en la noche fría. ", 3), Options{Most: 2})); n != 2 {
		t.Errorf("%d words, want 2", n)
	}
}

func TestLevelsRise(t *testing.T) {
	before := ""
	for rank := 1; rank < 50_000; rank += 50 {
		if l := levelOf(rank); l < before {
			t.Fatalf("rank %d is %s after %s", rank, l, before)
		} else {
			before = l
		}
	}
	if a, b := levelOfWord("casa"), levelOfWord("prevaricato"); a != "A1" || b <= "B2" {
		t.Errorf("casa %s, prevaricato %s", a, b)
	}
}

func levelOfWord(w string) string {
	r, _ := rankOf(w, w)
	return levelOf(r)
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{"Parce, el man.", "\xff\xfe", strings.Repeat("pico y ", 30), "a\u0301 <b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range analyze(s, Options{}) {
			if w.Lemma == "" || w.Count < 1 || w.Level == "" || w.Band < 1 || w.Band > 11 || w.Form == "" || w.Example == "" {
				t.Errorf("%q: %+v", s, w)
			}
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	d := text.Analyze(strings.Repeat("La Fiscalía imputó cargos a tres exfuncionarios por el desfalco. Los vecinos protestan en el parqueadero. ", 60))
	a := morph.Default().Tag(&d)
	Analyze(&d, &a, Options{})
	for b.Loop() {
		Analyze(&d, &a, Options{})
	}
	b.ReportMetric(float64(d.Words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}

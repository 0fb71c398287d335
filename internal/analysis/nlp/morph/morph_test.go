package morph

import (
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/text"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	lex := lexicon.Default()
	for form, want := range map[string]string{
		"dárselo": "dar se lo", "mostrárnoslas": "mostrar nos las", "explicárselas": "explicar se las", "dándole": "dando le",
		"verla": "ver la", "dímelo": "di me lo", "vámonos": "vamos nos", "contame": "contá me", "haberse": "haber se", "oírlo": "oír lo",
		"entregándoselos": "entregando se los", "pónganse": "pongan se", "siéntese": "siente se",
		"vela": "", "parte": "", "fiscales": "", "hombres": "", "los": "", "canales": "", "estela": "", "interés": "", "grandes": "", "ante": "", "clase": "",
	} {
		if got := strings.Join(Split(lex, form), " "); got != want {
			t.Errorf("%s: %q, want %q", form, got, want)
		}
	}
}

// analysis is the text's words as form/POS/lemma.
func analysis(s string) string {
	d := text.Analyze(s)
	a := Default().Tag(&d)
	var out []string
	for _, w := range a.Words {
		out = append(out, w.Form+"/"+w.POS.String()+"/"+w.Lemma)
	}
	return strings.Join(out, " ")
}

func TestTag(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"La ministra prometió dárselo al alcalde antes del viernes.":         {"prometió/VERB/prometer", "dar/VERB/dar se/PRON/él lo/PRON/él a/ADP/a el/DET/el alcalde/NOUN", "de/ADP/de el/DET/el viernes/NOUN/viernes", "ministra/NOUN/ministra"},
		"Como no llovía, caminaron como siempre hasta la casa.":              {"Como/SCONJ/como", "llovía/VERB/llover", "caminaron/VERB/caminar", "casa/NOUN/casa"},
		"El IDEAM emitirá la alerta y la Alcaldía actúa según el protocolo.": {"emitirá/VERB/emitir", "actúa/VERB/actuar", "según/ADP/según", "IDEAM/PROPN/IDEAM"},
		"Ella canta bajo la lluvia y el bajo canta mejor.":                   {"Ella/PRON/él canta/VERB/cantar bajo/ADP/bajo", "bajo/NOUN/bajo"},
		"El técnico goleó y tradujo 4.118,50 páginas.":                       {"goleó/VERB/golear", "tradujo/VERB/traducir", "4.118,50/NUM/4118.50"},
	} {
		got := analysis(in)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s\n is %s\n lacks %s", in, got, w)
			}
		}
	}
}

func TestWordsKnowTheirTokens(t *testing.T) {
	t.Parallel()
	d := text.Analyze("Prometió dárselo al alcalde. Fin")
	a := Default().Tag(&d)
	if len(a.First) != len(d.Tokens)+1 || int(a.First[len(d.Tokens)]) != len(a.Words) {
		t.Fatalf("%v", a.First)
	}
	for i := range d.Tokens {
		for _, w := range a.Of(i, i+1) {
			if w.Token != i {
				t.Errorf("%+v is listed under token %d", w, i)
			}
		}
	}
	if n := len(a.Of(1, 2)); n != 3 {
		t.Errorf("dárselo is %d words", n)
	}
}

func FuzzTag(f *testing.F) {
	f.Add("dárselo del AL 20% ¿? El Dr.")
	f.Add(strings.Repeat("selo", 40))
	f.Fuzz(func(t *testing.T, s string) {
		d := text.Analyze(s)
		a := Default().Tag(&d)
		for _, w := range a.Words {
			if w.POS == lexicon.NoPOS || w.Lemma == "" || w.Token >= len(d.Tokens) {
				t.Fatalf("%q: %+v", s, w)
			}
		}
	})
}

func BenchmarkTag(b *testing.B) {
	in := strings.Repeat("La Fiscalía General de la Nación imputó cargos a tres exfuncionarios por presunto sobrecosto en un contrato de alimentación escolar, dijo el martes. ", 40)
	d := text.Analyze(in)
	m := Default()
	b.ReportAllocs()
	for b.Loop() {
		m.Tag(&d)
	}
	b.ReportMetric(float64(d.Words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		if _, err := Decode(embedded, lexicon.Default()); err != nil {
			b.Fatal(err)
		}
	}
}

package readability

import (
	"math"
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/text"
)

func analyze(s string) Result {
	d := text.Analyze(s)
	return Analyze(&d)
}

var ladder = []string{
	"El sol es grande. La casa es roja. Yo tengo un gato. El gato come. Mi mamá es buena. Hoy es lunes. Me gusta el pan.",
	"Ayer fui al mercado con mi hermano. Compramos fruta y pescado, pero no encontramos pan. Después volvimos a casa en bus porque llovía mucho.",
	"El alcalde anunció que el próximo año se construirá un parque en el barrio. Los vecinos, que lo pedían desde hace mucho tiempo, recibieron la noticia con alegría, aunque algunos dudan de que la obra termine a tiempo.",
	`La reforma tributaria, cuya discusión se prolongó más de lo previsto, contempla gravámenes adicionales a los dividendos y suprime exenciones que, según los
	analistas consultados, distorsionaban la competencia; no obstante, los gremios advierten que su implementación podría desincentivar la inversión si no se acompaña de estímulos.`,
	`La hermenéutica constitucional, en cuanto ejercicio de ponderación entre principios contrapuestos, exige del juzgador una argumentación que, sin soslayar la literalidad
	del enunciado normativo, trascienda el formalismo decimonónico y justifique racionalmente la preeminencia condicionada de uno de ellos, so pena de incurrir en un decisionismo
	incompatible con las exigencias deontológicas de publicidad e imparcialidad que subyacen a la legitimidad de la jurisdicción.`,
}

func TestScoreRisesWithDifficulty(t *testing.T) {
	before := 0.0
	for i, s := range ladder {
		r := analyze(s)
		t.Logf("%.2f %s %+v", r.Score, r.Level, r.Formulas)
		if r.Score <= before {
			t.Errorf("text %d has score %.2f (%s), the easier one before it %.2f", i, r.Score, r.Level, before)
		}
		before = r.Score
	}
	if l := analyze(ladder[0]).Level; l != A1 {
		t.Errorf("the easiest text is %s", l)
	}
	if l := analyze(ladder[4]).Level; l < C1 {
		t.Errorf("the hardest text is %s", l)
	}
	if l := analyze(ladder[3]).Level; l == C2 || l < B2 {
		t.Errorf("a hard news text is %s", l)
	}
	// Levels rise with scores.
	last := A1
	for raw := 0.0; raw < 7; raw += 0.1 {
		if l := LevelOf(bounded(raw)); l < last {
			t.Errorf("level falls from %s to %s at %.1f", last, l, raw)
		} else {
			last = l
		}
	}
}

func TestFormulas(t *testing.T) {
	c := Counts{Sentences: 2, Words: 10, Syllables: 20, Letters: 45, lengthSquares: 245}
	f := formulas(c)
	for name, v := range map[string][2]float64{
		"Fernández Huerta": {f.FernandezHuerta, 206.84 - 60*2 - 1.02*5},
		"Szigriszt":        {f.SzigrisztPazos, 206.835 - 62.3*2 - 5},
		"Gutiérrez":        {f.GutierrezPolini, 95.2 - 9.7*4.5 - 0.35*5},
		"Crawford":         {f.Crawford, -0.205*20 + 0.049*200 - 3.407},
		"Mu":               {f.Mu, 4.5 / 4.25 * 100},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9 {
			t.Errorf("%s is %.3f, want %.3f", name, v[0], v[1])
		}
	}
	got := analyze("El sol brilla hoy. La casa es azul.").Counts
	if got.Sentences != 2 || got.Words != 8 || got.Syllables != 11 || got.Letters != 26 {
		t.Errorf("counts %+v", got)
	}
}

func TestReadingTime(t *testing.T) {
	if s := analyze(strings.Repeat("palabra ", 218)).Seconds; s != 60 {
		t.Errorf("218 words take %d s, want 60", s)
	}
	if r := analyze(""); r.Seconds != 0 || r.Counts.Words != 0 || math.IsNaN(r.Score) || r.Level == C2 || r.Level == "" {
		t.Errorf("an empty text: %+v", r)
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range append(ladder, "\xff", strings.Repeat("a", 500), "12 34", "¡¿?!") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := analyze(s)
		if !(r.Score >= 1 && r.Score <= 5) || r.Level == "" {
			t.Errorf("%q: %+v", s, r)
		}
		for _, v := range []float64{r.Formulas.FernandezHuerta, r.Formulas.SzigrisztPazos, r.Formulas.GutierrezPolini, r.Formulas.Crawford, r.Formulas.Mu} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%q: %+v", s, r.Formulas)
			}
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	d := text.Analyze(strings.Repeat(strings.Join(ladder, " "), 10))
	Analyze(&d)
	for b.Loop() {
		Analyze(&d)
	}
	b.ReportMetric(float64(d.Words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}

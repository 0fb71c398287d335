package topic

import (
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/text"
)

func analyze(s string) []Topic {
	d := text.Analyze(s)
	return Analyze(&d)
}

func TestTopics(t *testing.T) {
	for s, want := range map[string]string{
		"El Senado aprobó la reforma política en plenaria; la oposición votó en contra y el ministro del Interior celebró.":         "politics",
		"La inflación bajó y el Banco de la República recortó la tasa de interés; el dólar cayó y las exportaciones crecieron.":     "economy",
		"Millonarios venció 2-0 a Santa Fe en El Campín con goles del delantero; el técnico elogió al portero.":                     "sports",
		"El hospital reportó pacientes con dengue; los médicos piden vacunarse y cuidar la alimentación.":                           "health",
		"La Policía capturó a tres sicarios por el homicidio de un líder y les incautó armas.":                                      "security",
		"WhatsApp prueba una función de inteligencia artificial en su aplicación para celulares Android.":                           "technology",
		"Los estudiantes de la universidad protestaron por el aumento de la matrícula; el rector y los profesores los apoyan.":      "education",
		"La novela del escritor ganó el premio de literatura y se presentará en la Feria del Libro con una exposición en el museo.": "culture",
		"La deforestación en la Amazonia amenaza al jaguar; expertos piden proteger los bosques y frenar el cambio climático.":      "environment",
		"La Corte condenó al exmagistrado; el juez leyó la sentencia tras la imputación de la Fiscalía por cohecho y prevaricato.":  "justice",
		"El primer ministro canadiense viajó a Pekín y luego a Turquía para reunirse con Erdogan.":                                  "international",
		"El luchador perdió la máscara en Wrestlemania y anunció que peleará por última vez con la WWE.":                            "sports",
		"Reseña: este RPG para PS5 tiene gráficos hermosos, pero su jugabilidad cansa al gamer más paciente.":                       "technology",
	} {
		got := analyze(s)
		if len(got) == 0 || got[0].Name != want {
			t.Errorf("%s: %v, want %s", s, got, want)
		}
	}
	if got := analyze("La suma de los dos."); len(got) != 0 {
		t.Errorf("a text about nothing has topics %v", got)
	}
	both := analyze("El Congreso aprobó la reforma tributaria: el ministro de Hacienda dijo que los impuestos a las empresas bajarán y el déficit fiscal también.")
	if len(both) < 2 {
		t.Errorf("a text on a tax law has topics %v", both)
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{"El Senado aprobó la ley.", "\xff", strings.Repeat("gol ", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sum := 0.0
		for _, x := range analyze(s) {
			if !(x.Weight > 0 && x.Weight <= 1) {
				t.Errorf("%q: %+v", s, x)
			}
			sum += x.Weight
		}
		if sum > 1.01 {
			t.Errorf("%q: weights add up to %.2f", s, sum)
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	d := text.Analyze(strings.Repeat("La inflación bajó y el Banco de la República recortó la tasa de interés. ", 60))
	Analyze(&d)
	for b.Loop() {
		Analyze(&d)
	}
	b.ReportMetric(float64(d.Words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}

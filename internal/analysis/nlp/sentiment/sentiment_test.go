package sentiment

import (
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/text"
)

func analyze(s string) Result {
	d := text.Analyze(s)
	return Analyze(&d)
}

func TestClasses(t *testing.T) {
	for s, want := range map[string]Class{
		"El recaudo llegó a $2,3 billones en marzo; en dólares, cerca de USD 560 millones.":     Neutral,
		"No es cierto que la vacuna haya fracasado: los contagios no aumentaron.":               Positive,
		"La inflación cayó por tercer mes.":                                                     Positive,
		"El empleo cayó por tercer mes.":                                                        Negative,
		"La deuda no creció y el desempleo cayó.":                                               Positive,
		"El precio de la gasolina no subirá.":                                                   Positive,
		"El presupuesto alcanzó los $4,5 billones en junio.":                                    Neutral,
		"Bajan los homicidios en Cali.":                                                         Positive,
		"Suben los homicidios en Cali.":                                                         Negative,
		"La obra es excelente.":                                                                 Positive,
		"La obra no es excelente.":                                                              Negative,
		"Los bomberos evitaron una tragedia.":                                                   Positive,
		"El concierto fue bueno, pero la organización resultó un desastre.":                     Negative,
		"La organización resultó un desastre, pero el concierto fue maravilloso y emocionante.": Positive,
		"La reunión será el martes a las ocho.":                                                 Neutral,
		"El equipo celebró una victoria histórica 🎉":                                            Positive,
		"": Neutral,
		"LA MASACRE DEJÓ CINCO MUERTOS EN EL CAUCA":                                             Negative,
		"Los habitantes piden que no se suspenda la ayuda, que ha sido muy valiosa para todos.": Positive,
	} {
		if r := analyze(s); r.Class != want {
			d := text.Analyze(s)
			t.Errorf("%s: %s %.2f, want %s (%s)", s, r.Class, r.Polarity, want, Explain(&d))
		}
	}
}

// Degrees: an intensifier strengthens, a diminisher weakens, negation inverts.
func TestDegrees(t *testing.T) {
	good, very, little, not := analyze("El servicio es bueno."), analyze("El servicio es muy bueno."), analyze("El servicio es algo bueno."), analyze("El servicio no es bueno.")
	if !(very.Polarity > good.Polarity && good.Polarity > little.Polarity && little.Polarity > 0 && not.Polarity < 0) {
		t.Errorf("very %.2f, plain %.2f, somewhat %.2f, not %.2f", very.Polarity, good.Polarity, little.Polarity, not.Polarity)
	}
	if fact, view := analyze("La sesión empezó a las ocho."), analyze("¡Qué sesión tan aburrida y lamentable!"); fact.Subjectivity >= view.Subjectivity {
		t.Errorf("subjectivity of a report %.2f, of a judgement %.2f", fact.Subjectivity, view.Subjectivity)
	}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[string]Class
	}{
		{"El Junior goleó al Nacional y su hinchada celebró; el técnico rival quedó en la cuerda floja.", map[string]Class{"Junior": Positive, "Nacional": Negative}},
		{"Millonarios venció al Tolima.", map[string]Class{"Millonarios": Positive, "Tolima": Negative}},
		{"La Fiscalía acusó a Pérez de fraude.", map[string]Class{"Pérez": Negative}},
		{"Gómez fue condenado a ocho años de cárcel.", map[string]Class{"Gómez": Negative}},
		{"Gómez fue absuelto.", map[string]Class{"Gómez": Positive}},
		{"El América cayó ante el Tolima.", map[string]Class{"América": Negative, "Tolima": Positive}},
		{"Ecopetrol ganó 4 billones de pesos.", map[string]Class{"Ecopetrol": Positive}},
		{"El Banrepública informó que la inflación cayó.", map[string]Class{"Banrepública": Neutral}},
		{"El DANE, dirigido por Urdinola, dijo ayer que el empleo cayó.", map[string]Class{"DANE": Neutral}},
		{"El empleo cayó, informó el DANE.", map[string]Class{"DANE": Neutral}},
		{"Según el DANE, el empleo cayó.", map[string]Class{"DANE": Neutral}},
		{"La Procuraduría anunció que sancionó a Quintero.", map[string]Class{"Procuraduría": Neutral, "Quintero": Negative}},
		{"Bonilla aseguró que Ecopetrol perdió millones.", map[string]Class{"Bonilla": Neutral, "Ecopetrol": Negative}},
		{"Ruiz viajó a Lima.", map[string]Class{"Ruiz": Neutral, "Lima": Neutral}},
	} {
		d := text.Analyze(c.text)
		for name, want := range c.want {
			for i := range d.Tokens {
				if d.Tokens[i].Text != name {
					continue
				}
				if got := Targets(&d, []Span{{i, i + 1}})[0]; got.Class != want {
					t.Errorf("%s: %s is %s (%.2f), want %s", c.text, name, got.Class, got.Polarity, want)
				}
			}
		}
	}
	d := text.Analyze("Uno.")
	if got := Targets(&d, []Span{{-1, 5}, {3, 2}, {0, 99}}); len(got) != 3 || got[0].Class != Neutral {
		t.Errorf("spans outside the text: %+v", got)
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{"No es malo, pero tampoco bueno.", "jajaja 😂😂 buenoooo", strings.Repeat("no ", 50), "\xff\x00<p>", "#NoMás a la baja"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := text.Analyze(s)
		r := Analyze(&d)
		if !(r.Polarity >= -1 && r.Polarity <= 1) || !(r.Subjectivity >= 0 && r.Subjectivity <= 1) || !(r.Confidence >= 0 && r.Confidence <= 1) || r.Class == "" {
			t.Errorf("%q: %+v", s, r)
		}
		spans := make([]Span, 0, len(d.Tokens))
		for i := range d.Tokens {
			spans = append(spans, Span{i, i + 1})
		}
		if len(spans) > 200 {
			spans = spans[:200]
		}
		for _, x := range Targets(&d, spans) {
			if !(x.Polarity >= -1 && x.Polarity <= 1) {
				t.Errorf("%q: %+v", s, x)
			}
		}
	})
}

func BenchmarkAnalyze(b *testing.B) {
	in := strings.Repeat("La Fiscalía imputó cargos a tres exfuncionarios por el desfalco. «No vamos a permitirlo», dijo el alcalde, muy preocupado. ", 50)
	d := text.Analyze(in)
	Analyze(&d)
	for b.Loop() {
		Analyze(&d)
	}
	b.ReportMetric(float64(d.Words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
}

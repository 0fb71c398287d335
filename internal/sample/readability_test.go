package sample

import (
	"math"
	"strings"
	"testing"
	"testing/quick"
)

func TestSyllables(t *testing.T) {
	t.Parallel()
	for _, hyphenated := range strings.Fields(`
		ca-sa ciu-dad pa-ís Co-lom-bia a-é-re-o le-er ca-os rey U-ru-guay y ya muy ca-yu-co flui-do o-í-a ba-úl pro-hí-be
		via-je cuál aun-que Pa-ra-guay huer-ta Pá-ez cons-truí-a quie-ro gui-ta-rra pin-güi-no a-güe-ro que gue-rra guí-a
		quí-mi-ca a-gua lin-güís-ti-ca Bo-go-tá mu-ni-ci-pio e-co-no-mí-a ni-ño NA-RI-ÑO Í-DO-LO Qui-ro-ga búho
		in-fla-ción al-co-hol a-ho-ra re-u-nión des-a-rro-llo huí-a Mac-a-o vein-ti-trés`) {
		want := strings.Count(hyphenated, "-") + 1
		word := strings.ReplaceAll(hyphenated, "-", "")
		switch word {
		case "reunión": // eu is a diphthong by rule, though many speak it as two
			want--
		case "búho":
			want++
		}
		if got := count([]byte(word)).syllables; got != want {
			t.Errorf("%s: %d syllables, want %d", word, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]counts{
		"":                        {},
		"  \n\t ":                 {},
		"¿Qué sigue? Nada.":       {words: 3, syllables: 5, sentences: 2, tokens: 3},
		"“No”, dijo. Son 3,5 %.":  {words: 3, syllables: 4, sentences: 2, tokens: 5},
		"Esperen… (así fue.)":     {words: 3, syllables: 6, sentences: 2, tokens: 3},
		"Dijo: “basta.”\n\nY ya.": {words: 4, syllables: 6, sentences: 2, tokens: 4},
	} {
		if got := count([]byte(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// A text like those of the thesis, counted by hand: 10 words, 16 syllables, 2 sentences.
func TestPerspicuity(t *testing.T) {
	t.Parallel()
	const text = "El perro come pan. Los niños de la escuela cantan."
	if c := count([]byte(text)); c.words != 10 || c.syllables != 16 || c.sentences != 2 {
		t.Fatalf("counted %+v", c)
	}
	if got, want := Perspicuity(text), 206.835-62.3*1.6-5; math.Abs(got-want) > 1e-9 {
		t.Errorf("perspicuity %v, want %v", got, want)
	}
	if d := Difficulty(text); d != 1 {
		t.Errorf("difficulty %v of a child's sentence", d)
	}
}

func TestDifficultyFollowsInflesz(t *testing.T) {
	t.Parallel()
	// 1000 words, with as many syllables as give the desired perspicuity at ten words per sentence.
	at := func(p float64) float64 {
		c := counts{words: 1000, sentences: 100}
		c.syllables = int(math.Round((206.835 - 10 - p) / 62.3 * 1000))
		return c.difficulty()
	}
	for p, want := range map[float64]float64{95: 1, 80: 1.5, 72.5: 2, 65: 2.5, 60: 3, 55: 3.5, 47.5: 4, 40: 4.5, 20: 5, -40: 5} {
		if got := at(p); math.Abs(got-want) > 0.051 {
			t.Errorf("perspicuity %v: difficulty %v, want %v", p, got, want)
		}
	}
}

func TestDifficultyStaysOnItsScale(t *testing.T) {
	t.Parallel()
	in := func(text string) bool { d := Difficulty(text); return d >= 1 && d <= 5 }
	if err := quick.Check(in, nil); err != nil {
		t.Error(err)
	}
}

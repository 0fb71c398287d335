// Package readability measures how hard a Spanish text is to read: the published formulas, a score from 1 to 5 with its CEFR
// level, calibrated on graded texts, and reading time. It does no I/O and takes time linear in the length of the text.
package readability

import (
	"math"
	"slices"

	"openlearn/internal/analysis/nlp/text"
)

// Result is how hard a text is.
type Result struct {
	Score float64 // 1 (easiest) … 5 (hardest)
	Level Level   // the CEFR level that a reader needs; it rises with Score
	// Seconds is the reading time of an adult native speaker.
	Seconds   int
	Counts    Counts
	Formulas  Formulas
	MeanZipf  float64 // mean frequency of the words, Zipf scale; names and unknown words count as 3
	RareShare float64 // share of words rarer than one in 100,000 (Zipf under 4)
}

// Level is a level of the Common European Framework of Reference.
type Level string

// The levels.
const (
	A1 Level = "A1"
	A2 Level = "A2"
	B1 Level = "B1"
	B2 Level = "B2"
	C1 Level = "C1"
	C2 Level = "C2"
)

// Counts are what the formulas count.
type Counts struct {
	Sentences, Words, Syllables, Letters int
	lengthSquares                        int // sum of squares of the words' lengths
}

// Formulas are the published measures. All but Crawford and Mu are on a scale of about 0 (hard) to 100 (easy); short or
// unusual texts may fall outside it.
type Formulas struct {
	FernandezHuerta float64
	SzigrisztPazos  float64
	INFLESZ         string // muy fácil, bastante fácil, normal, algo difícil, muy difícil
	GutierrezPolini float64
	Crawford        float64 // years of school
	Mu              float64
}

// wordsPerMinute of silent reading in Spanish: Trauzettel-Klosinski, Dietz: Standardized assessment of reading performance: the
// new International Reading Speed Texts IReST. Invest Ophthalmol Vis Sci 2012;53:5452 (218 ± 28).
const wordsPerMinute = 218

// count counts the words and sentences of a document. Sentences without words do not count.
func count(d *text.Document) Counts {
	var c Counts
	for _, s := range joined(d) {
		before := c.Words
		tokens := d.In(s)
		for i := range tokens {
			t := &tokens[i]
			if t.Kind != text.Word {
				continue
			}
			c.Words++
			w := t.Lower
			if len(w) > maxWord {
				w = w[:maxWord]
			}
			n := 0
			for _, r := range w {
				if r != '-' && r != '.' && r != '\'' {
					n++
				}
			}
			c.Letters += n
			c.lengthSquares += n * n
			c.Syllables += Syllables(w)
		}
		if c.Words > before {
			c.Sentences++
		}
	}
	return c
}

// maxWord bounds how many bytes of a word are used.
const maxWord = 60

// formulas computes the published measures; all are 0 for a text without words.
//
// Fernández Huerta, J.: Medidas sencillas de lecturabilidad. Consigna 214 (1959), in the form corrected by G. Law (2011): 206.84 −
// 60·syllables per word − 1.02·words per sentence.
// Szigriszt Pazos, F.: Sistemas predictivos de legibilidad del mensaje escrito: fórmula de perspicuidad. Madrid 1993: 206.835 −
// 62.3·S/W − W/F. Bands INFLESZ: Barrio-Cantalejo, I. M. et al.: Validación de la Escala INFLESZ. An Sist Sanit Navar 31 (2008).
// Gutiérrez de Polini, L. E.: Investigación sobre lectura en Venezuela. Caracas 1972: 95.2 − 9.7·letters/W − 0.35·W/F.
// Crawford, A. N.: Fórmula y gráfico para determinar la comprensibilidad de textos de nivel primario en castellano. Lectura y Vida
// 10 (1989): −0.205·sentences per 100 words + 0.049·syllables per 100 words − 3.407.
// Muñoz Baquedano, M., Muñoz Urra, J.: Legibilidad Mµ. Viña del Mar 2006: µ = n/(n−1) · mean word length / variance · 100.
func formulas(c Counts) Formulas {
	if c.Words == 0 || c.Sentences == 0 {
		return Formulas{INFLESZ: band(0)}
	}
	w, s := float64(c.Words), float64(c.Sentences)
	syllables, length, letters := float64(c.Syllables)/w, w/s, float64(c.Letters)/w
	f := Formulas{
		FernandezHuerta: 206.84 - 60*syllables - 1.02*length,
		SzigrisztPazos:  206.835 - 62.3*syllables - length,
		GutierrezPolini: 95.2 - 9.7*letters - 0.35*length,
		Crawford:        -0.205*100/length + 0.049*100*syllables - 3.407,
	}
	if variance := float64(c.lengthSquares)/w - letters*letters; c.Words > 1 && variance > 1e-9 {
		f.Mu = w / (w - 1) * letters / (variance * w / (w - 1)) * 100
	}
	f.INFLESZ = band(f.SzigrisztPazos)
	return f
}

func band(p float64) string {
	switch {
	case p > 80:
		return "muy fácil"
	case p > 65:
		return "bastante fácil"
	case p > 55:
		return "normal"
	case p > 40:
		return "algo difícil"
	}
	return "muy difícil"
}

// Analyze measures a document.
func Analyze(d *text.Document) Result {
	c := count(d)
	f := features(d, c)
	r := Result{
		Counts: c, Formulas: formulas(c), MeanZipf: f[meanZipf], RareShare: f[rareShare],
		Seconds: int(math.Ceil(float64(c.Words) * 60 / wordsPerMinute)),
	}
	raw := calibrated().raw(f, c.Words)
	r.Score = math.Round(1000*bounded(raw)) / 1000
	r.Level = LevelOf(r.Score)
	return r
}

// bounded maps the raw score, 1 to 6, to between 1 and 5; it keeps the thresholds up to C1.
func bounded(raw float64) float64 {
	if raw > 4.5 {
		return 4.5 + (raw-4.5)/3
	}
	return raw
}

// Levels lists the levels with the scores at which they begin: half-way between the levels of the calibration, in which the
// score is 1 for A1 … 5 for C1. C2 begins well above the mean of C1 (at 5.5 on the raw scale).
var Levels = []struct {
	Level Level
	From  float64
}{{A1, 0}, {A2, 1.5}, {B1, 2.5}, {B2, 3.5}, {C1, 4.5}, {C2, 4.5 + 1.0/3}}

// LevelOf is the level of a score.
func LevelOf(score float64) Level {
	for _, l := range slices.Backward(Levels) {
		if score >= l.From {
			return l.Level
		}
	}
	return A1
}

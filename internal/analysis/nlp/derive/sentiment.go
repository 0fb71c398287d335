package derive

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"openlearn/internal/analysis/nlp/sentiment"
)

// bestLemmas ranks the lemmas of a form by how often the form belongs to them; the first is its usual reading.
func (m *rla) bestLemmas(form string, zipf map[string]float64) []string {
	var lemmas []string
	for _, r := range m.readings[form] {
		if !slices.Contains(lemmas, r.lemma) {
			lemmas = append(lemmas, r.lemma)
		}
	}
	slices.SortStableFunc(lemmas, func(a, b string) int {
		if x, y := m.count[[2]string{form, a}], m.count[[2]string{form, b}]; x != y {
			return y - x
		}
		return int(math.Copysign(1, zipf[b]-zipf[a]))
	})
	return lemmas
}

// function says whether the form is primarily a word of a closed class (para, como, sobre).
func (m *rla) function(form string) bool {
	own := m.count[[2]string{form, form}]
	if own < 100_000 {
		return false
	}
	for _, r := range m.readings[form] {
		if m.count[[2]string{form, r.lemma}] >= own/4 {
			return false
		}
	}
	return true
}

// scored is a polarity, how much it is trusted, and whether the word evaluates or only names an event.
type scored struct {
	polarity   float64
	source     int // the lower, the more trusted
	evaluative bool
}

// Sentiment makes the tables of package sentiment from its own list, ML-SentiCon, AFINN-es and the forms of RLA-ES.
func (d *Data) Sentiment() ([]byte, error) {
	own, err := sentiment.ParseLexicon(sentiment.OwnLexicon())
	if err != nil {
		return nil, err
	}
	zipf, err := d.frequency()
	if err != nil {
		return nil, err
	}
	m, err := d.morphology()
	if err != nil {
		return nil, err
	}
	lemmas := map[string]scored{}
	put := func(lemma string, s scored) {
		if before, ok := lemmas[lemma]; !ok || s.source < before.source {
			lemmas[lemma] = s
		}
	}
	for lemma, v := range own.Polarity {
		put(lemma, scored{polarity: v})
	}
	var afinn map[string]float64
	if err := d.json("lexicons/natural/afinn_es.json", &afinn); err != nil {
		return nil, err
	}
	for w, v := range afinn {
		if strings.ContainsAny(w, " *") || w == "" {
			continue
		}
		if w[0] < 0x80 || strings.ContainsRune("áéíóúñ", []rune(w)[0]) {
			put(w, scored{polarity: v * afinnWeight, source: 2})
		}
	}
	var senticon map[string]struct{ Pos, Pol, Std string }
	if err := d.json("lexicons/natural/senticon_es.json", &senticon); err != nil {
		return nil, err
	}
	for w, e := range senticon {
		pol, err := strconv.ParseFloat(e.Pol, 64)
		if err != nil {
			return nil, fmt.Errorf("derive: ML-SentiCon, %q: %w", w, err)
		}
		std, err := strconv.ParseFloat(e.Std, 64)
		if err != nil {
			return nil, fmt.Errorf("derive: ML-SentiCon, %q: %w", w, err)
		}
		if strings.Contains(w, " ") || math.Abs(pol) < senticonLeast || std > senticonSpread {
			continue
		}
		if e.Pos == "n" && math.Abs(pol) < senticonNoun {
			continue
		}
		put(w, scored{polarity: pol * senticonWeight * rareness(zipf[w]), source: 1, evaluative: e.Pos == "a" || e.Pos == "r"})
	}
	polarity := map[string]uint16{}
	forms := map[string]bool{}
	for lemma := range lemmas {
		forms[lemma] = true
		for _, f := range m.forms[lemma] {
			forms[f] = true
		}
	}
	// Adverbs in -mente follow their adjectives.
	for f := range zipf {
		if strings.HasSuffix(f, "mente") {
			forms[f] = true
		}
	}
	for f := range forms {
		if s, ok := formScore(f, lemmas, m, zipf); ok && s.polarity != 0 && (s.source == 0 || zipf[f] < mostZipf) {
			polarity[f] = sentiment.Pack(s.polarity, s.evaluative)
		}
	}
	for w, v := range own.Exact {
		polarity[w] = sentiment.Pack(v, false)
	}
	for w, v := range afinn { // mostly emoji and emoticons
		if len(w) > 0 && w[0] >= 0x80 && !strings.ContainsRune("áéíóúñ", []rune(w)[0]) && math.Abs(v) <= 3 {
			polarity[strings.TrimSuffix(w, "\ufe0f")] = sentiment.Pack(v*0.6, true)
		}
	}
	roles := map[string]uint16{}
	for lemma, r := range own.Roles {
		roles[lemma] |= r
		for _, f := range m.forms[lemma] {
			if m.function(f) {
				continue
			}
			if best := m.bestLemmas(f, zipf); f == lemma || len(best) > 0 && (best[0] == lemma || own.Roles[best[0]] == 0 && slices.Contains(best, lemma) && best[0] != f) {
				roles[f] |= r
			}
		}
	}
	return sentiment.PackTables(polarity, roles, own.PhraseTable())
}

// How the lists are weighed against each other, tuned on the project's own sentences.
const (
	afinnWeight    = 0.5
	senticonWeight = 1.6
	senticonLeast  = 0.2
	senticonNoun   = 0.3
	senticonSpread = 0.5
	leastZipf      = 1.5
	commonZipf     = 5.2
	mostZipf       = 5.9 // more frequent forms are function words
)

// rareness weighs a word by its frequency: frequent words are scored for senses that are seldom meant in news.
func rareness(zipf float64) float64 { return max(0.2, min(1, (commonZipf-zipf)/1.2)) }

// formScore is the polarity of a form: that of its usual lemma, or of the adjective from which an adverb is made.
func formScore(form string, lemmas map[string]scored, m *rla, zipf map[string]float64) (scored, bool) {
	best := m.bestLemmas(form, zipf)
	if s, ok := lemmas[form]; ok && (s.source == 0 || len(best) == 0 || slices.Contains(best, form)) {
		return s, true
	}
	if m.function(form) {
		return scored{}, false
	}
	for i, lemma := range best {
		s, ok := lemmas[lemma]
		if !ok {
			continue
		}
		if i > 0 && s.source > 0 || s.source > 0 && zipf[form] < leastZipf {
			continue // a rarer reading does not count
		}
		for _, r := range m.readings[form] {
			if r.lemma == lemma && r.upos == "ADJ" {
				s.evaluative = true
			}
			if r.lemma == lemma && strings.HasSuffix(r.codes, "A") {
				s.polarity *= 1.3
			}
		}
		return s, true
	}
	if stem, ok := strings.CutSuffix(form, "mente"); ok {
		for _, adj := range []string{stem, strings.TrimSuffix(stem, "a") + "o"} {
			if s, ok := lemmas[adj]; ok {
				s.evaluative = true
				return s, true
			}
		}
	}
	if s, ok := lemmas[form]; ok {
		return s, true
	}
	return scored{}, false
}

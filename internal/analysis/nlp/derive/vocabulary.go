package derive

import (
	"slices"
	"strconv"
	"strings"

	"openlearn/internal/analysis/nlp/vocabulary"
)

// Bounds for words of RLA-ES's Colombian lists, which give neither meaning nor use: a word in no other list is not
// necessarily Colombian.
const (
	otherCountries = 2
	colombianZipf  = 3.2
)

// Colombia makes the words of Colombia: those with meanings, then those that RLA-ES lists for Colombia and few others.
func (d *Data) Colombia() ([]byte, error) {
	m, err := d.morphology()
	if err != nil {
		return nil, err
	}
	zipf, err := d.frequency()
	if err != nil {
		return nil, err
	}
	var entries []vocabulary.Entry
	seen := map[string]bool{}
	err = d.lines("lexicons/colombia/colombianismos_glosados.tsv", func(f []string) {
		for len(f) < 5 {
			f = append(f, "")
		}
		use := strings.Split(f[3], ",")
		weak := false
		kept := use[:0]
		for _, u := range use {
			if u = strings.TrimSpace(u); u == "sentido" {
				weak = true
			} else if u != "" {
				kept = append(kept, u)
			}
		}
		e := vocabulary.Entry{Colombianism: vocabulary.Colombianism{Lemma: f[0], Meaning: f[2], Use: strings.Join(kept, ", "), Weak: weak}}
		e.Forms = forms(m, f[0], f[4])
		seen[f[0]] = true
		entries = append(entries, e)
	})
	if err != nil {
		return nil, err
	}
	err = d.lines("lexicons/colombia/colombianismos_rla.tsv", func(f []string) {
		if len(f) < 7 || seen[f[0]] || f[5] != "" || len(f) > 7 && f[7] != "" {
			return
		}
		n, err := strconv.Atoi(f[3])
		if err != nil || n > otherCountries || zipf[f[0]] > colombianZipf || zipf[f[0]] < 0.5 || f[2] != "RAE" {
			return
		}
		seen[f[0]] = true
		entries = append(entries, vocabulary.Entry{Colombianism: vocabulary.Colombianism{Lemma: f[0], Weak: true}, Forms: forms(m, f[0], "")})
	})
	if err != nil {
		return nil, err
	}
	return vocabulary.Encode(entries)
}

// forms lists a lemma, its inflected forms, its plural, and the forms that a list adds.
func forms(m *rla, lemma, more string) []string {
	out := []string{lemma}
	add := func(f string) {
		if f = strings.TrimSpace(f); f != "" && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	plural := func(w string) string {
		switch {
		case strings.Contains(w, " "):
			return ""
		case strings.HasSuffix(w, "ón"):
			return strings.TrimSuffix(w, "ón") + "ones"
		case strings.HasSuffix(w, "z"):
			return strings.TrimSuffix(w, "z") + "ces"
		case strings.ContainsAny(w[len(w)-1:], "aeiou"):
			return w + "s"
		case strings.HasSuffix(w, "s"):
			return ""
		}
		return w + "es"
	}
	for f := range strings.SplitSeq(more, ",") {
		if f = strings.TrimSpace(f); f != "" {
			add(f)
			add(plural(f))
		}
	}
	for _, f := range m.forms[lemma] {
		if best := m.bestLemmas(f, nil); len(best) == 0 || best[0] == lemma {
			add(f)
		}
	}
	add(plural(lemma))
	return out
}

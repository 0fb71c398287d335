package derive

import (
	"strconv"
	"strings"

	"openlearn/internal/analysis/nlp/spoken"
)

// Spoken makes the ranks of package spoken: those of forms in subtitles that are words, and those of lemmas.
func (d *Data) Spoken() ([]byte, error) {
	m, err := d.morphology()
	if err != nil {
		return nil, err
	}
	forms, lemmas := map[string]int{}, map[string]int{}
	n := 0
	err = d.lines("frequency/opensubtitles2018_es_50k.txt", func(f []string) {
		w, _, _ := strings.Cut(f[0], " ")
		n++
		if len(m.readings[w]) > 0 && forms[w] == 0 {
			forms[w] = n
		}
	})
	if err != nil {
		return nil, err
	}
	err = d.lines("frequency/lemmas_wiktionary.tsv.gz", func(f []string) {
		if len(f) < 4 {
			return
		}
		if k, err := strconv.Atoi(f[0]); err == nil && lemmas[f[2]] == 0 && k > 0 {
			lemmas[f[2]] = k
		}
	})
	if err != nil {
		return nil, err
	}
	return spoken.Encode(forms, lemmas)
}

package ner

import (
	"io/fs"
	"strings"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/pack"
)

// The kinds of trigger words, as bits.
const (
	perBefore uint16 = 1 << iota
	perAfter
	locHeadOutside
	locHeadInside
	locBefore
	orgHead
	orgEnd
	orgBefore
	miscHead
	nothing
	locBefore2 // the last word of a phrase before a place
)

var triggerKinds = map[string]uint16{
	"PER before": perBefore, "PER after": perAfter, "LOC head outside": locHeadOutside, "LOC head inside": locHeadInside, "LOC before": locBefore,
	"ORG head": orgHead, "ORG end": orgEnd, "ORG before": orgBefore, "MISC head": miscHead, "nothing": nothing,
}

// triggers maps words to kinds: heads of names and "nothing" as written, all others in lower case.
type triggers map[string]uint16

// ReadTriggers reads the words that stand before, in and after names.
func ReadTriggers(fsys fs.FS) (map[string]uint16, error) {
	t := triggers{}
	err := corpus.Lines(fsys, "ner/triggers.tsv", func(line string) error {
		f := strings.Split(line, "\t")
		kind := triggerKinds[f[0]]
		if kind == 0 || len(f) < 3 {
			return nil
		}
		for w := range strings.SplitSeq(f[2], "|") {
			words := strings.Fields(w)
			switch {
			case len(words) == 0:
			case len(words) == 1:
				t[words[0]] |= kind
			case kind == locBefore:
				for k := len(words) - 1; k >= 0; k-- {
					if !connector[words[k]] {
						t[words[k]] |= locBefore2
						break
					}
				}
			}
		}
		return nil
	})
	return t, err
}

func (t triggers) write(w *pack.Writer) {
	keys := sortedKeys(t)
	w.Sorted(keys)
	for _, k := range keys {
		w.Uint(uint64(t[k]))
	}
}

func readTriggerTable(r *pack.Reader) triggers {
	t := triggers{}
	for _, k := range r.Sorted() {
		t[k] = 0
	}
	for _, k := range sortedKeys(t) {
		t[k] = uint16(r.Uint())
	}
	return t
}

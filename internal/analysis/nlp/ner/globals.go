package ner

import "openlearn/internal/analysis/nlp/text"

// What other mentions of a word in the document show, as bits.
const (
	globalAfterTitle uint32 = 1 << iota
	globalBeforeSay
	globalWithGiven
	globalAfterIn
	globalAfterPlaceHead
	globalWithOrgHead
	globalLower
	globalInside // seen with a capital inside a sentence
	globalLonger // part of a longer run
	globalAcronym
	globalAfterOrgWord
)

// findGlobals gathers the contexts of all mentions of each capitalised word in the document.
func (m *Model) findGlobals(w *work, d *text.Document) {
	if w.globals == nil {
		w.globals = map[string]uint32{}
	}
	clear(w.globals)
	for _, r := range w.runs {
		from, to := int(r.from), int(r.to)
		bits := uint32(0)
		s := d.Sentences[w.tokens[from].sentence]
		if k := m.contentBefore(w, from, s.First); k >= 0 {
			switch t := &w.tokens[k]; {
			case t.lowTrigger&perBefore != 0 && !t.capital:
				bits |= globalAfterTitle
			case t.lowTrigger&locHeadOutside != 0 && !t.capital:
				bits |= globalAfterPlaceHead
			case t.lowTrigger&orgBefore != 0 && !t.capital:
				bits |= globalAfterOrgWord
			}
		}
		if from > s.First && w.tokens[from-1].lower == "en" {
			bits |= globalAfterIn
		}
		if to < s.Last && w.tokens[to].lowTrigger&perAfter != 0 {
			bits |= globalBeforeSay
		}
		if w.tokens[from].trigger&orgHead != 0 {
			bits |= globalWithOrgHead
		}
		if to-from > 1 && w.tokens[from].given > 4 {
			bits |= globalWithGiven
		}
		if to < s.Last-1 && w.tokens[to].norm == "(" && w.tokens[to+1].capital {
			bits |= globalAcronym
		}
		if to-from > 1 {
			bits |= globalLonger
		}
		for k := from; k < to; k++ {
			if t := &w.tokens[k]; t.capital {
				b := bits
				if !t.first {
					b |= globalInside
				}
				w.globals[t.norm] |= b
			}
		}
	}
	for i := range w.tokens {
		t := &w.tokens[i]
		if t.capital {
			t.global = w.globals[t.norm]
		}
	}
}

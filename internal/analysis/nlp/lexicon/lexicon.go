// Package lexicon knows the forms of Spanish: readings (lemma, part of speech, inflection) and frequencies.
//
// Readings come from RLA-ES (MPL 1.1, unfolded), frequencies from wordfreq (CC BY-SA 4.0, Robyn Speer); see NOTICE. A form
// is stored as a stem and an ending: lemmas that inflect alike share one paradigm, so 600,000 forms take little memory, and
// a lookup takes a few probes of a hash table, one per place where the form can be cut.
package lexicon

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"sync"
)

// Reading is one analysis of a form.
type Reading struct {
	Lemma string
	POS   POS
	// Codes is the inflection as in RLA-ES, with alternatives separated by bars. Nouns and adjectives have gender and
	// number (MS, FP, -S). Verbs have N for the infinitive, G for the gerund, PMS… for participles, else mood, tense,
	// person and number (IP3S, SI1S, M-2S; v for vos).
	Codes string
}

// MaxForm is the longest form, in bytes, that can be in the lexicon.
const MaxForm = 48

type ending struct{ suffix, codes string }

type paradigm struct {
	pos     POS
	lemma   string // the lemma's ending after the stem
	endings []ending
}

type entry struct {
	stem     string
	paradigm uint32
}

// Lexicon is immutable and safe for concurrent use.
type Lexicon struct {
	paradigms []paradigm
	entries   []entry
	table     []uint32 // open addressing: index of a stem's first entry + 1
	zipf      freqTable
}

//go:embed lexicon.bin
var embedded []byte

// Default is the lexicon in the binary, decoded at the first call.
var Default = sync.OnceValue(func() *Lexicon {
	l, err := Decode(embedded)
	if err != nil {
		panic("the embedded lexicon is damaged: " + err.Error()) // a broken build, found by any test
	}
	return l
})

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func hash(s string) uint64 {
	h := uint64(fnvOffset)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// Append adds the readings of a form in lower case to dst, in no particular order.
func (l *Lexicon) Append(dst []Reading, lower string) []Reading {
	if len(lower) == 0 || len(lower) > MaxForm {
		return dst
	}
	h := uint64(fnvOffset)
	for cut := 0; ; cut++ {
		if first, ok := l.find(h, lower[:cut]); ok {
			dst = l.appendStem(dst, first, lower[:cut], lower[cut:])
		}
		if cut == len(lower) {
			return dst
		}
		h = (h ^ uint64(lower[cut])) * fnvPrime
	}
}

func (l *Lexicon) find(h uint64, stem string) (int, bool) {
	mask := uint64(len(l.table) - 1)
	for i := mix(h) & mask; ; i = (i + 1) & mask {
		e := l.table[i]
		if e == 0 {
			return 0, false
		}
		if l.entries[e-1].stem == stem {
			return int(e - 1), true
		}
	}
}

func (l *Lexicon) appendStem(dst []Reading, i int, stem, suffix string) []Reading {
	for ; i < len(l.entries) && l.entries[i].stem == stem; i++ {
		p := &l.paradigms[l.entries[i].paradigm]
		k, ok := slices.BinarySearchFunc(p.endings, suffix, func(e ending, s string) int { return strings.Compare(e.suffix, s) })
		if !ok {
			continue
		}
		lemma := stem
		if p.lemma != "" {
			lemma = stem + p.lemma
		}
		dst = append(dst, Reading{Lemma: lemma, POS: p.pos, Codes: p.endings[k].codes})
	}
	return dst
}

// Readings returns the readings of a form in lower case.
func (l *Lexicon) Readings(lower string) []Reading { return l.Append(nil, lower) }

// Has says whether the form has a reading as pos.
func (l *Lexicon) Has(lower string, pos POS) bool {
	var buf [8]Reading
	for _, r := range l.Append(buf[:0], lower) {
		if r.POS == pos {
			return true
		}
	}
	return false
}

// Zipf is the frequency of a form in lower case on the Zipf scale, the base-10 logarithm of its occurrences in 10^9 words:
// 7.8 for "de", 3 for words that occur once in a million. 0 means that the form is rarer than 1.5 or absent.
func (l *Lexicon) Zipf(lower string) float64 { return l.zipf.get(lower) }

// Frequency is how often a form occurs in a million words, 0 if that is not known.
func (l *Lexicon) Frequency(lower string) float64 {
	z := l.Zipf(lower)
	if z == 0 {
		return 0
	}
	return math.Pow(10, z-3)
}

// Words is the number of stems in the lexicon, a measure of its size for reports.
func (l *Lexicon) Words() int { return len(l.entries) }

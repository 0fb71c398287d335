package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// inCapitals says whether a sentence is written in capitals throughout, so that case means nothing.
func inCapitals(tokens []Token) bool {
	words, upper, lower, long := 0, 0, 0, 0
	for i := range tokens {
		t := &tokens[i]
		if t.Kind != Word {
			continue
		}
		words++
		for _, r := range t.Text {
			switch {
			case isUpper(r):
				upper++
			case isLower(r):
				lower++
			}
		}
		if utf8.RuneCountInString(t.Text) > 3 {
			long++
		}
	}
	// Two words may be an acronym and its city; a single lower-case word ("de") in a line of capitals changes nothing.
	return words >= 3 && long >= 2 && upper >= 10 && lower*10 <= upper
}

// lowerCapitals gives tokens in capitals lower-case norms; the first word of the sentence gets its capital back.
func lowerCapitals(tokens []Token) {
	first := true
	for i := range tokens {
		t := &tokens[i]
		if t.Kind != Word {
			continue
		}
		t.Norm = t.Lower
		if first {
			t.Norm = Title(t.Lower)
			first = false
		}
	}
}

// Casing is how a word is usually written inside a sentence.
type Casing uint8

// The casings.
const (
	AsIs    Casing = iota // nothing is known: lower case
	Small                 // lower case
	Capital               // Capital first
	Upper                 // ALL CAPITALS
)

// Recase gives the tokens of sentences in capitals their usual case according to known, which gets the sentence's tokens
// (with Lower set) and returns one Casing for each. Sentences in mixed case are left unchanged.
func (d *Document) Recase(known func(tokens []Token) []Casing) {
	for _, s := range d.Sentences {
		if !s.Capitals {
			continue
		}
		tokens := d.In(s)
		first := true
		for i, c := range known(tokens) {
			t := &tokens[i]
			if t.Kind != Word {
				continue
			}
			switch c {
			case Capital:
				t.Norm = Title(t.Lower)
			case Upper:
				t.Norm = strings.ToUpper(t.Lower)
			default:
				t.Norm = t.Lower
				if first {
					t.Norm = Title(t.Lower)
				}
			}
			first = false
		}
	}
}

// Title is a word with its first letter in upper case.
func Title(lower string) string {
	r, size := utf8.DecodeRuneInString(lower)
	u := unicode.ToUpper(r)
	if u == r {
		return lower
	}
	return string(u) + lower[size:]
}

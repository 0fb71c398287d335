package readability

import "unicode/utf8"

// Syllables counts the syllables of a Spanish word in lower case by the rules of the academy (Ortografía de la lengua
// española, 2010, chapter II): each strong vowel (a e o) and each accented weak one (í ú) is a nucleus; weak vowels (i u ü)
// join their neighbours; the u of que, qui, gue and gui is silent; y is a vowel at a word's end and alone; h does not break
// a diphthong, but does separate vowels in hiatus. A word without vowels counts as one.
func Syllables(lower string) int {
	n := 0
	var before kind // of the vowel just read
	var last rune   // the letter before
	for i, r := range lower {
		k := vowel(r)
		switch {
		case r == 'y':
			if i+1 < len(lower) { // followed by a letter: a consonant
				next, _ := utf8.DecodeRuneInString(lower[i+1:])
				if vowel(next) != consonant || i == 0 {
					k = consonant
				} else {
					k = weak
				}
			} else {
				k = weak
			}
		case r == 'h' && before != consonant: // prohíbe, ahora: the kind of the letter before it still counts
			last = r
			continue
		case r == 'u' && (last == 'q' || last == 'g') && i+1 < len(lower):
			next, _ := utf8.DecodeRuneInString(lower[i+1:])
			if next == 'e' || next == 'i' || next == 'é' || next == 'í' {
				last = r
				before = consonant
				continue
			}
		}
		switch {
		case k == consonant:
		case before == consonant, before == accented && k != weak, before == strong && k != weak, k == accented && before != weak,
			k == accented && before == weak && last != 'u' && last != 'i' && last != 'ü':
			n++
		case k == accented: // weak before accented weak: iú, uí are one (lingüística, construí)
		case before == accented && k == weak:
			if r != last { // "íu" does not occur; "íi" in prefixes
				n++
			}
		case last == r: // chiita, posición doubled
			n++
		}
		before, last = k, r
	}
	return max(n, 1)
}

type kind uint8

const (
	consonant kind = iota
	weak
	strong
	accented // a weak vowel with an accent: always a nucleus of its own
)

func vowel(r rune) kind {
	switch r {
	case 'a', 'e', 'o', 'á', 'é', 'ó', 'à', 'è', 'ò', 'â', 'ê', 'ô', 'ä', 'ë', 'ö', 'ã', 'õ':
		return strong
	case 'i', 'u', 'ü', 'ï':
		return weak
	case 'í', 'ú':
		return accented
	}
	return consonant
}

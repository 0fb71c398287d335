package articles

import (
	"strings"
	"unicode"
)

// searchReader reads the terms of a search from its text, one by one.
type searchReader struct {
	rest   string
	spaced bool // rest is at the start or after white space: only there a minus excludes
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWords
	tokenOr
)

type token struct {
	kind    tokenKind
	words   []searchWord
	negated bool
}

// searchWord is a word as it was typed. A word with marks inside it has parts: "ex-ministro", "S.A.S.", "1.000.000".
type searchWord struct {
	whole string
	parts []string // nil for a plain word
}

func newSearchReader(s string) *searchReader { return &searchReader{rest: s, spaced: true} }

// next reads one word, quoted phrase or OR.
func (r *searchReader) next() token {
	negated, ok := r.skip()
	if !ok {
		return token{}
	}
	if r.rest[0] == '"' {
		body, rest, _ := strings.Cut(r.rest[1:], `"`)
		r.rest, r.spaced = rest, false
		tok := token{kind: tokenWords, negated: negated}
		for in := newSearchReader(body); ; {
			in.rest = strings.TrimLeftFunc(in.rest, func(c rune) bool { return !isWordRune(c) })
			if in.rest == "" {
				return tok
			}
			tok.words = append(tok.words, in.word())
		}
	}
	w := r.word()
	if !negated && strings.EqualFold(w.whole, "or") && w.whole != "oR" {
		return token{kind: tokenOr}
	}
	return token{kind: tokenWords, words: []searchWord{w}, negated: negated}
}

// skip moves to where the next term begins, and reports whether a minus precedes it directly.
func (r *searchReader) skip() (negated, ok bool) {
	for i, c := range r.rest {
		if c == '"' || isWordRune(c) {
			r.rest = r.rest[i:]
			return negated, true
		}
		negated = c == '-' && r.spaced
		r.spaced = unicode.IsSpace(c) || c == '('
	}
	r.rest = ""
	return false, false
}

// word reads the word that begins here, with the marks inside it.
func (r *searchReader) word() searchWord {
	runes := []rune(r.rest)
	var w searchWord
	var whole, part strings.Builder
	i := 0
	for ; i < len(runes); i++ {
		c := runes[i]
		if isWordRune(c) {
			whole.WriteRune(c)
			part.WriteRune(c)
			continue
		}
		mark, skip := joiner(runes, i)
		if skip == 0 || whole.Len() > maxWordBytes {
			if skip = initials(runes, i); skip == 0 {
				break
			}
			mark = '.'
		}
		i += skip - 1
		whole.WriteRune(mark)
		w.parts = append(w.parts, part.String())
		part.Reset()
	}
	r.rest, r.spaced = string(runes[i:]), false
	w.whole = whole.String()
	if w.parts != nil {
		w.parts = append(w.parts, part.String())
	}
	return w
}

// joiner returns the mark at i in its plain spelling, and its length, if it is inside a word: between two letters or
// digits, but a comma or colon only between two digits, because elsewhere people forget the space after it.
func joiner(s []rune, i int) (mark rune, length int) {
	if i+1 >= len(s) || !isWordRune(s[i+1]) {
		return 0, 0
	}
	switch s[i] {
	case '-', '‐', '‑':
		return '-', 1
	case '\'', '’':
		return '\'', 1
	case '.', '/', '&', '@', '_':
		return s[i], 1
	case ',', ':':
		if unicode.IsDigit(s[i-1]) && unicode.IsDigit(s[i+1]) {
			return s[i], 1
		}
	}
	return 0, 0
}

// initials is the length of the dot and the space at i if they are between initials, as in "EE. UU." and "D. C.": one or
// two capitals with a dot on both sides.
func initials(s []rune, i int) int {
	if i+2 >= len(s) || s[i] != '.' || s[i+1] != ' ' {
		return 0
	}
	before, after := 0, 0
	for k := i - 1; k >= 0 && isWordRune(s[k]); k-- {
		if before++; !unicode.IsUpper(s[k]) {
			return 0
		}
	}
	k := i + 2
	for ; k < len(s) && isWordRune(s[k]); k++ {
		if after++; !unicode.IsUpper(s[k]) {
			return 0
		}
	}
	if before == 0 || before > 2 || after == 0 || after > 2 || k == len(s) || s[k] != '.' {
		return 0
	}
	return 2
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

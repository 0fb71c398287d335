package cache

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// pattern is a caller's pattern over identifiers: * is any text, ? any one
// character, \ takes away the meaning of the character after it where that is
// *, ? or \, and everything else is itself.
type pattern struct {
	text string
	// glob is what Redis filters by: no narrower than text, and as narrow as
	// bytes allow, since Redis's own ? is a byte and not a character.
	glob string
}

func newPattern(text string) (pattern, error) {
	if text == "" {
		return pattern{}, fmt.Errorf("%w: empty pattern", ErrInvalidKey)
	}
	if len(text) > 2*maxIDBytes {
		return pattern{}, fmt.Errorf("%w: pattern of %d bytes", ErrInvalidKey, len(text))
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		var t patternToken
		t, rest = nextToken(rest)
		switch {
		case t.wild == '*':
			b.WriteByte('*')
		case t.wild == '?':
			b.WriteString("?*") // a character is one byte or more
		default:
			b.WriteString(escapeGlob(t.literal))
		}
	}
	return pattern{text, b.String()}, nil
}

type patternToken struct {
	wild    byte   // '*', '?', or 0
	literal string // one character
}

// nextToken splits off the first token; a backslash before anything that is
// not special is itself.
func nextToken(s string) (patternToken, string) {
	switch {
	case s[0] == '*' || s[0] == '?':
		return patternToken{wild: s[0]}, s[1:]
	case s[0] == '\\' && len(s) > 1 && strings.IndexByte(`*?\`, s[1]) >= 0:
		return patternToken{literal: s[1:2]}, s[2:]
	}
	_, n := utf8.DecodeRuneInString(s)
	return patternToken{literal: s[:n]}, s[n:]
}

// match is the pattern's own answer. After a mismatch it goes back to the last
// star only, so it takes no longer than the product of both lengths.
func (p pattern) match(s string) bool {
	rest := p.text
	star, mark := "", ""
	starred := false
	for s != "" || rest != "" {
		if rest != "" {
			t, after := nextToken(rest)
			switch {
			case t.wild == '*':
				star, mark, starred = after, s, true
				rest = after
				continue
			case s != "" && t.wild == '?':
				_, n := utf8.DecodeRuneInString(s)
				s, rest = s[n:], after
				continue
			case t.wild == 0 && strings.HasPrefix(s, t.literal):
				s, rest = s[len(t.literal):], after
				continue
			}
		}
		if !starred || mark == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(mark)
		mark = mark[n:]
		s, rest = mark, star
	}
	return true
}

const globSpecial = `*?[]\^-`

// escapeGlob makes Redis match s and nothing else.
func escapeGlob(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(globSpecial, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

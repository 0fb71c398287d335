// Package pattern has patterns over identifiers, and Redis globs that match at least as much.
package pattern

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"openlearn/internal/cache/internal/names"
)

// Pattern is a caller's pattern over identifiers: * is any text, ? any one
// character, \ makes a following *, ? or \ literal, and everything else is
// itself.
type Pattern struct {
	text string
	// Glob is what Redis filters by: no narrower than text, and as narrow as
	// bytes allow, since Redis's own ? is a byte and not a character.
	Glob string
}

// New reads a pattern.
func New(text string) (Pattern, error) {
	if text == "" {
		return Pattern{}, errors.New("empty pattern")
	}
	if len(text) > maxText {
		return Pattern{}, fmt.Errorf("pattern of %d bytes, at most %d", len(text), maxText)
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		var t token
		t, rest = nextToken(rest)
		switch {
		case t.wild == '*':
			b.WriteByte('*')
		case t.wild == '?':
			b.WriteString("?*") // a character is one byte or more
		default:
			b.WriteString(EscapeGlob(t.literal))
		}
	}
	return Pattern{text, b.String()}, nil
}

// maxText bounds a pattern in bytes: twice the longest identifier.
const maxText = 2 * names.MaxID

type token struct {
	wild    byte   // '*', '?', or 0
	literal string // one character
}

// nextToken splits off the first token; a backslash before anything that is
// not special is itself.
func nextToken(s string) (token, string) {
	switch {
	case s[0] == '*' || s[0] == '?':
		return token{wild: s[0]}, s[1:]
	case s[0] == '\\' && len(s) > 1 && strings.IndexByte(`*?\`, s[1]) >= 0:
		return token{literal: s[1:2]}, s[2:]
	}
	_, n := utf8.DecodeRuneInString(s)
	return token{literal: s[:n]}, s[n:]
}

// Match reports whether the whole of s matches. After a mismatch it goes back
// to the last star only, so it takes no longer than the product of both
// lengths.
func (p Pattern) Match(s string) bool {
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

const special = `*?[]\^-`

// EscapeGlob makes Redis match s and nothing else.
func EscapeGlob(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

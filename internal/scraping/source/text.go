package source

import (
	"html"
	"strings"
	"unicode"

	xhtml "golang.org/x/net/html"
)

// CleanInline makes one line of plain text: tags removed, entities decoded (twice: feeds and CMSs escape them twice),
// blanks collapsed, meaningless characters dropped.
func CleanInline(s string) string {
	if strings.ContainsRune(s, '&') {
		s = html.UnescapeString(s)
	}
	if strings.ContainsRune(s, '<') {
		s = stripTags(s)
	}
	if strings.ContainsRune(s, '&') {
		s = html.UnescapeString(s)
	}
	return Collapse(s)
}

// Collapse reduces runs of blanks to single spaces, trims, and drops control and invisible formatting characters.
func Collapse(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || r == '\u00a0':
			gap = true
		case unicode.IsControl(r), r == '\u200b', r == '\ufeff', r == '\u00ad', r == '\u2060', r == unicode.ReplacementChar:
		default:
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// stripTags returns the text of an HTML fragment; a block element ends a word. Text that only looks like markup ("a < b")
// stays.
func stripTags(s string) string {
	var b strings.Builder
	z := xhtml.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case xhtml.ErrorToken: // io.EOF: a strings.Reader has no other
			return b.String()
		case xhtml.TextToken:
			b.Write(z.Text())
		case xhtml.StartTagToken, xhtml.EndTagToken, xhtml.SelfClosingTagToken:
			name, _ := z.TagName()
			if !Inline(string(name)) {
				b.WriteByte(' ')
			}
		}
	}
}

// inlineTags flow within a sentence; every other element ends a word.
var inlineTags = map[string]bool{
	"a": true, "abbr": true, "acronym": true, "b": true, "bdi": true, "bdo": true, "big": true, "cite": true, "code": true, "data": true,
	"del": true, "dfn": true, "em": true, "font": true, "i": true, "ins": true, "kbd": true, "mark": true, "q": true, "s": true,
	"samp": true, "small": true, "span": true, "strike": true, "strong": true, "sub": true, "sup": true, "time": true, "tt": true, "u": true,
	"var": true, "wbr": true,
}

// Inline says whether an element flows within a sentence, so that it ends no word.
func Inline(tag string) bool { return inlineTags[tag] }

package importer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// clean makes text fit for PostgreSQL (which refuses NUL), for XML feeds (which refuse the other controls) and for
// search (which compares code points, hence NFC). It keeps newlines and tabs.
func clean(s string, n *notes) string {
	s = strings.TrimSpace(s)
	if tidy(s) {
		return s
	}
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.ReplaceAll(s, "\r", "\n")
	}
	if strings.ContainsFunc(s, unwanted) {
		s = strings.Map(func(r rune) rune {
			if unwanted(r) {
				return -1
			}
			return r
		}, s)
		n.warnOnce(ControlChars, "")
	}
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	return strings.TrimSpace(s)
}

// tidy recognises quickly, from its bytes, a text that clean would not change, as most are: it has no control characters,
// and only characters below U+0300 (where NFC leaves composed characters unchanged) and typographic marks. False means that
// clean must look closer.
func tidy(s string) bool {
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b >= ' ' && b < 0x7f, b >= 0x80 && b < 0xcc, b == '\n', b == '\t':
		case b == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2] > 0x81: // U+2002–U+203F
			i += 2
		default:
			return false
		}
	}
	return true
}

func unwanted(r rune) bool {
	return (r < ' ' && r != '\n' && r != '\t') || r == 0x7f || r == 0xfffe || r == 0xffff
}

// oneLine is clean for single-line fields: runs of white space become one space.
func oneLine(s string, n *notes) string {
	s = clean(s, n)
	var last rune
	for _, r := range s {
		if unicode.IsSpace(r) && (r != ' ' || last == ' ') {
			return strings.Join(strings.Fields(s), " ")
		}
		last = r
	}
	return s
}

// cutAtWord shortens s to at most limit characters including an ellipsis, at the last space that is not too far back (a
// text without spaces is cut at the limit).
func cutAtWord(s string, limit int) string {
	runes := []rune(s)
	head := string(runes[:limit-1])
	if runes[limit-1] != ' ' {
		if i := strings.LastIndexByte(head, ' '); i >= len(head)/2 {
			head = head[:i]
		}
	}
	return strings.TrimRight(head, " ,;:.-") + "…"
}

// countWords counts runs of non-space characters, like strings.Fields, without making them.
func countWords(s string) int {
	n, in := 0, false
	for i := 0; i < len(s); {
		b := s[i]
		space, size := b == ' ' || b >= '\t' && b <= '\r', 1
		if b >= 0xc2 && b <= 0xe3 && b != 0xc3 { // these may begin a non-ASCII space; á and the like cannot
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			space = unicode.IsSpace(r)
		}
		if !space && !in {
			n++
		}
		in = !space
		i += size
	}
	return n
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// excerpt is the beginning of a bad value, short and printable enough for a message.
func excerpt(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '�' // a terminal would interpret it
		}
		return r
	}, strings.ToValidUTF8(string(b[:min(len(b), 80)]), "�"))
	if len(b) > 80 {
		s += "…"
	}
	return s
}

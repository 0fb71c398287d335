package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalized is a text with the origin of each of its runes.
type normalized struct {
	text  string
	runes []rune
	bytes []int32 // byte offset of each rune in text, and its length at the end
	// start and end are code points of the original per rune; nil if nothing was added or removed.
	start, end []int32
}

func (n *normalized) from(i int) int {
	if n.start == nil {
		return i
	}
	return int(n.start[i])
}

func (n *normalized) to(i int) int {
	if n.end == nil {
		return i + 1
	}
	return int(n.end[i])
}

// maxMarks bounds how many combining marks one letter keeps: more is an attack on renderers, not writing.
const maxMarks = 8

// normalize composes accents (NFC), unfolds presentation forms, turns controls and odd spaces into spaces, and drops
// zero-width characters. A line break stays a line break.
func normalize(s string) *normalized {
	n := &normalized{runes: make([]rune, 0, len(s))}
	var b strings.Builder
	b.Grow(len(s))
	identity := true
	n.start = make([]int32, 0, len(s))
	n.end = make([]int32, 0, len(s))
	put := func(r rune, from, to int) {
		n.runes = append(n.runes, r)
		n.start = append(n.start, int32(from))
		n.end = append(n.end, int32(to))
		b.WriteRune(r)
	}
	at := 0 // code points read
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		next := i + size
		if r >= 0x20 && r < 0x7f && (next >= len(s) || s[next] < 0x80) {
			put(r, at, at+1)
			i, at = next, at+1
			continue
		}
		// A letter is composed with the marks after it.
		if next < len(s) && s[next] >= 0xcc && unicode.IsLetter(r) {
			if marks, length := combining(s[next:]); marks > 0 {
				from := at
				at += 1 + marks
				kept := s[i:next]
				if r != utf8.RuneError {
					kept = norm.NFC.String(string(r) + firstMarks(s[next:next+length]))
				}
				for _, c := range kept {
					put(c, from, at)
				}
				identity = false
				i = next + length
				continue
			}
		}
		switch c := class(r); c {
		case 0:
			put(r, at, at+1)
		case drop:
			// Joiners and variation selectors belong to the emoji around them.
			if len(n.runes) > 0 && (r == 0xfe0f || r == 0x200d) && (emojiBase(n.runes[len(n.runes)-1]) || keycapBase(n.runes[len(n.runes)-1])) {
				put(r, at, at+1)
			} else {
				identity = false
			}
		case unfold:
			if r == '\r' { // \r\n is one break
				if next >= len(s) || s[next] != '\n' {
					put('\n', at, at+1)
				} else {
					identity = false
				}
				break
			}
			first := true
			for _, c := range norm.NFKC.String(string(r)) {
				put(c, at, at+1)
				identity = identity && first
				first = false
			}
		default:
			put(c, at, at+1)
		}
		i, at = next, at+1
	}
	n.text = b.String()
	n.bytes = make([]int32, len(n.runes)+1)
	o := 0
	for i, r := range n.runes {
		n.bytes[i] = int32(o)
		o += runeLen(r)
	}
	n.bytes[len(n.runes)] = int32(o)
	if identity {
		n.start, n.end = nil, nil
	}
	return n
}

// runeLen is how many bytes strings.Builder wrote for r.
func runeLen(r rune) int {
	if l := utf8.RuneLen(r); l > 0 {
		return l
	}
	return 3 // as U+FFFD
}

const (
	drop   rune = -1
	unfold rune = -2
)

// class says how to treat a rune: 0 keeps it, drop drops it, unfold decomposes it, and any other value replaces it.
func class(r rune) rune {
	switch {
	case r == '\n':
		return 0
	case r == '\r':
		return unfold
	case r < 0x20 || r == 0x7f:
		return ' '
	case r < 0x7f:
		return 0
	case r == 0x85:
		return '\n'
	case r < 0xa0, r == 0xa0:
		return ' '
	case r == 0xad:
		return drop
	case r < 0x300:
		return 0
	case r >= 0x2000 && r <= 0x200a, r == 0x202f, r == 0x205f, r == 0x3000, r == 0x1680:
		return ' '
	case r == 0x2028, r == 0x2029:
		return '\n'
	case r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfe00 && r <= 0xfe0f, r == 0x180e:
		return drop
	case r >= 0xfb00 && r <= 0xfb06, r >= 0xff01 && r <= 0xff5e, r >= 0x1d400 && r <= 0x1d7ff:
		return unfold // ligatures, full-width and mathematical letters
	case r >= 0xe000 && r <= 0xf8ff, r >= 0xf0000 && r < 0x10fffe:
		return ' ' // private use: icon fonts
	}
	return 0
}

// combining counts the combining marks at the beginning of s and their bytes.
func combining(s string) (marks, length int) {
	for length < len(s) {
		r, size := utf8.DecodeRuneInString(s[length:])
		if !isMark(r) {
			break
		}
		marks++
		length += size
	}
	return marks, length
}

func firstMarks(s string) string {
	n := 0
	for i := range s {
		if n == maxMarks {
			return s[:i]
		}
		n++
	}
	return s
}

// isMark is true for the combining marks of Latin letters, including those that are stacked on them as decoration.
func isMark(r rune) bool {
	return r >= 0x300 && r <= 0x36f || r >= 0x1ab0 && r <= 0x1aff || r >= 0x1dc0 && r <= 0x1dff || r >= 0x20d0 && r <= 0x20e2 || r >= 0xfe20 && r <= 0xfe2f
}

package extract

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// lenientJSON reads JSON that CMSs have broken: line breaks and other control characters inside strings, superfluous or
// missing commas, comments, unescaped quotes inside a string, single quotes, several documents in a row, a missing end. It
// returns every value it can make out and never fails.
func lenientJSON(s string) []any {
	p := &lenientParser{s: s}
	var out []any
	for p.skip(); p.at < len(p.s); p.skip() {
		before := p.at
		if v, ok := p.value(0); ok {
			if _, isObject := v.(map[string]any); isObject {
				out = append(out, v)
			} else if _, isList := v.([]any); isList {
				out = append(out, v)
			}
		}
		if p.at == before {
			p.at++
		}
	}
	return out
}

type lenientParser struct {
	s  string
	at int
}

// skip skips blanks, commas, semicolons and comments.
func (p *lenientParser) skip() {
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c <= ' ' || c == ',' || c == ';':
			p.at++
		case strings.HasPrefix(p.s[p.at:], "/*"):
			end := strings.Index(p.s[p.at+2:], "*/")
			if end < 0 {
				p.at = len(p.s)
				return
			}
			p.at += end + 4
		case strings.HasPrefix(p.s[p.at:], "//"):
			end := strings.IndexByte(p.s[p.at:], '\n')
			if end < 0 {
				p.at = len(p.s)
				return
			}
			p.at += end
		case strings.HasPrefix(p.s[p.at:], "\u00a0"):
			p.at += len("\u00a0")
		default:
			return
		}
	}
}

func (p *lenientParser) value(depth int) (any, bool) {
	p.skip()
	if p.at >= len(p.s) || depth > 4*maxLDDepth {
		return nil, false
	}
	switch c := p.s[p.at]; c {
	case '{':
		p.at++
		return p.object(depth + 1), true
	case '[':
		p.at++
		return p.list(depth + 1), true
	case '"', '\'':
		return p.text(c), true
	case '}', ']', ':':
		return nil, false
	default:
		return p.word(), true
	}
}

func (p *lenientParser) object(depth int) map[string]any {
	out := map[string]any{}
	for {
		p.skip()
		if p.at >= len(p.s) {
			return out
		}
		switch c := p.s[p.at]; c {
		case '}':
			p.at++
			return out
		case ']':
			return out // the list around it ends: its own } is missing
		case '"', '\'':
			key := p.text(c)
			p.skip()
			if p.at >= len(p.s) || p.s[p.at] != ':' {
				continue
			}
			p.at++
			if v, ok := p.value(depth); ok {
				out[key] = v
			} else if depth > 4*maxLDDepth {
				return out
			}
		default:
			p.at++
		}
	}
}

func (p *lenientParser) list(depth int) []any {
	out := []any{}
	for {
		p.skip()
		if p.at >= len(p.s) {
			return out
		}
		if p.s[p.at] == ']' {
			p.at++
			return out
		}
		if p.s[p.at] == '}' {
			return out // the object around it ends: its own ] is missing
		}
		v, ok := p.value(depth)
		if !ok {
			if depth > 4*maxLDDepth {
				return out
			}
			p.at++
			continue
		}
		out = append(out, v)
	}
}

// text reads a string. A quote ends it only if JSON could continue after it, so that quotes which the CMS forgot to escape
// stay in the text.
func (p *lenientParser) text(quote byte) string {
	p.at++
	var b strings.Builder
	for p.at < len(p.s) {
		c := p.s[p.at]
		switch {
		case c == quote:
			p.at++
			if p.endsHere() {
				return b.String()
			}
			b.WriteByte(c)
		case c == '\\' && p.at+1 < len(p.s):
			p.escape(&b)
		case c < ' ':
			if c == '\n' || c == '\t' {
				b.WriteByte(c)
			} else {
				b.WriteByte(' ')
			}
			p.at++
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	return b.String()
}

// endsHere looks past a quote: it closes the string if the end or one of , : } ] follows, possibly after blanks. A comma
// must be followed by what can start a value or key, because prose has commas after quotes too.
func (p *lenientParser) endsHere() bool {
	rest := strings.TrimLeft(p.s[p.at:min(len(p.s), p.at+200)], " \t\r\n")
	if rest == "" {
		return true
	}
	switch rest[0] {
	case ':', '}', ']':
		return true
	case ',':
		rest = strings.TrimLeft(rest[1:], " \t\r\n,")
		return rest == "" || strings.ContainsRune(`"'{[}]-0123456789`, rune(rest[0])) ||
			strings.HasPrefix(rest, "true") || strings.HasPrefix(rest, "false") || strings.HasPrefix(rest, "null") || strings.HasPrefix(rest, "/")
	case ';', '/':
		return true
	case '"':
		return nextMember.MatchString(rest) // a missing comma between two members
	}
	return false
}

var nextMember = regexp.MustCompile(`^"[@\w-]{1,40}"\s*:`)

func (p *lenientParser) escape(b *strings.Builder) {
	c := p.s[p.at+1]
	p.at += 2
	switch c {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r', 'b', 'f':
		b.WriteByte(' ')
	case 'u':
		r, ok := p.hex4()
		if !ok {
			return
		}
		if utf16.IsSurrogate(r) && strings.HasPrefix(p.s[p.at:], `\u`) {
			mark := p.at
			p.at += 2
			if low, ok := p.hex4(); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				r = utf16.DecodeRune(r, low)
			} else {
				p.at = mark
			}
		}
		b.WriteRune(r) // a lone surrogate becomes U+FFFD
	default:
		b.WriteByte(c)
	}
}

func (p *lenientParser) hex4() (rune, bool) {
	if p.at+4 > len(p.s) {
		return 0, false
	}
	n, err := strconv.ParseUint(p.s[p.at:p.at+4], 16, 32)
	if err != nil {
		return 0, false
	}
	p.at += 4
	return rune(n), true
}

// word reads a number, true, false, null, or anything up to the next delimiter as text.
func (p *lenientParser) word() any {
	start := p.at
	for p.at < len(p.s) && !strings.ContainsRune(",}]\n:", rune(p.s[p.at])) {
		p.at++
	}
	if p.at == start {
		p.at++
		return nil
	}
	switch w := strings.TrimSpace(p.s[start:p.at]); w {
	case "true":
		return true
	case "false":
		return false
	case "null", "undefined":
		return nil
	default:
		if f, err := strconv.ParseFloat(w, 64); err == nil {
			return f
		}
		return w
	}
}

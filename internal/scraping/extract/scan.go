package extract

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// The bounds of a page. Newspapers' pages stay below a tenth of these; a page that exceeds a bound is cut there.
const (
	maxPageBytes = 4 << 20
	maxTokens    = 100_000
	maxValue     = 16 << 10  // bytes of an attribute's value
	maxLDBytes   = 512 << 10 // of structured data
	maxState     = 3 << 20   // of a script that holds a page's state
)

// A scanner cuts a page into tokens as the HTML standard's tokenizer does (§13.2.5), but on a string, without copying, and
// keeping only the attributes that are used. It advances whatever the bytes.
type scanner struct {
	page string
	at   int

	// The last token.
	kind  tokenKind
	text  string // of a text, as written
	name  string // of a tag, lower case
	atom  atom.Atom
	attrs []attribute // valid until the next call
	empty bool        // <name/>
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenText
	tokenStart
	tokenClose
)

type attribute struct {
	key string
	val string
}

// wanted holds the attributes that are kept.
var wanted = wordSet("aria-hidden class content datetime href hidden http-equiv id itemprop itemscope itemtype lang name property rel role style title type")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// next reads one token. It skips comments, declarations and end tags without a name.
func (s *scanner) next() tokenKind {
	start := s.at
	for s.at < len(s.page) {
		lt := strings.IndexByte(s.page[s.at:], '<')
		if lt < 0 || s.at+lt+1 >= len(s.page) {
			s.at = len(s.page)
			break
		}
		lt += s.at
		switch c := s.page[lt+1]; {
		case isLetter(c):
		case c == '/' && lt+2 < len(s.page) && isLetter(s.page[lt+2]):
		case c == '!' || c == '?' || c == '/':
			if lt > start {
				s.at = lt
				return s.textTo(start, lt)
			}
			s.skipMarkup(lt)
			start = s.at
			continue
		default:
			s.at = lt + 1
			continue
		}
		if lt > start {
			s.at = lt
			return s.textTo(start, lt)
		}
		return s.tag(lt)
	}
	if start < len(s.page) {
		return s.textTo(start, len(s.page))
	}
	s.kind = tokenEnd
	return tokenEnd
}

func (s *scanner) textTo(start, end int) tokenKind {
	s.kind, s.text = tokenText, s.page[start:end]
	return tokenText
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

// skipMarkup moves past a comment, a declaration, a processing instruction or an end tag that has no name.
func (s *scanner) skipMarkup(lt int) {
	rest := s.page[lt:]
	if strings.HasPrefix(rest, "<!--") {
		if strings.HasPrefix(rest, "<!-->") || strings.HasPrefix(rest, "<!--->") {
			s.at = lt + strings.IndexByte(rest, '>') + 1
			return
		}
		s.at = lt + 4
		s.skipPast("-->")
		return
	}
	if strings.HasPrefix(rest, "<![CDATA[") {
		s.at = lt + 9
		s.skipPast("]]>")
		return
	}
	s.at = lt + 2
	s.skipPast(">")
}

func (s *scanner) skipPast(end string) {
	if i := strings.Index(s.page[s.at:], end); i >= 0 {
		s.at += i + len(end)
		return
	}
	s.at = len(s.page)
}

// tag reads <name …> or </name …>.
func (s *scanner) tag(lt int) tokenKind {
	s.kind, s.at = tokenStart, lt+1
	if s.page[s.at] == '/' {
		s.kind = tokenClose
		s.at++
	}
	start := s.at
	for s.at < len(s.page) && !isBlank(s.page[s.at]) && s.page[s.at] != '/' && s.page[s.at] != '>' {
		s.at++
	}
	s.setName(s.page[start:s.at])
	s.attrs, s.empty = s.attrs[:0], false
	for s.at < len(s.page) {
		switch c := s.page[s.at]; {
		case c == '>':
			s.at++
			return s.kind
		case c == '/':
			s.at++
			s.empty = s.at < len(s.page) && s.page[s.at] == '>'
		case isBlank(c):
			s.at++
		default:
			s.attribute()
		}
	}
	s.kind = tokenEnd // an unterminated tag does not count
	return tokenEnd
}

func (s *scanner) setName(raw string) {
	var buf [16]byte
	if len(raw) > len(buf) {
		s.atom, s.name = 0, ""
		return
	}
	for i := range len(raw) {
		c := raw[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	if s.atom = atom.Lookup(buf[:len(raw)]); s.atom != 0 {
		s.name = s.atom.String()
		return
	}
	s.name = ""
}

func (s *scanner) attribute() {
	start := s.at
	s.at++ // whatever it is, it begins a name
	for s.at < len(s.page) && !isBlank(s.page[s.at]) && s.page[s.at] != '/' && s.page[s.at] != '>' && s.page[s.at] != '=' {
		s.at++
	}
	key := s.page[start:s.at]
	for s.at < len(s.page) && isBlank(s.page[s.at]) {
		s.at++
	}
	value := ""
	if s.at < len(s.page) && s.page[s.at] == '=' {
		value = s.value()
	}
	if s.kind != tokenStart || len(key) > 10 && len(key) != 11 {
		return
	}
	if !wanted[key] {
		if key = strings.ToLower(key); !wanted[key] {
			return
		}
	}
	for _, a := range s.attrs {
		if a.key == key { // the first attribute of a name counts
			return
		}
	}
	value = value[:min(len(value), maxValue)]
	if strings.IndexByte(value, '&') >= 0 {
		value = html.UnescapeString(value)
	}
	s.attrs = append(s.attrs, attribute{key, value})
}

// value reads ="…", ='…' or =….
func (s *scanner) value() string {
	s.at++
	for s.at < len(s.page) && isBlank(s.page[s.at]) {
		s.at++
	}
	if s.at >= len(s.page) {
		return ""
	}
	start := s.at
	if quote := s.page[s.at]; quote == '"' || quote == '\'' {
		start++
		end := strings.IndexByte(s.page[start:], quote)
		if end < 0 {
			s.at = len(s.page)
			return ""
		}
		s.at = start + end + 1
		return s.page[start : start+end]
	}
	for s.at < len(s.page) && !isBlank(s.page[s.at]) && s.page[s.at] != '>' {
		s.at++
	}
	return s.page[start:s.at]
}

// raw reads the text up to the end tag of a raw element, such as a script, and moves past that tag. An element without an
// end tag takes the rest of the page.
func (s *scanner) raw(name string) string {
	start := s.at
	for {
		lt := strings.Index(s.page[s.at:], "</")
		if lt < 0 {
			s.at = len(s.page)
			return s.page[start:]
		}
		end := s.at + lt
		s.at = end + 2
		after := s.at + len(name)
		if after < len(s.page) && strings.EqualFold(s.page[s.at:after], name) && (isBlank(s.page[after]) || s.page[after] == '>' || s.page[after] == '/') {
			s.at = after
			s.skipPast(">")
			return s.page[start:end]
		}
	}
}

package discover

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"
)

// The bounds of a feed. A parsed element costs hundreds of bytes and a copy of the namespaces in scope, however short it is
// in the document, so whatever makes a feed expensive is counted before parsing. Newspapers' feeds stay below a tenth of
// these bounds.
const (
	maxFeedDepth      = 256     // nesting of elements
	maxFeedElements   = 50_000  // 50 for each of a thousand items
	maxFeedAttributes = 100_000 // of all elements
	maxFeedTag        = 64 << 10
	maxFeedTags       = 4 << 20  // bytes of all tags: names and attributes
	maxFeedNamespaces = 64       // in scope at a time
	maxFeedText       = 32 << 20 // bytes of text; an element's text counts again for each further piece of it
)

var errFeedBounds = errors.New("the feed is out of bounds")

var utf8Declared = regexp.MustCompile(`encoding\s*=\s*(?i:"utf-8"|'utf-8')`)

// feedScan counts what a feed contains in one pass over its bytes (UTF-8), reading them as encoding/xml does when it is not
// strict.
type feedScan struct {
	elements, attributes, tagBytes, text int

	levels     []feedLevel // the elements that are open, below one for the document
	namespaces int         // declared by them
}

type feedLevel struct{ text, namespaces int }

// boundFeed says whether a feed is within the bounds and may be parsed. It does not check that the feed is well-formed:
// where it stops reading, the parser does too.
func boundFeed(b []byte) error {
	return new(feedScan).read(b)
}

func (s *feedScan) read(b []byte) error {
	s.levels = make([]feedLevel, 1, 16)
	for len(b) > 0 {
		at := bytes.IndexByte(b, '<')
		if at < 0 {
			at = len(b)
		}
		if err := s.addText(at); err != nil {
			return err
		}
		if b = b[at:]; len(b) == 0 {
			break
		}
		n, err := s.markup(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// markup reads what begins with < and says how long it is.
func (s *feedScan) markup(b []byte) (n int, err error) {
	until := func(from int, end string) int {
		if at := bytes.Index(b[from:], []byte(end)); at >= 0 {
			return from + at + len(end)
		}
		return len(b)
	}
	switch {
	case bytes.HasPrefix(b, []byte("<!--")):
		return until(len("<!--"), "-->"), nil
	case bytes.HasPrefix(b, []byte("<![CDATA[")):
		n = until(len("<![CDATA["), "]]>")
		return n, s.addText(n)
	case bytes.HasPrefix(b, []byte("<?")):
		n = until(len("<?"), "?>")
		if bytes.HasPrefix(b, []byte("<?xml")) && bytes.Contains(utf8Declared.ReplaceAll(b[:min(n, maxFeedTag)], nil), []byte("encoding")) {
			return n, fmt.Errorf("%w: an encoding is declared in its midst", errFeedBounds) // the parser would follow it
		}
		return n, nil
	case bytes.HasPrefix(b, []byte("<!")):
		return directiveEnd(b), nil
	case bytes.HasPrefix(b, []byte("</")):
		s.close()
		return until(len("</"), ">"), nil
	}
	return s.startTag(b)
}

// addText counts a piece of text. With each further piece of the same element's text the parser may copy all the pieces
// before it.
func (s *feedScan) addText(n int) error {
	if n == 0 {
		return nil
	}
	top := &s.levels[len(s.levels)-1]
	top.text += n
	if s.text += top.text; s.text > maxFeedText {
		return fmt.Errorf("%w: more than %d bytes of text in pieces", errFeedBounds, maxFeedText)
	}
	return nil
}

func (s *feedScan) close() {
	if last := len(s.levels) - 1; last > 0 {
		s.namespaces -= s.levels[last].namespaces
		s.levels = s.levels[:last]
	}
}

// startTag reads <name attribute="value" …> or <name …/>.
func (s *feedScan) startTag(b []byte) (n int, err error) {
	var level feedLevel
	named, value := true, false // inside a name, or inside an unquoted value
	i := 1
scan:
	for ; i < len(b) && i <= maxFeedTag; i++ {
		switch c := b[i]; c {
		case '>':
			i++
			break scan
		case '"', '\'':
			end := bytes.IndexByte(b[i+1:], c)
			if end < 0 {
				return len(b), nil // the parser finds no end either
			}
			i += end + 1
			named = false
		case ' ', '\t', '\r', '\n', '/':
			named = false
		case '=':
			named, value = true, true
		default:
			if named && (!value || c < utf8.RuneSelf) {
				continue
			}
			named, value = true, false // a letter beyond ASCII ends a value
			s.attributes++
			if bytes.HasPrefix(b[i:], []byte("xmlns")) {
				level.namespaces++
			}
		}
	}
	s.elements++
	s.tagBytes += i
	s.namespaces += level.namespaces
	s.levels = append(s.levels, level)
	err = s.check(i)
	if i > 1 && b[i-1] == '>' && b[i-2] == '/' {
		s.close()
	}
	return i, err
}

func (s *feedScan) check(tag int) error {
	for _, bound := range []struct {
		is, most int
		of       string
	}{
		{len(s.levels) - 1, maxFeedDepth, "levels"},
		{s.elements, maxFeedElements, "elements"},
		{s.attributes, maxFeedAttributes, "attributes"},
		{tag, maxFeedTag, "bytes in a tag"},
		{s.tagBytes, maxFeedTags, "bytes of tags"},
		{s.namespaces, maxFeedNamespaces, "namespaces"},
	} {
		if bound.is > bound.most {
			return fmt.Errorf("%w: more than %d %s", errFeedBounds, bound.most, bound.of)
		}
	}
	return nil
}

// directiveEnd finds the end of <!DOCTYPE …> and other directives: they may contain quotes, comments and nested directives.
func directiveEnd(b []byte) int {
	depth, quote := 0, byte(0)
	for i := 3; i < len(b); i++ { // whatever the first character is
		switch c := b[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			if depth == 0 {
				return i + 1
			}
			depth--
		case bytes.HasPrefix(b[i:], []byte("<!--")):
			end := bytes.Index(b[i+4:], []byte("-->"))
			if end < 0 {
				return len(b)
			}
			i += 4 + end + 2
		case c == '<':
			depth++
		}
	}
	return len(b)
}

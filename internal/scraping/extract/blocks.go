package extract

import (
	"strings"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// A pruner knows which elements of one page hold no text of the article. Names are unreliable: a wrapper may be called
// "has-sidebar", and a whole page may be inside a form. So an element that holds a good share of the page's prose is kept,
// whatever its name.
type pruner struct {
	root  *node
	names map[string]names // a few names are repeated thousands of times

	bodyRoot *node // the element that the text was taken from
	best     *node // the element in it that the paragraphs voted for, if they did
}

// keptShare is the share of the page's prose with which an element is kept despite its name.
const keptShare = 0.4

// newPruner learns what every element under root is called and how much prose it holds.
func newPruner(root *node) *pruner {
	p := &pruner{root: root, names: map[string]names{}}
	p.learn(root)
	return p
}

func (p *pruner) learn(n *node) {
	prose := 0
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.isText {
			// Text directly in a div counts if it is long enough to be a sentence.
			if len(c.Text) > 20 {
				if size := len(strings.TrimSpace(c.Text)); size >= 80 || (n.Tag == atom.P && size > 20) {
					prose += size
				}
			}
			n.size += len(c.Text)
			continue
		}
		for _, a := range c.Attr {
			if a.key == "class" || a.key == "id" {
				found, known := p.names[a.val]
				if !known {
					found = namesIn(a.val)
					p.names[a.val] = found
				}
				c.names |= found
			}
		}
		if !c.is(isInvisible) {
			p.learn(c)
			prose += c.prose
			n.marked += c.marked
			n.size += c.size
			n.linked += c.linked
		}
	}
	n.prose = prose
	if n.names&namesContent != 0 {
		n.marked = prose
	}
	if n.Tag == atom.A {
		n.linked = n.size
	}
}

// judge decides for every element whether it can hold text of the article. byName takes the element's names into account; a
// second, laxer attempt ignores them. It then measures what is left.
func (p *pruner) judge(byName bool) {
	p.judgeUnder(p.root, byName, false)
}

func (p *pruner) judgeUnder(n *node, byName, inLink bool) {
	inLink = inLink || n.Tag == atom.A
	size, linked, kept := 0, 0, 0
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.isText {
			chars := len(c.Text)
			if chars < 256 {
				chars = len(strings.TrimSpace(c.Text))
			}
			size += chars
			c.skip = false
			if !inLink && (chars >= 80 || n.Tag == atom.P && chars > 20) {
				kept += chars
			}
			if inLink {
				linked += chars
			}
			continue
		}
		c.left = false
		c.skip = c.is(isInvisible) || (surrounds(c) || byName && namedAside(c)) && (float64(c.prose) < keptShare*float64(p.root.prose) || c.Tag == atom.Footer && byName && !holdsHeadline(c))
		if c.skip {
			c.size, c.linked, c.kept = 0, 0, 0
			continue
		}
		p.judgeUnder(c, byName, inLink)
		size += c.size
		linked += c.linked
		kept += c.kept
	}
	n.size, n.linked, n.kept = size, linked, kept
}

// holdsHeadline says whether an element can hold an article with its headline.
func holdsHeadline(n *node) bool {
	return findFirst(n, isTag(atom.H1, atom.Article, atom.Main)) != nil
}

// surrounds says whether an element's kind alone rules out that it holds text of the article.
func surrounds(n *node) bool {
	switch n.Tag {
	case atom.Nav, atom.Footer, atom.Aside, atom.Form, atom.Button, atom.Input, atom.Figcaption, atom.Figure, atom.Picture, atom.Video,
		atom.Audio, atom.Menu, atom.Dialog, atom.Label, atom.Fieldset, atom.Map:
		return true
	case atom.Html, atom.Body, atom.Article, atom.Main:
		return false
	}
	if n.Tag == atom.P && n.names&namesPaywall != 0 && n.prose >= captionLine {
		return false // hidden from those who have not subscribed
	}
	for _, a := range n.Attr {
		switch a.key {
		case "hidden":
			return true
		case "aria-hidden":
			if strings.EqualFold(a.val, "true") {
				return true
			}
		case "role":
			if surroundingRoles[a.val] || surroundingRoles[strings.ToLower(a.val)] {
				return true
			}
		case "style":
			if hides(a.val) {
				return true
			}
		}
	}
	return false
}

var surroundingRoles = wordSet("navigation complementary banner contentinfo search dialog menu toolbar alert")

// hides says whether a style hides its element.
func hides(style string) bool {
	for property := range strings.SplitSeq(style, ";") {
		key, value, _ := strings.Cut(property, ":")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "display":
			if hasPrefixFold(strings.TrimSpace(value), "none") {
				return true
			}
		case "visibility":
			if hasPrefixFold(strings.TrimSpace(value), "hidden") {
				return true
			}
		}
	}
	return false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// namedAside says whether an element's names are those of what surrounds an article.
func namedAside(n *node) bool {
	switch n.Tag {
	case atom.Html, atom.Body, atom.Article, atom.Main:
		return false
	}
	switch {
	case n.names&(namesAside|namesPerhaps|namesPicture|namesWidget) == 0, n.names&namesContent != 0, hasWord(n, "itemprop", "articleBody"):
		return false
	case n.Tag == atom.A && n.Parent.Tag == atom.P && n.Parent.prose >= captionLine && n.size < captionLine: // a name in a sentence that links to its tag
		return false
	case n.marked*2 > n.prose && n.marked >= perhapsText: // "sidebar-grid" around the article's text
		return false
	case n.names&namesAside != 0:
		return true
	case n.names&namesPicture != 0 && n.prose < captionLength && !n.is(isInline) && holdsPicture(n):
		return true
	case n.is(headline | isRowPart | isItem | isInline):
		return false // "widget-title", "player-12": such names are about what is in them
	case n.names&namesPerhaps != 0:
		return n.prose < perhapsText && (n.Tag != atom.P || n.prose < captionLine)
	case n.names&namesWidget != 0:
		return n.prose < perhapsText && (n.size == 0 || n.linked*3 > n.size)
	}
	return false
}

const (
	captionLength = 300 // the longest caption of a picture, in bytes of prose
	captionLine   = 80  // the least prose, in bytes, of a paragraph with a doubtful name that counts as text
	perhapsText   = 200 // the least prose with which a doubtful element counts as text
)

func holdsPicture(n *node) bool {
	return findFirst(n, func(d *node) bool { return d.Tag == atom.Img || d.Tag == atom.Picture || d.Tag == atom.Video }) != nil
}

// A block is one paragraph, heading, list item or table cell of the visible text.
type block struct {
	text  string
	links int // characters inside links
	tag   atom.Atom
}

// blocks renders the text under n as blocks, leaving out what is not text of the article.
func (p *pruner) blocks(n *node) []block {
	w := &blockWriter{pruner: p}
	w.walk(n, atom.Div)
	w.flush(atom.Div)
	return w.out
}

type blockWriter struct {
	pruner *pruner
	out    []block
	line   strings.Builder
	links  int
	inA    int
}

func (w *blockWriter) flush(tag atom.Atom) {
	if text := source.Collapse(w.line.String()); text != "" {
		w.out = append(w.out, block{text: text, links: w.links, tag: tag})
	}
	w.line.Reset()
	w.links = 0
}

func (w *blockWriter) walk(n *node, within atom.Atom) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !c.isText {
			w.element(c, within)
			continue
		}
		if c.skip {
			continue
		}
		w.line.WriteString(c.Text)
		if w.inA > 0 {
			w.links += len(strings.TrimSpace(c.Text))
		}
	}
}

func (w *blockWriter) element(c *node, within atom.Atom) {
	if c.skip {
		return
	}
	if c.Tag == atom.Br {
		// Two in a row separate paragraphs; a single one is a line break within a paragraph.
		if next := nextMeaningful(c); next != nil && next.Tag == atom.Br {
			w.flush(within)
		} else {
			w.line.WriteByte(' ')
		}
		return
	}
	if c.is(isInline) {
		if c.Tag == atom.A {
			w.inA++
			defer func() { w.inA-- }()
		}
		w.walk(c, within)
		return
	}
	w.flush(within)
	w.walk(c, c.Tag)
	w.flush(c.Tag)
}

// nextMeaningful is the next sibling that is not blank text.
func nextMeaningful(n *node) *node {
	for s := n.NextSibling; s != nil; s = s.NextSibling {
		if !s.isText || s.isText && strings.TrimSpace(s.Text) != "" {
			return s
		}
	}
	return nil
}

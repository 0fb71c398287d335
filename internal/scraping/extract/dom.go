package extract

import (
	"strings"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

func attr(n *node, key string) string {
	for _, a := range n.Attr {
		if a.key == key {
			return a.val
		}
	}
	return ""
}

func hasAttr(n *node, key string) bool {
	for _, a := range n.Attr {
		if a.key == key {
			return true
		}
	}
	return false
}

// hasWord says whether a space-separated attribute (class, rel, itemprop) contains a word, ignoring case.
func hasWord(n *node, key, word string) bool {
	for w := range strings.FieldsSeq(attr(n, key)) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// find lists the elements under n, in document order, for which keep says yes.
func find(n *node, keep func(*node) bool) []*node {
	var out []*node
	for d := range n.descendants() {
		if !d.isText && keep(d) {
			out = append(out, d)
		}
	}
	return out
}

func findFirst(n *node, keep func(*node) bool) *node {
	for d := range n.descendants() {
		if !d.isText && keep(d) {
			return d
		}
	}
	return nil
}

func isTag(tags ...atom.Atom) func(*node) bool {
	return func(n *node) bool {
		for _, t := range tags {
			if n.Tag == t {
				return true
			}
		}
		return false
	}
}

// inside says whether one of n's ancestors (n excluded) satisfies is.
func inside(n *node, is func(*node) bool) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if is(p) {
			return true
		}
	}
	return false
}

// rawText is all text under n, unchanged and with scripts included (it is used to read scripts).
func rawText(n *node) string {
	var b strings.Builder
	for d := range n.descendants() {
		if d.isText {
			b.WriteString(d.Text)
		}
	}
	return b.String()
}

// inlineText is the visible text under n on one line.
func inlineText(n *node) string {
	var b strings.Builder
	writeInline(&b, n)
	return source.Collapse(b.String())
}

func writeInline(b *strings.Builder, n *node) {
	if n.isText {
		b.WriteString(n.Text)
		return
	}
	if n.is(isInvisible) {
		return
	}
	if n.Tag == atom.Br {
		b.WriteByte(' ')
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		writeInline(b, c)
	}
	if !n.is(isInline) {
		b.WriteByte(' ')
	}
}

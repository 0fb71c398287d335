package extract

import (
	"strings"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// hasWord says whether a blank-separated attribute holds a word, whatever its case: class, rel, itemprop.
func hasWord(n *html.Node, key, word string) bool {
	for w := range strings.FieldsSeq(attr(n, key)) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// find lists the elements under n, in document order, for which keep says yes.
func find(n *html.Node, keep func(*html.Node) bool) []*html.Node {
	var out []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && keep(d) {
			out = append(out, d)
		}
	}
	return out
}

func findFirst(n *html.Node, keep func(*html.Node) bool) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && keep(d) {
			return d
		}
	}
	return nil
}

func isTag(tags ...atom.Atom) func(*html.Node) bool {
	return func(n *html.Node) bool {
		for _, t := range tags {
			if n.DataAtom == t {
				return true
			}
		}
		return false
	}
}

// inside says whether one of n's ancestors (n excluded) satisfies is.
func inside(n *html.Node, is func(*html.Node) bool) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Type == html.ElementNode && is(p) {
			return true
		}
	}
	return false
}

// rawText is all text under n as it stands, scripts included (it reads scripts).
func rawText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// inlineText is the visible text under n on one line.
func inlineText(n *html.Node) string {
	var b strings.Builder
	writeInline(&b, n)
	return source.Collapse(b.String())
}

func writeInline(b *strings.Builder, n *html.Node) {
	switch n.Type {
	case html.TextNode:
		b.WriteString(n.Data)
		return
	case html.ElementNode:
		if invisible[n.DataAtom] {
			return
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		writeInline(b, c)
	}
	if n.Type == html.ElementNode && !source.Inline(n.Data) {
		b.WriteByte(' ')
	}
}

var invisible = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Iframe: true, atom.Svg: true,
	atom.Object: true, atom.Embed: true, atom.Canvas: true, atom.Head: true, atom.Select: true, atom.Textarea: true,
}

package extract

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// domBody finds the article's text in the page's elements: the element marked as the body where there is one with
// text in it, else the element in which paragraphs of prose are densest (after Arc90's Readability, 2009: paragraphs
// vote for their parent and, by half, for their grandparent). Where next to nothing is found, it looks again without
// judging elements by their names.
func domBody(doc *html.Node) []block {
	p := newPruner(doc, true)
	found := p.body(doc)
	if letters(found) < minMarkedBody {
		if again := newPruner(doc, false).body(doc); letters(again) > 2*letters(found) {
			return again
		}
	}
	return found
}

func (p *pruner) body(doc *html.Node) []block {
	if marked := p.markedBody(doc); marked != nil {
		if b := prose(p.blocks(marked)); letters(b) >= minMarkedBody {
			return b
		}
	}
	scores := map[*html.Node]float64{}
	var order []*html.Node // candidates in document order, so that ties are settled the same way every time
	vote := func(n *html.Node, points float64) {
		if n == nil || n.Type != html.ElementNode || n.DataAtom == atom.Html {
			return
		}
		if _, seen := scores[n]; !seen {
			order = append(order, n)
			scores[n] = nameBonus(n)
		}
		scores[n] += points
	}
	p.voteFor(doc, func(holder *html.Node, points float64) {
		vote(holder, points)
		if second := p.above(holder); second != nil {
			vote(second, points/2)
			vote(p.above(second), points/6)
		}
	})
	var best *html.Node
	bestScore := 0.0
	for _, n := range order {
		if s := scores[n] * (1 - p.linkDensity(n)); s > bestScore {
			best, bestScore = n, s
		}
	}
	if best == nil {
		return nil
	}
	return prose(p.withSiblings(best, scores, bestScore))
}

// above is the nearest ancestor that holds more prose than n: wrappers around a single paragraph or block are passed
// over, for editors build pages of them.
func (p *pruner) above(n *html.Node) *html.Node {
	for range 4 {
		up := n.Parent
		if up == nil || up.Type != html.ElementNode || up.DataAtom == atom.Body || up.DataAtom == atom.Article || p.amount[up] != p.amount[n] {
			break
		}
		n = up
	}
	if n.Parent == nil || n.Parent.Type != html.ElementNode {
		return nil
	}
	return n.Parent
}

// minMarkedBody is the least text, in letters, for which an element's mark as the article's body is believed.
const minMarkedBody = 250

// markedBody is the element with the most text among those marked as the article's body by microdata.
func (p *pruner) markedBody(doc *html.Node) *html.Node {
	var best *html.Node
	most := 0
	for _, n := range find(doc, func(n *html.Node) bool { return hasWord(n, "itemprop", "articleBody") }) {
		if size := letters(p.blocks(n)); size > most {
			best, most = n, size
		}
	}
	return best
}

// voteFor walks the visible page and calls vote for the parent of every paragraph of prose.
func (p *pruner) voteFor(n *html.Node, vote func(parent *html.Node, points float64)) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode || p.skip[c] {
			continue
		}
		switch c.DataAtom {
		case atom.P:
			if points := proseScore(inlineText(c)); points > 0 {
				vote(p.above(c), points*(1-p.linkDensity(c)))
			}
		case atom.Div, atom.Section, atom.Article, atom.Td, atom.Main, atom.Span, atom.Pre, atom.Blockquote:
			if points := proseScore(ownText(c)); points > 0 { // text straight in a div, parted by <br>
				vote(c, points)
			}
		}
		p.voteFor(c, vote)
	}
}

// ownText is the text of n that belongs to no block inside it.
func ownText(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case c.Type == html.ElementNode && source.Inline(c.Data) && c.DataAtom != atom.A && c.DataAtom != atom.Span:
			writeInline(&b, c)
		}
	}
	return source.Collapse(b.String())
}

// proseScore rates a paragraph: nothing below 25 characters, then a point, one for each comma and one for each hundred
// characters, up to three.
func proseScore(s string) float64 {
	n := utf8.RuneCountInString(s)
	if n < 25 {
		return 0
	}
	return 1 + float64(strings.Count(s, ",")+strings.Count(s, "،")+strings.Count(s, "、")) + min(float64(n)/100, 3)
}

func nameBonus(n *html.Node) float64 {
	bonus := 0.0
	switch n.DataAtom {
	case atom.Article, atom.Main:
		bonus += 8
	case atom.Div, atom.Section:
		bonus += 3
	case atom.Ul, atom.Ol, atom.Form, atom.Table, atom.Header, atom.Th:
		bonus -= 5
	}
	if content.MatchString(attr(n, "class") + " " + attr(n, "id")) {
		bonus += 25
	}
	return bonus
}

// linkDensity is the share of n's visible text that stands in links.
func (p *pruner) linkDensity(n *html.Node) float64 {
	if p.text[n] == 0 {
		return 0
	}
	return float64(p.linked[n]) / float64(p.text[n])
}

// withSiblings renders best and those of its siblings that go on with the article: bodies are split around
// advertisements.
func (p *pruner) withSiblings(best *html.Node, scores map[*html.Node]float64, bestScore float64) []block {
	if best.Parent == nil || best.DataAtom == atom.Body {
		return p.blocks(best)
	}
	threshold := max(10, bestScore*0.2)
	class := attr(best, "class")
	var out []block
	for s := best.Parent.FirstChild; s != nil; s = s.NextSibling {
		if s.Type != html.ElementNode || (s != best && p.skip[s]) {
			continue
		}
		bonus := 0.0
		if class != "" && attr(s, "class") == class {
			bonus = bestScore * 0.2
		}
		switch {
		case s == best, scores[s]+bonus >= threshold && scores[s] > 0:
			out = append(out, p.blocks(s)...)
		case s.DataAtom == atom.P:
			text := inlineText(s)
			if utf8.RuneCountInString(text) > 80 && p.linkDensity(s) < 0.25 {
				out = append(out, block{text: text, tag: atom.P})
			}
		}
	}
	return out
}

// teaser matches the lines that send the reader elsewhere.
var teaser = regexp.MustCompile(`(?i)^(?:lea|leer|vea|ver|mire|escuche|siga|sigue|conozca|descubra)\s+(?:tambi[eé]n|adem[aá]s|m[aá]s|leyendo|aqu[ií])\b|` +
	`^(?:te|le)\s+(?:puede|podr[ií]a|recomendamos)\b.{0,12}interesar|^(?:puede|podr[ií]a)\s+interesarle|^puede leer\s*:|^sugerimos\s*:|^relacionado\s*:|^recomendado\s*:|^en contexto\s*:|` +
	`^contenido patrocinado|^enlaces patrocinados|^publicidad$|^advertisement$|^s[ií]ga(?:nos|n?os)? en\b|^s[ií]guenos\b|^suscr[ií]b[ae]te|^reciba nuestro|^audio generado|` +
	`^(?:read|see|watch)\s+(?:more|also|next)\b|^related\s*:|^sign up (?:for|to)\b|^subscribe\b|^follow us\b|^click here\b|^photo(?:graph)?\s*:|^image (?:source|credit)|^foto\s*:|^cortes[ií]a\b`)

// prose drops the blocks that are no part of the telling: links out, teasers, crumbs before and after.
func prose(blocks []block) []block {
	out := make([]block, 0, len(blocks))
	for _, b := range blocks {
		if b.links*10 > len(b.text)*7 && len(b.text) < 400 { // a line that is mostly a link
			continue
		}
		if utf8.RuneCountInString(b.text) < 220 && teaser.MatchString(b.text) {
			continue
		}
		if !strings.ContainsFunc(b.text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			continue
		}
		if len(out) > 0 && out[len(out)-1].text == b.text {
			continue
		}
		out = append(out, b)
	}
	// Headings with nothing under them are the titles of what was dropped.
	for len(out) > 0 && isHeading(out[len(out)-1].tag) {
		out = out[:len(out)-1]
	}
	if len(out) > 0 && out[0].tag == atom.H1 {
		out = out[1:]
	}
	return slices.Clip(out)
}

func isHeading(tag atom.Atom) bool {
	switch tag {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

func letters(blocks []block) int {
	n := 0
	for _, b := range blocks {
		n += utf8.RuneCountInString(b.text)
	}
	return n
}

func joinBlocks(blocks []block) string {
	parts := make([]string, len(blocks))
	for i, b := range blocks {
		parts[i] = b.text
	}
	return strings.Join(parts, "\n\n")
}

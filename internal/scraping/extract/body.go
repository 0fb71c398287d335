package extract

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// domBody finds the article's text in the page's elements: the element marked as the body if there is one with text in it,
// else the element where paragraphs of prose are densest (after Arc90's Readability, 2009: paragraphs vote for their parent
// and, by half, for their grandparent). If it finds next to nothing, it looks again without judging elements by their
// names.
func (p *pruner) domBody() []block {
	p.judge(true)
	found := p.body(p.root)
	if letters(found) < minMarkedBody {
		p.judge(false)
		if again := p.body(p.root); letters(again) > 2*letters(found) {
			return again
		}
	}
	return found
}

func (p *pruner) body(doc *node) []block {
	if marked := p.markedBody(doc); marked != nil {
		if b := prose(p.blocks(marked)); letters(b) >= minMarkedBody {
			p.bodyRoot = marked
			return b
		}
	}
	var order []*node // candidates in document order, so that ties always break the same way
	vote := func(n *node, points float64) {
		if n == nil || n.Parent == nil || n.Tag == atom.Html {
			return
		}
		if n.score == unscored {
			order = append(order, n)
			n.score = nameBonus(n)
		}
		n.score += points
	}
	doc.score = unscored
	for n := range doc.descendants() {
		n.score = unscored
	}
	p.voteFor(doc, func(holder *node, points float64) {
		vote(holder, points)
		if second := p.above(holder); second != nil {
			vote(second, points/2)
			vote(p.above(second), points/6)
		}
	})
	var best *node
	bestScore := 0.0
	for _, n := range order {
		if n != doc && doc != p.root && !inside(n, func(up *node) bool { return up == doc }) {
			continue
		}
		if s := n.score * (1 - n.linkDensity()); s > bestScore {
			best, bestScore = n, s
		}
	}
	if best == nil {
		return nil
	}
	p.bodyRoot = p.widen(best)
	return prose(p.blocks(p.bodyRoot))
}

// above is the nearest ancestor that holds more prose than n: wrappers around a single paragraph or block are skipped,
// because editors build pages from them.
func (p *pruner) above(n *node) *node {
	for range 4 {
		up := n.Parent
		if up == nil || up.Parent == nil || up.Tag == atom.Body || up.Tag == atom.Article || up.prose != n.prose {
			break
		}
		n = up
	}
	if n.Parent == nil || n.Parent.Parent == nil {
		return nil
	}
	return n.Parent
}

// minMarkedBody is the least text, in letters, for which an element's mark as the article's body is believed.
const minMarkedBody = 250

// markedBody is the element with the most text among those marked as the article's body by microdata.
func (p *pruner) markedBody(doc *node) *node {
	var best *node
	most := 0
	for _, n := range find(doc, func(n *node) bool { return hasWord(n, "itemprop", "articleBody") }) {
		if size := letters(p.blocks(n)); size > most {
			best, most = n, size
		}
	}
	return best
}

// voteFor walks the visible page and calls vote for the parent of every paragraph of prose.
func (p *pruner) voteFor(n *node, vote func(parent *node, points float64)) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.isText || c.skip {
			continue
		}
		switch c.Tag {
		case atom.P:
			if points := proseScore(inlineText(c)); points > 0 {
				vote(p.above(c), points*(1-c.linkDensity()))
			}
		case atom.Div, atom.Section, atom.Article, atom.Td, atom.Main, atom.Span, atom.Pre, atom.Blockquote:
			if points := proseScore(ownText(c)); points > 0 { // text directly in a div, split by <br>
				vote(c, points)
			}
		}
		p.voteFor(c, vote)
	}
}

// ownText is the text of n outside any block in it.
func ownText(n *node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.isText:
			b.WriteString(c.Text)
		case !c.isText && c.is(isInline) && c.Tag != atom.A && c.Tag != atom.Span:
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

func nameBonus(n *node) float64 {
	bonus := 0.0
	switch n.Tag {
	case atom.Article, atom.Main:
		bonus += 8
	case atom.Div, atom.Section:
		bonus += 3
	case atom.Ul, atom.Ol, atom.Form, atom.Table, atom.Header, atom.Th:
		bonus -= 5
	}
	if n.names&namesContent != 0 {
		bonus += 25
	}
	return bonus
}

// unscored is the score of an element that got no vote.
const unscored = -1e9

// linkDensity is the share of n's visible text that stands in links.
func (n *node) linkDensity() float64 {
	if n.size == 0 {
		return 0
	}
	return float64(n.linked) / float64(n.size)
}

// prose drops the blocks that are not part of the story: links elsewhere, teasers, fragments before and after.
func prose(blocks []block) []block {
	out := make([]block, 0, len(blocks))
	listed := false // under a line that announces other stories
	for _, b := range blocks {
		if announcesOthers(b.text) {
			listed = true
			continue
		}
		if listed = listed && b.links > 0 && (b.tag == atom.Li || b.links*2 > len(b.text)); listed {
			continue
		}
		if b.links*10 > len(b.text)*7 && len(b.text) < 400 { // a line that is mostly a link
			continue
		}
		if isTeaser(b.text) {
			continue
		}
		b.text = withoutAsides(b.text)
		if !strings.ContainsFunc(b.text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			continue
		}
		if len(out) > 0 && out[len(out)-1].text == b.text && b.tag != atom.Td { // neighbouring cells may well be equal
			continue
		}
		out = append(out, b)
	}
	// Headings with nothing under them are the titles of what was dropped.
	for len(out) > 0 && headingTag(out[len(out)-1].tag) {
		out = out[:len(out)-1]
	}
	if len(out) > 0 && out[0].tag == atom.H1 {
		out = out[1:]
	}
	return slices.Clip(out)
}

func headingTag(tag atom.Atom) bool {
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

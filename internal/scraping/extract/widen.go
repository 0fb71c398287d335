package extract

import (
	"golang.org/x/net/html/atom"
)

// Bodies stand in several containers: leads apart from the rest, sections of an editor's blocks, parts around
// advertisements. widen climbs from the best element to the one that holds the whole article. At each level it marks
// siblings that are not part of the article as skipped.
func (p *pruner) widen(best *node) *node {
	limit := articleAround(best)
	p.best = best
	cur, level := best, 0
	for cur != limit && cur.Parent != nil && cur.Parent.Parent != nil && cur.Tag != atom.Body {
		up := cur.Parent
		before, begun := true, false
		if up.kept > cur.kept {
			level++
		}
		for c := up.FirstChild; c != nil; c = c.NextSibling {
			if c == cur {
				before, begun = false, true
				continue
			}
			switch {
			case c.skip:
			case up.names&namesContent != 0 && belongs(c), goesOn(c, cur, before, level):
				begun = begun || !c.isText && c.kept > 0
			case begun && headsOnly(c):
			default:
				c.skip, c.left = true, true
			}
		}
		cur = up
	}
	return cur
}

// articleAround is the outermost element that can hold nothing but the article that n is in.
func articleAround(n *node) *node {
	var article, main, headed *node
	for up := n; up != nil && up.Parent != nil && up.Tag != atom.Body && up.Tag != atom.Html; up = up.Parent {
		switch {
		case up.Tag == atom.Article && article == nil:
			article = up
		case up.Tag == atom.Main || hasWord(up, "role", "main"):
			main = up
		}
		if headed == nil && hasHeadline(up) {
			headed = up
		}
	}
	switch {
	case article != nil && (main == nil || article.kept*10 >= main.kept*6):
		return article
	case main != nil:
		return main
	case headed != nil:
		return headed
	}
	return n
}

func hasHeadline(n *node) bool {
	return findFirst(n, func(d *node) bool { return d.Tag == atom.H1 }) != nil
}

// headsOnly says whether an element holds a heading and nothing else: editors put them in boxes of their own.
func headsOnly(c *node) bool {
	if c.isText || c.linked > 0 || c.size == 0 || c.size > longestLine {
		return false
	}
	head := findFirst(c, func(d *node) bool { return d.is(headline) })
	return head != nil && head.Tag != atom.H1 && head.size >= c.size
}

// belongs says whether an element in the one that is named as the article's text is part of it.
func belongs(c *node) bool {
	return !c.isText && c.names&namesTeasers == 0 && c.kept >= 200 && c.linkDensity() < 0.5
}

// goesOn says whether an element beside the body continues it: prose with few links, no titles of other articles and no
// form fields. An element after the body, or farther from it, must be a good part of its size: such elements are more often
// about the author or the newspaper.
func goesOn(c, body *node, before bool, level int) bool {
	if c.isText {
		return len(c.Text) >= 80
	}
	least := 80
	if level > 1 && !before {
		least = max(200, body.kept/8)
	}
	switch {
	case c.is(headline):
		return !before && c.linked == 0 && c.Tag != atom.H1
	case c.Tag == atom.P:
		return c.kept >= least && c.linkDensity() < 0.25
	case c.is(isInline):
		return false
	case c.names&namesTeasers != 0 || c.kept < least || c.linkDensity() >= 0.3 || c.kept*2 < c.size:
		return false
	}
	titles := 0
	for d := range c.descendants() {
		switch {
		case d.Tag == atom.Form || d.Tag == atom.Input || d.Tag == atom.H1:
			return false
		case !d.skip && d.is(headline) && (d.linked > 0 || inside(d, isTag(atom.A))):
			titles++
		}
	}
	return titles*400 < c.kept
}

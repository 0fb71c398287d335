package extract

import (
	"regexp"
	"strings"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// aside matches the class and id names of what surrounds an article's text: navigation, related stories, sharing,
// advertising, comments, bylines, captions. Names of components, never of newspapers.
var aside = regexp.MustCompile(`(?i)(?:^|[-_\s])(?:related|relacionad[oa]s?|recomendad[oa]s?|recommend\w*|share|sharing|social|compartir|redes|comments?|comentarios?|disqus|` +
	`newsletters?|boletin|subscri\w*|suscri\w*|signup|paywall-?\w*|promo\w*|advert\w*|ads?|adbox|banner|publicidad|sponsor\w*|patrocin\w*|outbrain|taboola|` +
	`sidebar|rail|breadcrumbs?|migas|menu|nav|navbar|navigation|footer|pie|masthead|popup|modal|cookies?|consent|gdpr|` +
	`byline|author|autor|author-?bio|bio|tags?|taglist|etiquetas|temas|topics|keywords|caption|captions|figcaption|credits?|creditos?|copyright|` +
	`most-?(?:read|popular|viewed)|masleid[oa]s?|mas-leid[oa]s?|popular|trending|more-?(?:news|stories|from|on)|read-?(?:more|also|next)|readmore|lea-?(?:tambien|mas)|` +
	`also|teasers?|carousel|slider|slideshow|gallery|galeria|widgets?|pagination|pager|toolbar|tools|print|skip|hidden|hide|visually-hidden|sr-only|screen-reader-text|` +
	`donate|donation|timestamp|dateline|meta|metadata|post-?meta|entry-?meta|player|toc|table-of-contents|infobox|factbox|poll|quiz|login|register|feedback|correction)(?:[-_\s]|$)`)

// content matches names that hold an article's text: they save an element from aside.
var content = regexp.MustCompile(`(?i)article-?_?(?:body|content|text)|body-?_?(?:text|content|copy)|story-?_?(?:body|content|text)|entry-?_?content|post-?_?(?:content|body|text)|` +
	`articulo-?(?:contenido|cuerpo|texto)|contenido-?(?:articulo|nota|noticia)|cuerpo|noticia-?(?:texto|cuerpo|content)|texto-?(?:noticia|nota)|main-?content`)

// A pruner knows which elements of one page hold no text of the article. Names lie: a wrapper may be called
// "has-sidebar" or a whole page stand in a form. So an element that holds a good share of the page's prose is kept,
// whatever it is called.
type pruner struct {
	skip   map[*html.Node]bool
	amount map[*html.Node]int // bytes of prose under each element
	text   map[*html.Node]int // bytes of visible text under each element
	linked map[*html.Node]int // of these, in links
}

// keptShare is the share of the page's prose that saves an element from its name.
const keptShare = 0.4

// newPruner judges every element under doc; names counts class and id names, which a second, laxer attempt ignores.
func newPruner(doc *html.Node, names bool) *pruner {
	p := &pruner{skip: map[*html.Node]bool{}, amount: map[*html.Node]int{}, text: map[*html.Node]int{}, linked: map[*html.Node]int{}}
	total := proseAmounts(doc, p.amount)
	verdicts := map[string]bool{} // the same few names come thousands of times
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.Type != html.ElementNode {
				continue
			}
			if invisible[c.DataAtom] {
				p.skip[c] = true
				continue
			}
			if (surrounds(c) || names && namedAside(c, verdicts)) && float64(p.amount[c]) < keptShare*float64(total) {
				p.skip[c] = true
				continue
			}
			walk(c)
		}
	}
	walk(doc)
	p.measure(doc, false)
	return p
}

// measure counts text and linked text under n once, for all that ask later.
func (p *pruner) measure(n *html.Node, inLink bool) {
	inLink = inLink || n.DataAtom == atom.A
	text, linked := 0, 0
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.Type == html.TextNode:
			size := len(strings.TrimSpace(c.Data))
			text += size
			if inLink {
				linked += size
			}
		case c.Type == html.ElementNode && !p.skip[c]:
			p.measure(c, inLink)
			text += p.text[c]
			linked += p.linked[c]
		}
	}
	p.text[n], p.linked[n] = text, linked
}

// proseAmounts counts, for every element, the characters in paragraphs under it.
func proseAmounts(n *html.Node, amount map[*html.Node]int) int {
	total := 0
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.Type == html.TextNode:
			// Text straight in a div counts where it is long enough to be a sentence.
			if size := len(strings.TrimSpace(c.Data)); size >= 80 || (n.DataAtom == atom.P && size > 20) {
				total += size
			}
		case c.Type == html.ElementNode && !invisible[c.DataAtom]:
			total += proseAmounts(c, amount)
		}
	}
	amount[n] = total
	return total
}

// surrounds says whether an element is by its kind no text of the article.
func surrounds(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Nav, atom.Footer, atom.Aside, atom.Form, atom.Button, atom.Input, atom.Figcaption, atom.Figure, atom.Picture, atom.Video,
		atom.Audio, atom.Menu, atom.Dialog, atom.Label, atom.Fieldset, atom.Map:
		return true
	case atom.Html, atom.Body, atom.Article, atom.Main:
		return false
	}
	if hasAttr(n, "hidden") || strings.EqualFold(attr(n, "aria-hidden"), "true") {
		return true
	}
	switch strings.ToLower(attr(n, "role")) {
	case "navigation", "complementary", "banner", "contentinfo", "search", "dialog", "menu", "toolbar", "alert":
		return true
	}
	style := attr(n, "style")
	return style != "" && hiddenStyle.MatchString(style)
}

// namedAside says whether an element's names are those of what surrounds an article.
func namedAside(n *html.Node, verdicts map[string]bool) bool {
	switch n.DataAtom {
	case atom.Html, atom.Body, atom.Article, atom.Main:
		return false
	}
	name := attr(n, "class") + " " + attr(n, "id")
	if len(name) == 1 || hasWord(n, "itemprop", "articleBody") {
		return false
	}
	verdict, known := verdicts[name]
	if !known {
		verdict = aside.MatchString(name) && !content.MatchString(name)
		verdicts[name] = verdict
	}
	return verdict
}

var hiddenStyle = regexp.MustCompile(`(?i)display\s*:\s*none|visibility\s*:\s*hidden`)

// A block is one paragraph, heading, list item or table cell of the visible text.
type block struct {
	text  string
	links int // characters inside links
	tag   atom.Atom
}

// blocks renders the text under n as blocks, leaving out what is no text of an article.
func (p *pruner) blocks(n *html.Node) []block {
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

func (w *blockWriter) walk(n *html.Node, within atom.Atom) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			w.line.WriteString(c.Data)
			if w.inA > 0 {
				w.links += len(strings.TrimSpace(c.Data))
			}
		case html.ElementNode:
			w.element(c, within)
		}
	}
}

func (w *blockWriter) element(c *html.Node, within atom.Atom) {
	if w.pruner.skip[c] {
		return
	}
	if c.DataAtom == atom.Br {
		// Two in a row part paragraphs; one is a line break within.
		if next := nextMeaningful(c); next != nil && next.DataAtom == atom.Br {
			w.flush(within)
		} else {
			w.line.WriteByte(' ')
		}
		return
	}
	if source.Inline(c.Data) {
		if c.DataAtom == atom.A {
			w.inA++
			defer func() { w.inA-- }()
		}
		w.walk(c, within)
		return
	}
	w.flush(within)
	w.walk(c, c.DataAtom)
	w.flush(c.DataAtom)
}

// nextMeaningful is the next sibling that is no blank text.
func nextMeaningful(n *html.Node) *html.Node {
	for s := n.NextSibling; s != nil; s = s.NextSibling {
		if s.Type == html.ElementNode || s.Type == html.TextNode && strings.TrimSpace(s.Data) != "" {
			return s
		}
	}
	return nil
}

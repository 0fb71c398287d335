// Package extract turns a page into an article. It does no I/O.
package extract

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html"
)

// minText is the least text, in characters, that makes an article.
const minText = 120

// enoughText is the length, in characters, at which the search for more text in a page stops.
const enoughText = 1500

// summaryLength is the length, in characters, up to which an articleBody may be only a summary.
const summaryLength = 700

// Hints hold what is known about a page before it is read.
type Hints struct {
	URL      *url.URL       // where it was found; needed to resolve addresses
	Source   string         // the newspaper's name: never an author
	Language string         // used if the page does not say
	Zone     *time.Location // of dates without one; nil means America/Bogota
	Site     *source.Site   // canonical addresses outside it are ignored; nil: all are
}

// Extract reads an article from a page (UTF-8). Structured data comes first, field by field: JSON-LD, then meta and
// microdata, then the look of the elements. Article.Source and URL are those of the hints, the URL being replaced by the
// page's own canonical address if that is on the source's host.
//
// A page without a title still yields its text. The error wraps a Refusal.
func Extract(page string, hints Hints) (Article, error) {
	doc, scripts := parsePage(page)
	if hints.URL == nil {
		hints.URL = &url.URL{}
	}
	p := &pageReader{doc: doc, scripts: scripts, meta: readMeta(doc), hints: hints, pruner: newPruner(doc)}
	p.graph = parseLD(ldScripts(scripts))
	p.article = p.graph.article(hints.URL)
	p.siteNames = p.readSiteNames()

	a := Article{Source: hints.Source, URL: p.canonical(), Title: p.title()}
	p.headline = a.Title
	a.Text = p.text()
	if utf8.RuneCountInString(a.Text) < enoughText {
		if found := readState(p.scripts, a.Title, p.hints.URL.Path); found.size > 2*utf8.RuneCountInString(a.Text) {
			a.Text = strings.Join(found.paragraphs, "\n\n")
			p.state = found.object
			if a.Title == "" {
				a.Title = source.CleanInline(headlineOf(found.object))
			}
		}
	}
	if kind := p.refuse(a.Title, a.Text); kind != "" {
		return Article{}, fmt.Errorf("extract: %d characters of text: %w", utf8.RuneCountInString(a.Text), kind)
	}
	a.Category = p.category()
	a.Subtitle = p.subtitle(a.Title, a.Text)
	a.Author = strings.Join(p.authors(a.Category), ", ")
	a.PublishedAt, a.UpdatedAt = p.dates()
	a.Tags = p.tags()
	a.Image = p.image()
	a.Paywall = p.paywall()
	a.Language = p.language(a.Text)
	return a, nil
}

// pageReader holds one parsed page while its fields are read.
type pageReader struct {
	doc        *node
	scripts    []script
	pruner     *pruner
	meta       pageMeta
	graph      *ldGraph
	article    ldNode // nil if the page has none
	state      ldNode // the object that held the text, nil if elements did
	hints      Hints
	headline   string // the title that was found
	titleAt    *node  // see titleNode
	titleFound bool
	siteNames  map[string]bool // folded names of the newspaper itself
}

// text prefers the body of the structured data, because it is complete and holds nothing else, but takes the text from the
// elements if they tell the same story: they know the paragraphs.
func (p *pageReader) text() string {
	blocks := p.withoutEdges(once(p.ownBody()))
	dom := joinBlocks(blocks)
	ld := ldBody(p.article.text("articleBody"))
	nDOM, nLD := utf8.RuneCountInString(dom), utf8.RuneCountInString(ld)
	switch {
	case nLD < minText:
		return dom
	case nDOM < minText:
		return ld
	}
	inLD := shinglesOf(ld)
	told := shareIn(inLD, shingleSet(shinglesOf(dom))) // share of the structured body that is in the elements
	switch {
	case told >= sameTelling:
		return dom // the same or more: the structured body is truncated, a summary, or says everything twice
	case nLD < summaryLength && nDOM > 3*nLD:
		return dom
	case nDOM > nLD && told >= 0.5:
		return dom
	case strings.Contains(ld, "\n"):
		return ld
	default:
		return inParagraphs(ld, blocks)
	}
}

// sameTelling is the share of common shingles from which on two texts tell the same story.
const sameTelling = 0.8

// ldBody cleans an articleBody: plain text, or HTML, or HTML escaped as text.
func ldBody(s string) string {
	if strings.Contains(s, "&lt;") || strings.Contains(s, "&amp;") || strings.Contains(s, "&nbsp;") || strings.Contains(s, "&#") || strings.Contains(s, "&quot;") {
		s = html.UnescapeString(s)
	}
	if strings.Contains(s, "</") || strings.Contains(s, "<br") || strings.Contains(s, "<p>") {
		doc, _ := parsePage(s)
		p := newPruner(doc)
		p.judge(false)
		return joinBlocks(once(prose(p.blocks(doc))))
	}
	var paragraphs []string
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r", "\n"), "\n") {
		if line = source.CleanInline(line); line != "" && !isTeaser(line) {
			paragraphs = append(paragraphs, withoutAsides(line))
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

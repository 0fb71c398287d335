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

// enoughText is the text, in characters, from which on a page is not searched for more.
const enoughText = 1500

// summaryLength is what an articleBody may be long, in characters, and still be no more than a summary.
const summaryLength = 700

// Hints are what is known of a page before it is read.
type Hints struct {
	URL      *url.URL       // where it was found; needed to resolve addresses
	Source   string         // the newspaper's name: never an author
	Language string         // where the page does not say
	Zone     *time.Location // of dates without one; nil means America/Bogota
	Site     *source.Site   // canonical addresses off it are not believed; nil believes none
}

// Extract reads an article out of a page (UTF-8). Structured data comes first, field by field: JSON-LD, then meta and
// microdata, then what the elements look like. Article.Source and URL are those of the hints, the URL replaced by the
// page's own canonical address where that is on the source's host.
//
// A page without a title still gives its text. The error wraps a Refusal.
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
	doc       *node
	scripts   []script
	pruner    *pruner
	meta      pageMeta
	graph     *ldGraph
	article   ldNode // nil where the page has none
	state     ldNode // the object that held the text, nil where elements did
	hints     Hints
	siteNames map[string]bool // folded names of the newspaper itself
}

// text prefers the body as structured data has it, because it is whole and holds nothing else, but takes it from the
// elements where those hold the same telling: they know the paragraphs.
func (p *pageReader) text() string {
	blocks := once(p.pruner.domBody())
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
	told := shareIn(inLD, shingleSet(shinglesOf(dom))) // of the structured body, in the elements
	switch {
	case told >= sameTelling:
		return dom // the same, or more: the structured body was cut short, is a summary, or says all twice
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

// sameTelling is the share of a text's shingles from which on another text is the same telling.
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

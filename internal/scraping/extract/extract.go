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
	p := &pageReader{doc: doc, meta: readMeta(doc), hints: hints, pruner: newPruner(doc)}
	p.graph = parseLD(ldScripts(scripts))
	p.article = p.graph.article(hints.URL)
	p.siteNames = p.readSiteNames()

	a := Article{Source: hints.Source, URL: p.canonical(), Title: p.title()}
	a.Text = p.text()
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
	a.Language = p.language()
	return a, nil
}

// pageReader holds one parsed page while its fields are read.
type pageReader struct {
	doc       *node
	pruner    *pruner
	meta      pageMeta
	graph     *ldGraph
	article   ldNode // nil where the page has none
	hints     Hints
	siteNames map[string]bool // folded names of the newspaper itself
}

// text prefers the body as structured data has it, because it is whole and holds nothing else, but takes it from the
// elements where those hold the same telling: they know the paragraphs.
func (p *pageReader) text() string {
	blocks := p.pruner.domBody()
	dom := joinBlocks(blocks)
	ld := ldBody(p.article.text("articleBody"))
	nDOM, nLD := utf8.RuneCountInString(dom), utf8.RuneCountInString(ld)
	switch {
	case nLD < minText:
		return dom
	case nDOM < minText:
		return ld
	case strings.Contains(ld, "\n") && nLD*10 >= nDOM*9:
		return ld
	case nDOM*10 >= nLD*8 && nDOM*10 <= nLD*13:
		return dom // about the same
	case nDOM > nLD && (sharesBeginning(dom, ld) || nLD < summaryLength && nDOM > 3*nLD):
		return dom // the structured body was cut short, or is a summary
	default:
		return ld
	}
}

// ldBody cleans an articleBody: plain text, or HTML, or HTML escaped as text.
func ldBody(s string) string {
	if strings.Contains(s, "&lt;") || strings.Contains(s, "&amp;") || strings.Contains(s, "&nbsp;") || strings.Contains(s, "&#") || strings.Contains(s, "&quot;") {
		s = html.UnescapeString(s)
	}
	if strings.Contains(s, "</") || strings.Contains(s, "<br") || strings.Contains(s, "<p>") {
		doc, _ := parsePage(s)
		p := newPruner(doc)
		p.judge(false)
		return joinBlocks(prose(p.blocks(doc)))
	}
	var paragraphs []string
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r", "\n"), "\n") {
		if line = source.CleanInline(line); line != "" && !isTeaser(line) {
			paragraphs = append(paragraphs, withoutAsides(line))
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// sharesBeginning says whether the beginning of the shorter text occurs in the longer.
func sharesBeginning(long, short string) bool {
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	head := []rune(squeeze(short))
	if len(head) > 80 {
		head = head[:80]
	}
	return strings.Contains(squeeze(long), string(head))
}

package extract

import (
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/html/atom"

	"openlearn/internal/newsdate"
)

// dates reads when the article was published and updated. The first source that says it wins, except that a date
// without zone or hour gives way to one of the next that has it and means about the same moment.
//
// Not read at all: dates of images, cXense's publishtime (a UTC clock under a local offset), and any date outside the
// article, since mastheads show today's.
func (p *pageReader) dates() (published, updated *time.Time) {
	published = p.bestDate(
		p.article.text("datePublished"), p.article.text("dateCreated"),
		p.meta.first("article:published_time", "og:article:published_time", "og:published_time"),
		p.meta.first("datepublished"), p.markedDate("datePublished"),
		p.meta.first("parsely-pub-date", "sailthru.date", "date", "dc.date.issued", "dc.date", "dcterms.created", "dcterms.issued", "pubdate", "publish-date", "publishdate", "publication_date", "article.published", "fecha"),
		p.state.text("publish_date", "first_publish_date", "published", "publishedAt", "published_at", "datePublished", "display_date", "publicationDate", "date"),
		p.timeElement(), p.namedDate(), p.addressDate(),
	)
	updated = p.bestDate(
		p.article.text("dateModified"), p.meta.first("article:modified_time", "og:article:modified_time", "og:updated_time"),
		p.meta.first("datemodified"), p.markedDate("dateModified"), p.meta.first("last-modified", "dcterms.modified"),
	)
	if published == nil && p.article.text("dateModified") != "" {
		published = updated
	}
	return published, updated
}

func (p *pageReader) bestDate(candidates ...string) *time.Time {
	const near = 26 * time.Hour // two spellings of one moment differ by a zone, at most
	var best newsdate.Date
	found := false
	for _, raw := range candidates {
		d, err := newsdate.Parse(raw, p.hints.Zone)
		if err != nil {
			continue
		}
		better := (d.HasZone && !best.HasZone && d.HasTime) || (d.HasTime && !best.HasTime)
		if !found || better && d.Time.Sub(best.Time).Abs() <= near {
			best, found = d, true
		}
		if best.HasZone && best.HasTime {
			break
		}
	}
	if !found {
		return nil
	}
	return &best.Time
}

// markedDate is the first microdata date of the article itself.
func (p *pageReader) markedDate(prop string) string {
	n := findFirst(p.doc, func(n *node) bool {
		return n.Tag != atom.Meta && hasWord(n, "itemprop", prop) && !insideOtherItem(n)
	})
	if n == nil {
		return ""
	}
	for _, key := range []string{"datetime", "content", "title"} {
		if v := attr(n, key); v != "" {
			return v
		}
	}
	return inlineText(n)
}

func elsewhere(n *node) bool {
	switch n.Tag {
	case atom.Aside, atom.Nav, atom.Footer, atom.Li:
		return true
	}
	return n.names&namesOthers != 0
}

// timeElement is the first <time> in the article, or after the headline where there is no article element.
func (p *pageReader) timeElement() string {
	for _, n := range p.afterHeadline() {
		if n.Tag == atom.Time && !inside(n, elsewhere) {
			if v := attr(n, "datetime"); v != "" {
				return v
			}
			return inlineText(n)
		}
	}
	return ""
}

// namedDate is the first element in the article so named whose text is a date.
func (p *pageReader) namedDate() string {
	for _, n := range p.afterHeadline() {
		if n.names&namesDate == 0 || inside(n, elsewhere) {
			continue
		}
		text := inlineText(n)
		if _, err := newsdate.Parse(text, p.hints.Zone); err == nil {
			return text
		}
	}
	return ""
}

// afterHeadline lists the elements from the first h1 on, and those in the header that holds it.
func (p *pageReader) afterHeadline() []*node {
	all := find(p.doc, func(*node) bool { return true })
	for i, n := range all {
		if n.Tag != atom.H1 {
			continue
		}
		for j := i - 1; j >= 0 && i-j < 40; j-- {
			if all[j].Tag == atom.Article || all[j].Tag == atom.Main {
				return all[j:]
			}
		}
		return all[i:]
	}
	for i, n := range all {
		if n.Tag == atom.Article {
			return all[i:]
		}
	}
	return nil
}

var dateInPath = regexp.MustCompile(`/((?:19|20)\d{2})[/-](\d{1,2})[/-](\d{1,2})(?:/|-|$)`)

// addressDate is the day in the page's address.
func (p *pageReader) addressDate() string {
	m := dateInPath.FindStringSubmatch(p.hints.URL.Path)
	if m == nil {
		return ""
	}
	return strings.Join(m[1:], "-")
}

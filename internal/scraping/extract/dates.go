package extract

import (
	"regexp"
	"strings"
	"time"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"

	"openlearn/internal/newsdate"
)

// dates reads when the article was published and updated. The first source that says it wins, except that a date without
// zone or hour gives way to one from a later source that has them and means about the same moment.
//
// It ignores dates of images, cXense's publishtime (a UTC clock under a local offset), and any date outside the article,
// because mastheads show today's date.
func (p *pageReader) dates() (published, updated *time.Time) {
	shown, shownUpdate := p.timeElements()
	published = p.bestDate(
		p.article.text("datePublished"), p.article.text("dateCreated"),
		p.meta.first("article:published_time", "og:article:published_time", "og:published_time"),
		p.meta.first("datepublished"), p.markedDate("datePublished"),
		p.meta.first("parsely-pub-date", "sailthru.date", "date", "dc.date.issued", "dc.date", "dcterms.created", "dcterms.issued", "pubdate", "publish-date", "publishdate", "publication_date", "article.published", "fecha"),
		p.state.text("publish_date", "first_publish_date", "published", "publishedAt", "published_at", "datePublished", "display_date", "publicationDate", "date"),
		shown, p.namedDate(), p.lineDate(), p.labelledDate(), p.addressDate(),
	)
	updated = p.bestDate(
		p.article.text("dateModified"), p.meta.first("article:modified_time", "og:article:modified_time", "og:updated_time"),
		p.meta.first("datemodified"), p.markedDate("dateModified"), p.meta.first("last-modified", "dcterms.modified"), shownUpdate,
	)
	if published == nil && p.article.text("dateModified") != "" {
		published = updated
	}
	return published, updated
}

func (p *pageReader) bestDate(candidates ...string) *time.Time {
	const near = 26 * time.Hour // two spellings of one moment differ by a zone at most
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

// changed matches, in folded text, the words before or in the date of an update.
var changed = regexp.MustCompile(`actualiz|modific|updated|edited|editado|aktualisiert|geandert|ultimo_cambio|mis_a_jour|atualizad`)

// timeElements gives the first date of publication and of an update among the <time> elements of the article, or after the
// headline if there is no article element. The update may come first, or both may be in one element.
func (p *pageReader) timeElements() (published, updated string) {
	for _, n := range p.afterHeadline() {
		if n.Tag != atom.Time || inside(n, elsewhere) {
			continue
		}
		text := inlineText(n)
		stamp := attr(n, "datetime")
		if stamp == "" {
			stamp = text
		}
		before, after, both := cutAtChange(text)
		switch _, err := newsdate.Parse(before, p.hints.Zone); {
		case both && before != "" && err == nil:
			if published == "" {
				published = before
			}
			if updated == "" {
				updated = firstDate(p.hints.Zone, attr(n, "datetime"), after)
			}
		case both, hasWord(n, "itemprop", "dateModified"), changed.MatchString(source.Fold(attr(n, "class"))), changed.MatchString(source.Fold(labelOf(n))):
			if updated == "" {
				updated = firstDate(p.hints.Zone, attr(n, "datetime"), after, text)
			}
		case published == "":
			published = stamp
		}
	}
	return published, updated
}

// cutAtChange splits "24/11/2026 01:57 | Actualizado a 25/11/2026 19:20" where the update begins.
func cutAtChange(text string) (before, after string, found bool) {
	at := changeWord.FindStringIndex(text)
	if at == nil {
		return text, "", false
	}
	return strings.Trim(text[:at[0]], " |-–·•(,;/"), strings.Trim(text[at[1]:], " :|-–·•),;/"), true
}

var changeWord = regexp.MustCompile(`(?i)(?:[uú]ltima\s+)?(?:actualizaci[oó]n|actualizad[oa]|modificad[oa]|modificaci[oó]n|updated|edited|editado|aktualisiert|ge[aä]ndert|atualizado|mis à jour)(?:\s+(?:a|el|on|am|em|le|a las)\b)?\s*:?`)

// labelOf is the text right before an element in its parent, if it is a short line.
func labelOf(n *node) string {
	if n.Parent == nil || n.Parent.size > 160 {
		return ""
	}
	var b strings.Builder
	for c := n.Parent.FirstChild; c != nil && c != n; c = c.NextSibling {
		if c.Tag == atom.Time {
			b.Reset()
			continue
		}
		writeInline(&b, c)
	}
	return b.String()
}

func firstDate(zone *time.Location, candidates ...string) string {
	for _, c := range candidates {
		if _, err := newsdate.Parse(c, zone); c != "" && err == nil {
			return c
		}
	}
	return ""
}

// namedDate is the text of the first element of the article that is named as a date and reads as one.
func (p *pageReader) namedDate() string {
	for _, n := range p.afterHeadline() {
		if n.names&namesDate == 0 || inside(n, elsewhere) {
			continue
		}
		text := inlineText(n)
		before, _, both := cutAtChange(text)
		if both && before == "" {
			continue
		}
		if _, err := newsdate.Parse(before, p.hints.Zone); err == nil {
			return before
		}
		if len(before) < longestLine {
			if found := p.dateIn(before); found != "" {
				return found
			}
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

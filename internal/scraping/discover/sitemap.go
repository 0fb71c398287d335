package discover

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"time"

	"openlearn/internal/newsdate"
	"openlearn/internal/scraping/source"
)

// The bounds of a sitemap: sitemaps.org allows 50 000 addresses in 50 MB.
const (
	maxSitemapURLs = 50_000
	maxSitemapTag  = 8 << 10
	maxSitemapText = 16 << 10
)

// ErrNoSitemap says that a document is not a sitemap.
var ErrNoSitemap = errors.New("no sitemap")

// Map is what a sitemap says: articles, or the sitemaps of an index.
type Map struct {
	Found
	Sitemaps []Child
}

// Child is a sitemap that an index names.
type Child struct {
	URL        string
	ModifiedAt *time.Time
}

// ParseSitemap reads a sitemap, a news sitemap or an index of them (sitemaps.org, 0.9; Google's news extension), or a plain
// list of addresses, up to where it is truncated. The date of an article is its news:publication_date, else its lastmod if
// that is a single date. It reads element by element and builds no tree; the source tells its articles from other pages.
func ParseSitemap(body []byte, at *url.URL, s source.Source) (Map, error) {
	body, err := Inflate(body)
	if err != nil {
		return Map{}, fmt.Errorf("%w: %w", ErrNoSitemap, err)
	}
	if len(bytes.TrimSpace(source.TrimBOM(body))) == 0 {
		return Map{}, fmt.Errorf("%w: %w", ErrNoSitemap, ErrEmpty)
	}
	if body, err = feedBytes(body); err != nil {
		return Map{}, fmt.Errorf("%w: %w", ErrNoSitemap, err)
	}
	p := &sitemapParser{site: s.Site(), accepts: s.Article.Matcher(), at: at, seen: newAddresses()}
	if first := bytes.TrimSpace(body); !bytes.HasPrefix(first, []byte("<")) && !bytes.Contains(first[:min(len(first), maxNoise)], []byte("<urlset")) {
		p.list(first)
	} else {
		p.read(body)
	}
	if !p.root {
		head := body[:min(len(body), maxNoise)]
		switch {
		case challenge.Match(head):
			err = ErrChallenge
		case pageRoot.Match(head):
			err = ErrHTML
		default:
			return Map{}, ErrNoSitemap
		}
		return Map{}, fmt.Errorf("%w: %w", ErrNoSitemap, err)
	}
	return p.out, nil
}

type sitemapParser struct {
	site    source.Site
	accepts func(string) bool
	at      *url.URL
	seen    addresses
	out     Map
	root    bool

	inside  string // url or sitemap, while in one
	skip    string // a child element whose loc is not the page's: image, video
	current map[string]string
	count   int
}

// read walks over the tags of the document and skips whatever it does not understand.
func (p *sitemapParser) read(b []byte) {
	var text strings.Builder
	for len(b) > 0 && p.count < maxSitemapURLs {
		at := bytes.IndexByte(b, '<')
		if at < 0 {
			return // no element follows the last tag
		}
		if text.Len() < maxSitemapText {
			text.WriteString(html.UnescapeString(string(b[:min(at, maxSitemapText)])))
		}
		b = b[at:]
		switch {
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			b = b[len("<![CDATA["):]
			end := bytes.Index(b, []byte("]]>"))
			if end < 0 {
				return
			}
			if text.Len() < maxSitemapText {
				text.Write(b[:min(end, maxSitemapText)])
			}
			b = b[end+len("]]>"):]
			continue
		case bytes.HasPrefix(b, []byte("<!--")):
			end := bytes.Index(b, []byte("-->"))
			if end < 0 {
				return
			}
			b = b[end+len("-->"):]
			continue
		}
		end := bytes.IndexByte(b, '>')
		if end < 0 {
			return // the document ends inside a tag
		}
		tag := b[1:end]
		b = b[end+1:]
		if len(tag) <= maxSitemapTag {
			p.tag(tag, strings.TrimSpace(text.String()))
		}
		text.Reset()
	}
}

// tag takes one tag, with the text before it.
func (p *sitemapParser) tag(tag []byte, text string) {
	closing := bytes.HasPrefix(tag, []byte("/"))
	name, _, _ := strings.Cut(strings.TrimSpace(strings.Trim(string(tag), "/")), " ")
	name, _, _ = strings.Cut(name, "\n")
	space, local, spaced := strings.Cut(strings.ToLower(strings.TrimSpace(name)), ":")
	if !spaced {
		space, local = "", space
	}
	empty := bytes.HasSuffix(tag, []byte("/")) && !closing
	switch {
	case local == "urlset" || local == "sitemapindex":
		p.root = true
	case p.skip != "":
		if closing && space+":"+local == p.skip {
			p.skip = ""
		}
	case (local == "url" || local == "sitemap") && space != "image" && space != "video":
		if closing {
			p.entry()
			p.inside = ""
		} else if !empty {
			p.inside, p.current = local, map[string]string{}
		}
	case p.inside == "":
	case (space == "image" || space == "video") && !closing && !empty:
		p.skip = space + ":" + local
	case closing:
		if _, said := p.current[local]; !said {
			p.current[local] = text
		}
	}
}

// entry takes one complete url or sitemap element.
func (p *sitemapParser) entry() {
	p.count++
	loc := p.current["loc"]
	modified := oneDate(p.current["lastmod"])
	if p.inside == "sitemap" {
		u, err := p.at.Parse(strings.TrimSpace(loc))
		if err == nil && loc != "" && p.site.Accepts(u) && p.seen.add(u.String()) {
			p.out.Sitemaps = append(p.out.Sitemaps, Child{u.String(), modified})
		} else {
			p.out.Skipped++
		}
		return
	}
	published := oneDate(p.current["publication_date"])
	if published == nil {
		published = modified
	}
	item := Item{Title: text(p.current["title"]), PublishedAt: published, ModifiedAt: modified}
	for keyword := range strings.SplitSeq(p.current["keywords"], ",") {
		if keyword = text(keyword); keyword != "" && len(item.Categories) < 20 {
			item.Categories = append(item.Categories, keyword)
		}
	}
	p.add(loc, item)
}

func (p *sitemapParser) add(loc string, item Item) {
	address, ok := p.site.Canonical(p.at, loc)
	if loc == "" || !ok || !source.LooksLikeArticle(address) || !p.accepts(address) || !p.seen.add(address) {
		p.out.Skipped++
		return
	}
	item.URL = address
	p.out.Items = append(p.out.Items, item)
}

// list reads a plain list of addresses, one per line (sitemaps.org allows it).
func (p *sitemapParser) list(b []byte) {
	for line := range bytes.Lines(b) {
		if p.count++; p.count > maxSitemapURLs {
			return
		}
		address := strings.TrimSpace(string(line))
		if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
			if p.root || address != "" {
				p.out.Skipped++
			}
			continue
		}
		p.root = true
		p.add(address, Item{})
	}
}

var severalDates = regexp.MustCompile(`\d{4}-\d{2}-\d{2}.*\d{4}-\d{2}-\d{2}`)

// oneDate reads a date if there is just one: with two, nobody knows which is meant.
func oneDate(raw string) *time.Time {
	if raw == "" || severalDates.MatchString(raw) {
		return nil
	}
	d, err := newsdate.Parse(raw, nil)
	if err != nil {
		return nil
	}
	return &d.Time
}

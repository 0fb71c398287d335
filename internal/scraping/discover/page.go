package discover

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"openlearn/internal/scraping/source"
)

// maxPageTokens bounds how much of a page is read for its links.
const maxPageTokens = 200_000

// Page is what a page links.
type Page struct {
	Found              // articles, judged by their addresses
	Feeds    []string  // <link rel="alternate"> to a feed on the source's site
	Sections []string  // pages of the site that list articles
	Refused  Challenge // set if the page is a challenge instead
}

// Challenge says whether a page is a challenge that robots are shown in place of the page they asked for.
type Challenge bool

// sluggish is an address of an article as most newspapers write it: several words, or a number, at the end of the path.
var sluggish = regexp.MustCompile(`(?i)(?:[^/-]+-){3,}[^/]*/?$|[-/]\d{4,}(?:\.html?)?/?$|/\d{4}/\d{2}/`)

// Links finds the feeds that a page names and the articles that it links, each once, in page order.
func Links(body []byte, at *url.URL, s source.Source) Page {
	var out Page
	if challenge.Match(body[:min(len(body), maxNoise)]) && !bytes.Contains(body, []byte("<article")) {
		out.Refused = true
	}
	site, accepts, seen, listed := s.Site(), s.Article.Matcher(), newAddresses(), newAddresses()
	base := at
	z := html.NewTokenizer(bytes.NewReader(body))
	z.SetMaxBuf(1 << 20)
	for range maxPageTokens {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		name, more := z.TagName()
		tag := string(name)
		if tag != "a" && tag != "link" && tag != "base" {
			continue
		}
		attrs := map[string]string{}
		for more {
			var k, v []byte
			k, v, more = z.TagAttr()
			attrs[string(k)] = string(v)
		}
		href := strings.TrimSpace(attrs["href"])
		switch {
		case href == "":
		case tag == "base":
			if u, err := at.Parse(href); err == nil {
				base = u
			}
		case tag == "link":
			if u, err := base.Parse(href); err == nil && isFeedLink(attrs) && site.Accepts(u) {
				out.Feeds = append(out.Feeds, u.String())
			}
		default:
			address, ok := site.Canonical(base, href)
			switch {
			case !ok:
			case source.LooksLikeArticle(address) && accepts(address) && (s.Article.Path != "" || sluggish.MatchString(pathOf(address))):
				if seen.add(address) && len(out.Items) < maxItems {
					out.Items = append(out.Items, Item{URL: address})
				}
			case isSection(address) && listed.add(address) && len(out.Sections) < 100:
				out.Sections = append(out.Sections, address)
			}
		}
	}
	return out
}

func isFeedLink(attrs map[string]string) bool {
	media, _, _ := strings.Cut(strings.ToLower(attrs["type"]), ";")
	switch strings.TrimSpace(media) {
	case "application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml":
	default:
		return false
	}
	for rel := range strings.FieldsSeq(strings.ToLower(attrs["rel"])) {
		if rel == "alternate" {
			return !strings.Contains(strings.ToLower(attrs["title"]), "coment") && !strings.Contains(attrs["href"], "/comments/")
		}
	}
	return false
}

// isSection says whether an address is that of a section: one or two short words.
func isSection(address string) bool {
	p := strings.Trim(pathOf(address), "/")
	return p != "" && strings.Count(p, "/") <= 1 && strings.Count(p, "-") <= 1 && len(p) <= 40 && !strings.Contains(p, ".")
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

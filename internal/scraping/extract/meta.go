package extract

import (
	"strings"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// pageMeta holds what a page's head and its marked-up elements say, apart from JSON-LD.
type pageMeta struct {
	named    map[string][]string // meta name, property or itemprop, lower case → contents in order
	title    string              // <title>
	language string              // <html lang>
	links    map[string]string   // link rel → first href: canonical, amphtml …
}

func readMeta(doc *node) pageMeta {
	m := pageMeta{named: map[string][]string{}, links: map[string]string{}}
	for n := range doc.descendants() {
		if n.isText {
			continue
		}
		switch n.Tag {
		case atom.Html:
			m.language = strings.TrimSpace(attr(n, "lang"))
		case atom.Title:
			if m.title == "" {
				m.title = source.CleanInline(rawText(n))
			}
		case atom.Meta:
			m.addMeta(n)
		case atom.Link:
			for rel := range strings.FieldsSeq(strings.ToLower(attr(n, "rel"))) {
				if _, taken := m.links[rel]; !taken {
					m.links[rel] = strings.TrimSpace(attr(n, "href"))
				}
			}
		}
	}
	return m
}

func (m pageMeta) addMeta(n *node) {
	content := strings.TrimSpace(attr(n, "content"))
	if content == "" {
		return
	}
	for _, key := range []string{"name", "property", "itemprop", "http-equiv"} {
		name := strings.ToLower(strings.TrimSpace(attr(n, key)))
		if name == "" || (key == "itemprop" && insideOtherItem(n)) {
			continue
		}
		m.named[name] = append(m.named[name], content)
		if plain := strings.Replace(name, ":published:", ":published_", 1); plain != name {
			m.named[plain] = append(m.named[plain], content)
		}
	}
}

// insideOtherItem says whether a microdata property belongs to an item that is not the article: an image's date, a
// publisher's name.
func insideOtherItem(n *node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if !p.isText && hasAttr(p, "itemscope") {
			kind := attr(p, "itemtype")
			return !strings.Contains(kind, "Article") && !strings.Contains(kind, "Posting") && !strings.Contains(kind, "WebPage")
		}
	}
	return false
}

// first is the first content of the first name that has one.
func (m pageMeta) first(names ...string) string {
	for _, name := range names {
		if v := m.named[name]; len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

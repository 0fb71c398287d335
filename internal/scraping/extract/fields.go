package extract

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// readSiteNames collects the newspaper's names for itself, folded.
func (p *pageReader) readSiteNames() map[string]bool {
	names := map[string]bool{}
	add := func(s string) {
		if f := source.Fold(source.CleanInline(s)); f != "" {
			names[f] = true
			names[strings.ReplaceAll(f, "_", "")] = true
		}
	}
	add(p.hints.Source)
	before, _, _ := strings.Cut(p.hints.Source, " - ")
	add(before)
	add(p.meta.first("og:site_name"))
	add(p.meta.first("application-name"))
	add(p.meta.first("apple-mobile-web-app-title"))
	add(strings.TrimPrefix(p.meta.first("twitter:site"), "@"))
	for _, pub := range p.graph.objects(p.article, "publisher") {
		add(pub.text("name"))
	}
	for _, n := range p.graph.nodes {
		if n.is("NewsMediaOrganization", "WebSite", "Organization") && n.is("WebSite", "NewsMediaOrganization") {
			add(n.text("name"))
			add(n.text("alternateName"))
		}
	}
	if host := strings.TrimPrefix(p.hints.URL.Hostname(), "www."); host != "" {
		add(host)
		label, _, _ := strings.Cut(host, ".")
		add(label)
	}
	return names
}

// isSite says whether a name is the newspaper's own.
func (p *pageReader) isSite(name string) bool {
	f := source.Fold(name)
	return p.siteNames[f] || p.siteNames[strings.ReplaceAll(f, "_", "")]
}

func (p *pageReader) canonical() string {
	if p.hints.Site == nil {
		return p.hints.URL.String()
	}
	found, ok := p.hints.Site.Canonical(p.hints.URL, p.hints.URL.String())
	if !ok {
		found = p.hints.URL.String()
	}
	for _, raw := range []string{p.meta.links["canonical"], p.meta.first("og:url")} {
		if raw == "" {
			continue
		}
		// A canonical address of the front page or a listing is a mistake in the template.
		if c, ok := p.hints.Site.Canonical(p.hints.URL, raw); ok && source.LooksLikeArticle(c) {
			return c
		}
	}
	return found
}

// subtitle gives the line under the headline, else the description. A line that only repeats the title or the beginning of
// the text does not count.
func (p *pageReader) subtitle(title, text string) string {
	var candidates []string
	if n := findFirst(p.doc, func(n *node) bool {
		switch n.Tag {
		case atom.H2, atom.H3, atom.P, atom.Div, atom.Span:
		default:
			return false
		}
		return (n.names&namesSubtitle != 0 || hasWord(n, "itemprop", "alternativeHeadline") || hasWord(n, "itemprop", "description")) &&
			!inside(n, func(a *node) bool {
				return a.Tag == atom.Aside || a.Tag == atom.Nav || a.Tag == atom.Li
			})
	}); n != nil {
		candidates = append(candidates, inlineText(n))
	}
	candidates = append(candidates, p.article.text("description"), p.meta.first("og:description"), p.meta.first("description"), p.meta.first("twitter:description"))
	head := squeezed(text)
	for _, c := range candidates {
		c = source.CleanInline(c)
		n := utf8.RuneCountInString(c)
		if n < 15 || n > 600 || source.Fold(c) == source.Fold(title) {
			continue
		}
		start := strings.TrimRight(squeezed(c), ".…[]")
		if len(start) > 0 && strings.HasPrefix(head, start) && (n > 160 || strings.HasSuffix(c, "…") || strings.HasSuffix(c, "...")) {
			continue // the beginning of the text itself, truncated
		}
		return c
	}
	return ""
}

func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

// category gives the section as the page names it.
func (p *pageReader) category() string {
	usable := func(s string) string {
		s = source.CleanInline(s)
		n := utf8.RuneCountInString(s)
		if n < 2 || n > 50 || p.isSite(s) || homeNames[source.Fold(s)] || strings.Contains(s, "://") {
			return ""
		}
		return s
	}
	for _, v := range listOf(p.article["articleSection"]) {
		if s := usable(textOf(v)); s != "" {
			return s
		}
	}
	for _, name := range []string{"article:section", "section", "cxenseparse:recs:category", "parsely-section", "dc.subject"} {
		if s := usable(p.meta.first(name)); s != "" {
			return s
		}
	}
	if s := usable(p.breadcrumb()); s != "" {
		return s
	}
	for part := range strings.SplitSeq(strings.Trim(p.hints.URL.Path, "/"), "/") {
		if name := sections[strings.ToLower(part)]; name != "" {
			return name
		}
	}
	return ""
}

// breadcrumb is the first crumb after the front page that is not the article itself.
func (p *pageReader) breadcrumb() string {
	for _, n := range p.graph.nodes {
		if !n.is("BreadcrumbList") {
			continue
		}
		items := p.graph.objects(n, "itemListElement")
		for i, it := range items {
			name := it.text("name")
			if inner, ok := it["item"].(map[string]any); ok && name == "" {
				name = textOf(inner["name"])
			}
			if name = source.CleanInline(name); name == "" || p.isSite(name) || homeNames[source.Fold(name)] {
				continue
			}
			if i == len(items)-1 && len(items) > 1 {
				break // the article's own crumb
			}
			return name
		}
	}
	return ""
}

var homeNames = map[string]bool{
	"inicio": true, "home": true, "portada": true, "noticias": true, "news": true, "principal": true, "homepage": true, "home_page": true,
	"article": true, "articulo": true, "noticia": true, "general": true, "sin_categoria": true, "uncategorized": true, "ultimas_noticias": true,
}

// sections names the sections by parts of the address, for pages that name theirs nowhere else.
var sections = map[string]string{
	"politica": "Política", "economia": "Economía", "justicia": "Justicia", "judicial": "Judicial", "bogota": "Bogotá", "colombia": "Colombia",
	"nacion": "Nación", "nacional": "Nacional", "internacional": "Internacional", "mundo": "Mundo", "deportes": "Deportes", "cultura": "Cultura",
	"tecnologia": "Tecnología", "ciencia": "Ciencia", "salud": "Salud", "educacion": "Educación", "ambiente": "Ambiente",
	"medio-ambiente": "Medio ambiente", "medioambiente": "Medio ambiente", "opinion": "Opinión", "entretenimiento": "Entretenimiento",
	"negocios": "Negocios", "empresas": "Empresas", "finanzas": "Finanzas", "turismo": "Turismo", "vida": "Vida", "investigacion": "Investigación",
	"medellin": "Medellín", "cali": "Cali", "barranquilla": "Barranquilla", "cartagena": "Cartagena", "antioquia": "Antioquia",
}

const (
	maxTags   = 30
	maxTagLen = 80
)

func (p *pageReader) tags() []string {
	var lists [][]string
	var ld []string
	for _, v := range listOf(p.article["keywords"]) {
		ld = append(ld, splitTags(textOf(v))...)
	}
	lists = append(lists, ld, p.meta.named["article:tag"], splitTags(p.meta.first("news_keywords")), p.linkedTags(), splitTags(p.meta.first("keywords")))
	for _, list := range lists {
		seen := map[string]bool{}
		var out []string
		for _, t := range list {
			t = strings.Trim(source.CleanInline(t), " #.,;")
			f := source.Fold(t)
			if f == "" || seen[f] || utf8.RuneCountInString(t) > maxTagLen || strings.Contains(t, "://") || p.isSite(t) || len(out) == maxTags {
				continue
			}
			seen[f] = true
			out = append(out, t)
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

func splitTags(s string) []string {
	sep := ","
	if !strings.Contains(s, ",") && strings.Contains(s, ";") {
		sep = ";"
	}
	return strings.Split(s, sep)
}

func (p *pageReader) linkedTags() []string {
	var out []string
	for _, n := range find(p.doc, func(n *node) bool { return n.Tag == atom.A && hasWord(n, "rel", "tag") }) {
		out = append(out, inlineText(n))
	}
	return out
}

func (p *pageReader) image() string {
	var candidates []string
	for _, img := range p.graph.objects(p.article, "image") {
		for _, key := range []string{"url", "contentUrl", "@id", "name"} {
			if s := img.text(key); s != "" && (key != "name" || strings.Contains(s, "/")) {
				candidates = append(candidates, s)
				break
			}
		}
	}
	candidates = append(candidates, p.meta.first("og:image", "og:image:url", "og:image:secure_url"), p.meta.first("twitter:image", "twitter:image:src"))
	for _, raw := range candidates {
		u, err := p.hints.URL.Parse(strings.TrimSpace(raw))
		if raw == "" || err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			continue
		}
		return u.String()
	}
	return ""
}

// paywall reads isAccessibleForFree of the article or one of its parts, as a boolean or as the string that many sites
// write, or else the content tier.
func (p *pageReader) paywall() bool {
	parts := append([]ldNode{p.article}, p.graph.objects(p.article, "hasPart")...)
	for _, n := range parts {
		switch v := n["isAccessibleForFree"].(type) {
		case bool:
			if !v {
				return true
			}
		case float64:
			if v == 0 {
				return true
			}
		case string:
			switch strings.ToLower(strings.TrimSpace(v[strings.LastIndexByte(v, '/')+1:])) {
			case "false", "no", "0":
				return true
			}
		}
	}
	return strings.EqualFold(p.meta.first("article:content_tier"), "locked")
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$`)

// language is what the page declares, unless the text is plainly in another language: templates are copied with their
// labels.
func (p *pageReader) language(text string) string {
	said, read := p.saidLanguage(), languageOf(text)
	if base, _, _ := strings.Cut(said, "-"); read != "" && base != read && (base == "" || functionWords[base] != nil) {
		return read
	}
	return strings.Clone(said)
}

func (p *pageReader) saidLanguage() string {
	for _, l := range []string{p.article.text("inLanguage"), p.meta.language, p.meta.first("og:locale"), p.meta.first("language", "content-language", "dc.language"), p.hints.Language} {
		if !languageTag.MatchString(l) {
			continue
		}
		parts := strings.FieldsFunc(l, func(r rune) bool { return r == '-' || r == '_' })
		parts[0] = strings.ToLower(parts[0])
		if len(parts) > 1 && len(parts[1]) == 2 {
			parts[1] = strings.ToUpper(parts[1])
		}
		return strings.Join(parts, "-")
	}
	return ""
}

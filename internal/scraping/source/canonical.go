package source

import (
	"net/url"
	"path"
	"strings"
)

// maxAddress bounds an address in bytes: longer ones may be refused by servers (RFC 9110 §4.1 recommends 8000, but many
// accept less).
const maxAddress = 2048

// Canonical resolves raw against base and reduces it to the one spelling by which an article is known: on the source's host
// (aliases rewritten, www and bare host unified, https if the source has it), without fragment, default port, doubled
// slashes and tracking parameters. ok is false for an address outside the site.
func (s Site) Canonical(base *url.URL, raw string) (canonical string, ok bool) {
	ref, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || base == nil {
		return "", false
	}
	u := base.ResolveReference(ref)
	if to, aliased := s.aliases[strings.ToLower(u.Host)]; aliased {
		u.Host = to
	}
	if u.Opaque != "" || !s.Accepts(u) {
		return "", false
	}
	if BareAuthority(u) == BareAuthority(s.base) {
		u.Scheme, u.Host = s.base.Scheme, strings.ToLower(s.base.Host)
	} else {
		u.Host = strings.ToLower(u.Host)
	}
	u.Fragment, u.RawFragment, u.ForceQuery = "", "", false
	u.RawQuery = withoutTracking(u.RawQuery)
	if escaped := collapseSlashes(u.EscapedPath()); escaped != u.EscapedPath() || u.Path == "" {
		if u.Path, err = url.PathUnescape(escaped); err != nil {
			return "", false
		}
		u.RawPath = escaped
	}
	canonical = u.String()
	if len(canonical) > maxAddress {
		return "", false
	}
	return canonical, true
}

func collapseSlashes(p string) string {
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	if p == "" {
		return "/"
	}
	return p
}

// withoutTracking drops campaign parameters and keeps the rest as it was, in its order.
func withoutTracking(query string) string {
	if query == "" {
		return ""
	}
	kept := make([]string, 0, 4)
	for pair := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if pair != "" && !isTracking(strings.ToLower(key)) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

func isTracking(key string) bool {
	if strings.HasPrefix(key, "utm_") || strings.HasPrefix(key, "utm-") || strings.HasPrefix(key, "mc_") {
		return true
	}
	switch key {
	case "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "ttclid", "yclid", "li_fat_id",
		"igsh", "igshid", "_ga", "_gl", "xtor", "cmpid", "s_cid", "ns_campaign", "ns_mchannel", "ns_source":
		return true
	}
	return false
}

// notArticles are path segments of pages that list, play or sell something, across the Colombian press.
var notArticles = []string{
	"/tag/", "/tags/", "/tema/", "/temas/", "/autor/", "/autores/", "/seccion/", "/categoria/", "/multimedia/", "/video/", "/videos/",
	"/galeria/", "/galerias/", "/podcast/", "/podcasts/", "/directorio/", "/buscar", "/audio/",
}

// LooksLikeArticle refuses front pages, listings and files. It judges only the path; the page decides in the end.
func LooksLikeArticle(canonical string) bool {
	u, err := url.Parse(canonical)
	if err != nil {
		return false
	}
	p := strings.ToLower(u.Path)
	if p == "" || p == "/" {
		return u.RawQuery != "" // WordPress's /?p=123
	}
	for _, part := range notArticles {
		if strings.Contains(p, part) {
			return false
		}
	}
	switch path.Ext(p) {
	case ".pdf", ".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".mp3", ".mp4", ".zip", ".xml", ".rss", ".doc", ".docx", ".xls", ".xlsx":
		return false
	}
	return true
}

package extract

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A ldGraph is all the structured data of one page (JSON-LD 1.1 as schema.org is written in it): every object found,
// and those that others refer to by @id.
type ldGraph struct {
	nodes []ldNode
	byID  map[string]ldNode
}

// An ldNode is one JSON object; its values are whatever JSON has.
type ldNode map[string]any

// Bounds on hostile data.
const (
	beginning  = 64 << 10 // of a script that is too large, in bytes
	maxLDNodes = 2000
	maxLDDepth = 24
)

func ldScripts(scripts []script) []string {
	var out []string
	for _, s := range scripts {
		if strings.Contains(s.kind, "ld+json") {
			out = append(out, s.text)
		}
	}
	return out
}

// parseLD reads the page's scripts of type application/ld+json. Broken ones are read as far as possible.
func parseLD(scripts []string) *ldGraph {
	g := &ldGraph{byID: map[string]ldNode{}}
	left := maxLDBytes
	for _, raw := range scripts {
		if left -= len(raw); left < 0 { // the updates of a live blog: what it says about itself stands before them
			for _, v := range decodeLD(strings.ToValidUTF8(raw[:min(len(raw), beginning)], "")) {
				g.add(v, 0)
			}
			break
		}
		for _, v := range decodeLD(raw) {
			g.add(v, 0)
		}
	}
	return g
}

var ldWrapping = regexp.MustCompile(`^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/)|(?:-->|//\s*\]\]>|\]\]>|/\*\s*\]\]>\s*\*/)\s*;?\s*$`)

func decodeLD(raw string) []any {
	raw = strings.TrimSpace(strings.TrimPrefix(raw, "\ufeff"))
	raw = strings.TrimSpace(ldWrapping.ReplaceAllString(raw, ""))
	if raw == "" {
		return nil
	}
	if deepLD(raw) {
		return nil
	}
	var v any
	if json.Unmarshal([]byte(raw), &v) == nil {
		return []any{v}
	}
	if strings.Contains(raw, "{&quot;") {
		raw = html.UnescapeString(raw)
	}
	return lenientJSON(raw)
}

// deepLD says whether brackets nest deeper than anyone reads: each level would cost the parser memory.
func deepLD(raw string) bool {
	depth := 0
	for i := range len(raw) {
		switch raw[i] {
		case '[', '{':
			if depth++; depth > 100*maxLDDepth {
				return true
			}
		case ']', '}':
			depth--
		}
	}
	return false
}

// add collects the objects of v, including those inside other objects: sites put the article under @graph, mainEntity,
// mainEntityOfPage or a list.
func (g *ldGraph) add(v any, depth int) {
	if depth > maxLDDepth || len(g.nodes) >= maxLDNodes {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			g.add(e, depth+1)
		}
	case map[string]any:
		n := ldNode(v)
		if len(n.types()) > 0 {
			g.nodes = append(g.nodes, n)
		}
		if id, ok := v["@id"].(string); ok && len(v) > 1 {
			if _, taken := g.byID[id]; !taken {
				g.byID[id] = n
			}
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys) // the same page always reads the same
		for _, k := range keys {
			if k != "liveBlogUpdate" && k != "comment" { // articles of their own, but not what the page is about
				g.add(v[k], depth+1)
			}
		}
	}
}

// resolve follows {"@id": …} to the object it names.
func (g *ldGraph) resolve(n ldNode) ldNode {
	if id, ok := n["@id"].(string); ok && len(n.types()) == 0 {
		if full, known := g.byID[id]; known {
			return full
		}
	}
	return n
}

// types lists @type without its vocabulary: "https://schema.org/NewsArticle" is NewsArticle.
func (n ldNode) types() []string {
	var out []string
	for _, t := range listOf(n["@type"]) {
		if s, ok := t.(string); ok {
			out = append(out, s[strings.LastIndexAny(s, "/#:")+1:])
		}
	}
	return out
}

func (n ldNode) is(types ...string) bool {
	return slices.ContainsFunc(n.types(), func(t string) bool { return slices.Contains(types, t) })
}

// text is the first text under one of the keys: a string, the first of a list, or the @value or name of an object.
func (n ldNode) text(keys ...string) string {
	for _, k := range keys {
		for _, v := range listOf(n[k]) {
			if s := textOf(v); s != "" {
				return s
			}
		}
	}
	return ""
}

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case map[string]any:
		for _, k := range []string{"@value", "name"} {
			if s, ok := v[k].(string); ok && strings.TrimSpace(s) != "" {
				return strings.TrimSpace(s)
			}
		}
	}
	return ""
}

// objects lists the objects under key, references followed; a bare string becomes an object with that name.
func (g *ldGraph) objects(n ldNode, key string) []ldNode {
	var out []ldNode
	for _, v := range listOf(n[key]) {
		switch v := v.(type) {
		case map[string]any:
			out = append(out, g.resolve(v))
		case string:
			if full, known := g.byID[v]; known {
				out = append(out, full)
			} else {
				out = append(out, ldNode{"name": v})
			}
		}
	}
	return out
}

func listOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// articleTypes are schema.org's Article and its kinds, best first: a page may carry a WebPage typed Article as well.
var articleTypes = []string{
	"NewsArticle", "ReportageNewsArticle", "AnalysisNewsArticle", "BackgroundNewsArticle", "OpinionNewsArticle", "ReviewNewsArticle",
	"AskPublicNewsArticle", "LiveBlogPosting", "BlogPosting", "Article", "Report", "SatiricalArticle", "AdvertiserContentArticle",
	"TechArticle", "ScholarlyArticle", "SocialMediaPosting",
}

// article picks the object that describes the page: the one whose address is the page's, else the one that says most.
// Teasers of other articles are objects of type Article too.
func (g *ldGraph) article(page *url.URL) ldNode {
	var best ldNode
	bestScore := -1
	for _, n := range g.nodes {
		if !n.is(articleTypes...) {
			continue
		}
		score := 0
		for _, key := range []string{"headline", "datePublished", "author", "articleBody", "description", "image", "publisher"} {
			if n[key] != nil {
				score++
			}
		}
		if n["articleBody"] != nil {
			score += 2
		}
		if n.is("Article", "SocialMediaPosting") {
			score-- // often the generic twin of a NewsArticle
		}
		if samePage(page, n) {
			score += 6
		}
		if score > bestScore { // the first wins a tie
			best, bestScore = n, score
		}
	}
	return best
}

func samePage(page *url.URL, n ldNode) bool {
	if page == nil {
		return false
	}
	addresses := []string{n.text("url"), n.text("mainEntityOfPage"), n.text("@id")}
	if m, ok := n["mainEntityOfPage"].(map[string]any); ok {
		addresses = append(addresses, textOf(m["@id"]), textOf(m["url"]))
	}
	for _, a := range addresses {
		u, err := page.Parse(a)
		if a != "" && err == nil && u.Path != "" && strings.TrimSuffix(u.Path, "/") == strings.TrimSuffix(page.Path, "/") && len(page.Path) > 1 {
			return true
		}
	}
	return false
}

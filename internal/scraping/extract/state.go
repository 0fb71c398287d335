package extract

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"openlearn/internal/scraping/source"
)

// Some pages hold their text only in data from which a script will build elements: the state of a framework (Next's
// __NEXT_DATA__ and flight chunks, Arc's Fusion.globalContent, other assignments of one object). It is read as data, never
// run, and only if the elements hold no article.

// stateMarks are substrings by which scripts without a type are known to hold state.
var stateMarks = []string{"__next_f.push(", "globalContent", "_STATE__", "__DATA__", "__remixContext", "__data"}

func holdsState(script string) bool {
	if len(script) < 200 {
		return false
	}
	head := script[:min(len(script), 4096)]
	return slices.ContainsFunc(stateMarks, func(mark string) bool { return strings.Contains(head, mark) }) || strings.Contains(script, "Fusion.globalContent")
}

// A story is text found in a page's state, with the object that it was found in.
type story struct {
	paragraphs []string
	size       int
	own        bool // its object has the page's title or address
	object     ldNode
}

// stateReader collects stories.
type stateReader struct {
	title, path string // of the page: the title folded, the path unchanged
	best        story
	values      int // read so far
	texts       map[string]string
}

// maxStateValues bounds how much of a page's state is read.
const maxStateValues = 200_000

// readState finds the page's own story in its scripts. title may be empty.
func readState(scripts []script, title, path string) story {
	r := &stateReader{title: source.Fold(title), path: strings.Trim(path, "/")}
	left := maxState
	var flight strings.Builder
	for _, s := range scripts {
		if left -= len(s.text); left < 0 {
			break
		}
		switch {
		case strings.Contains(s.kind, "ld+json"):
		case strings.Contains(s.kind, "json"):
			r.decode(s.text)
		case strings.Contains(s.text, "__next_f.push("):
			flightChunks(s.text, &flight)
		default:
			r.assignments(s.text)
		}
	}
	if flight.Len() > 0 {
		r.flight(flight.String())
	}
	return r.best
}

func (r *stateReader) decode(raw string) {
	if deepLD(raw) {
		return
	}
	var v any
	if json.NewDecoder(strings.NewReader(raw)).Decode(&v) == nil { // what follows the value is code
		r.walk(v, nil, 0)
	}
}

// assignments reads the objects that a script assigns: `name = {"…`.
func (r *stateReader) assignments(text string) {
	for range 64 {
		at := strings.Index(text, "={")
		if spaced := strings.Index(text, "= {"); spaced >= 0 && (at < 0 || spaced < at) {
			at = spaced + 1
		}
		if at < 0 {
			return
		}
		text = text[at+1:]
		dec := json.NewDecoder(strings.NewReader(text))
		var v any
		if deepLD(text) || dec.Decode(&v) != nil {
			continue
		}
		r.walk(v, nil, 0)
		text = text[min(len(text), int(dec.InputOffset())):]
	}
}

// walk looks for stories under v; owner is the nearest object that has a title.
func (r *stateReader) walk(v any, owner ldNode, depth int) {
	if r.values++; r.values > maxStateValues || depth > 60 {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		n := ldNode(v)
		if headlineOf(n) != "" {
			owner = n
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if elsewhereInState(k) {
				continue
			}
			if s, ok := v[k].(string); ok && textKeys[strings.ToLower(k)] && len(s) > minText {
				r.take(splitMarkup(r.resolve(s)), owner)
				continue
			}
			r.walk(v[k], owner, depth+1)
		}
	case []any:
		r.take(paragraphsOf(v, 0, r), owner)
		for _, e := range v {
			r.walk(e, owner, depth+1)
		}
	}
}

// textKeys are the keys under which objects keep their text.
var textKeys = wordSet("articlebody body bodyhtml bodytext content contenido cuerpo html text texto value rendered markup story storybody paragraph parrafo __html richtext")

// elsewhereInState says whether a key holds stories other than the page's.
func elsewhereInState(key string) bool {
	return namesIn(key)&namesTeasers != 0 || otherKeys[strings.ToLower(key)] || strings.Contains(strings.ToLower(key), "related")
}

var otherKeys = wordSet("latest mostread mostviewed trending popular footer header navigation menu ads seo config translations i18n messages locale sidebar more masleidas ultimas otras others next previous siguiente anterior")

// take keeps the better of the story it has and a new one: the page's own before any other, then the longer one.
func (r *stateReader) take(paragraphs []string, owner ldNode) {
	size := 0
	for _, p := range paragraphs {
		size += utf8.RuneCountInString(p)
	}
	if size < minText {
		return
	}
	own := r.isOwn(owner)
	if owner != nil && !own && r.title != "" {
		return // it has a title, and it is another story's
	}
	if own && !r.best.own || own == r.best.own && size > r.best.size {
		r.best = story{paragraphs: paragraphs, size: size, own: own, object: owner}
	}
}

func headlineOf(n ldNode) string {
	for _, key := range []string{"headline", "headlines", "title", "titulo", "titular"} {
		switch v := n[key].(type) {
		case string:
			if len(strings.Fields(v)) > 1 {
				return v
			}
		case map[string]any:
			if s := ldNode(v).text("basic", "main", "rendered", "default", "text", "web"); s != "" {
				return s
			}
		}
	}
	return ""
}

func (r *stateReader) isOwn(n ldNode) bool {
	if n == nil {
		return false
	}
	if h := source.Fold(source.CleanInline(headlineOf(n))); h != "" && r.title != "" && (h == r.title || len(h) > 15 && strings.HasPrefix(r.title, h) || len(r.title) > 15 && strings.HasPrefix(h, r.title)) {
		return true
	}
	if len(r.path) < 5 {
		return false
	}
	for _, key := range []string{"canonical_url", "canonicalUrl", "website_url", "url", "link", "slug", "path", "permalink"} {
		if s := strings.Trim(n.text(key), "/"); len(s) > 4 && (strings.HasSuffix(s, r.path) || strings.HasSuffix(r.path, s)) {
			return true
		}
	}
	return false
}

// paragraphsOf reads a list of a story's parts: strings, or objects whose text is HTML, plain, or a list of inline pieces.
func paragraphsOf(list []any, depth int, r *stateReader) []string {
	if depth > 12 {
		return nil
	}
	if element, ok := flightElement(list); ok {
		return element.paragraphs(depth, r)
	}
	var out []string
	for _, e := range list {
		if r.values++; r.values > maxStateValues {
			break
		}
		switch e := e.(type) {
		case string:
			if s := r.resolve(e); strings.Contains(s, " ") && len(s) > 40 {
				out = append(out, splitMarkup(s)...)
			}
		case []any:
			out = append(out, paragraphsOf(e, depth+1, r)...)
		case map[string]any:
			out = append(out, partOf(e, depth, r)...)
		}
	}
	return out
}

// noText are the kinds of parts of a story that are not text.
var noText = wordSet("image video gallery ad advertisement oembed oembed_response embed interstitial_link related raw_html custom_embed social html_embed link_list iframe audio podcast promo newsletter divider correction reference story")

func partOf(part map[string]any, depth int, r *stateReader) []string {
	kind := strings.ToLower(ldNode(part).text("type", "_type", "nodeType", "__typename", "blockName", "kind"))
	if noText[kind] {
		return nil
	}
	for _, key := range []string{"html", "content", "text", "value", "paragraph", "texto", "contenido", "parrafo", "body", "markup", "children", "items", "nodes", "blocks", "data", "attributes", "basic"} {
		switch v := part[key].(type) {
		case string:
			if s := r.resolve(v); len(s) > 1 {
				return splitMarkup(s)
			}
		case []any:
			if line, ok := inlineOf(v, 0); ok {
				if line = source.CleanInline(line); line != "" {
					return []string{line}
				}
				continue
			}
			if found := paragraphsOf(v, depth+1, r); len(found) > 0 {
				return found
			}
		case map[string]any:
			if found := partOf(v, depth+1, r); depth < 12 && len(found) > 0 {
				return found
			}
		}
	}
	return nil
}

// inlineOf joins the pieces of one paragraph: objects that are text, or marks around text.
func inlineOf(list []any, depth int) (string, bool) {
	if len(list) == 0 || depth > 8 {
		return "", false
	}
	var b strings.Builder
	for _, e := range list {
		n, ok := e.(map[string]any)
		if !ok {
			return "", false
		}
		switch kind := strings.ToLower(ldNode(n).text("type", "_type", "nodeType", "__typename")); kind {
		case "", "text", "span", "link", "hyperlink", "a", "strong", "em", "bold", "italic", "entry-hyperlink", "hardbreak":
		default:
			return "", false
		}
		found := false
		for _, key := range []string{"text", "value", "children", "content"} {
			switch v := n[key].(type) {
			case string:
				b.WriteString(v)
				found = true
			case []any:
				inner, ok := inlineOf(v, depth+1)
				if !ok {
					return "", false
				}
				b.WriteString(inner)
				found = true
			}
			if found {
				break
			}
		}
		if !found {
			return "", false
		}
	}
	return b.String(), true
}

// splitMarkup splits a text that may be HTML into paragraphs.
func splitMarkup(s string) []string {
	text := ldBody(s)
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n\n")
}

package extract

import (
	"io"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// The bounds of a page. The parser bounds depth (512 elements), and not what else HTML's rules let a few bytes cost: a
// formatting element that is left open comes again in every paragraph after it, and text that goes on after a tag which is
// ignored is copied whole. Pages of newspapers have a tenth of these, and a page is cut where it goes beyond.
const (
	maxPageBytes      = 4 << 20
	maxPageTokens     = 100_000
	maxPageTag        = 256 << 10
	maxPageAttributes = 200_000
	maxReopened       = 200_000 // elements that formatting may be opened again
	maxTextRun        = 1 << 10 // bytes of text in pieces before a mark parts them
	maxRoots          = 4       // <html>, <body>: the parser merges the attributes of all
	maxLDBytes        = 512 << 10
)

// textMark parts two pieces of text wherever they stand: the comment where elements are ignored, the element where text is
// moved out of a table.
const textMark = "<!----><wbr/>"

var (
	formatting = wordSet("b big code em font i nobr s small strike strong tt u")
	// rawElements hold text alone, so that what looks like a tag in them is none, unless the parser takes them for SVG's.
	rawElements = wordSet("iframe noembed noframes noscript plaintext script style textarea title xmp")
	// inserted are tags that always make an element.
	inserted = wordSet("a article aside b blockquote br div em figure footer h1 h2 h3 h4 h5 h6 header i img li link main meta nav ol p script section span strong style ul")
	tagLike  = regexp.MustCompile(`<[/A-Za-z]`)
)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// boundPage returns a page that costs little to parse: most pages as they are, hostile ones cut and without what makes them
// dear.
func boundPage(page string) string {
	page = page[:min(len(page), maxPageBytes)]
	out, reopened := rewritePage(page, false)
	if reopened > maxReopened {
		out, _ = rewritePage(page, true)
	}
	return out
}

// pageRewriter copies a page token by token.
type pageRewriter struct {
	page    string
	out     strings.Builder
	copied  int // bytes of page that are in out, or left out of it
	at, end int // the token

	plain    bool   // leave formatting out
	raw      string // the element whose text comes next, "" for markup
	ld       bool   // it is JSON-LD
	tagged   bool   // the last token was no text
	run      int    // bytes of text since an element was inserted for certain
	roots    map[string]int
	open     []string       // formatting elements with nothing but text and formatting in them yet
	left     map[string]int // of those with more in them, how often each is written
	leftOpen int            // at most so many come again wherever they can
	reopened int

	attributes int
}

func rewritePage(page string, plain bool) (out string, reopened int) {
	w := &pageRewriter{page: page, plain: plain, roots: map[string]int{}, left: map[string]int{}}
	z := html.NewTokenizer(strings.NewReader(page))
	for n := 0; n < maxPageTokens && w.attributes < maxPageAttributes; n++ {
		kind := z.Next()
		if kind == html.ErrorToken {
			if z.Err() != io.EOF { //nolint:errorlint // as the tokenizer documents it
				break
			}
			w.end = len(page)
			break
		}
		w.at, w.end = w.end, w.end+len(z.Raw())
		switch kind {
		case html.TextToken:
			w.text()
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			name, more := z.TagName()
			w.tag(string(name), kind, z, more)
			w.tagged = true
		default:
			w.tagged = true
		}
	}
	if w.copied == 0 {
		return page[:w.end], w.reopened
	}
	w.out.WriteString(page[min(w.copied, w.end):w.end])
	return w.out.String(), w.reopened
}

// put writes s in place of the token.
func (w *pageRewriter) put(s string) {
	w.out.WriteString(w.page[w.copied:w.at])
	w.out.WriteString(s)
	w.copied = w.end
}

func (w *pageRewriter) text() {
	text := w.page[w.at:w.end]
	raw, ld := w.raw, w.ld
	w.raw, w.ld = "", false
	if raw != "" {
		if !tagLike.MatchString(text) {
			return
		}
		switch {
		case raw == "title" || raw == "textarea":
			w.put(tagLike.ReplaceAllStringFunc(text, func(s string) string { return "&lt;" + s[1:] }))
		case ld:
			w.put(tagLike.ReplaceAllStringFunc(text, func(s string) string { return `\u003c` + s[1:] }))
		default:
			w.put("")
		}
		return
	}
	if w.run > maxTextRun && w.tagged && (len(text) > 64 || strings.TrimSpace(text) != "") {
		w.put(textMark + text)
		w.run = 0
	}
	w.run += len(text)
	w.tagged = false
}

func (w *pageRewriter) tag(name string, kind html.TokenType, z *html.Tokenizer, attrs bool) {
	start := kind != html.EndTagToken
	w.raw, w.ld = "", false
	if start && rawElements[name] {
		w.raw = name
	}
	for attrs {
		var key, value []byte
		key, value, attrs = z.TagAttr()
		w.attributes++
		w.ld = w.ld || start && name == "script" && string(key) == "type" && strings.Contains(strings.ToLower(string(value)), "ld+json")
	}
	if start && inserted[name] {
		w.run = 0
	}
	switch {
	case w.end-w.at > maxPageTag:
		w.put("")
	case name == "plaintext" || name == "frameset":
		w.put("") // nobody writes them, and both change what the rest means
	case start && (name == "html" || name == "body"):
		if w.roots[name]++; w.roots[name] > maxRoots {
			w.put("")
		}
	case formatting[name]:
		w.format(name, start)
	case name != "a" && name != "span" && name != "br" && name != "img" && name != "wbr":
		for _, tag := range w.open {
			if w.left[tag]++; w.left[tag] <= 3 { // of equal ones, no more than three come again (the Noah's Ark clause)
				w.leftOpen++
			}
		}
		w.open = w.open[:0]
		w.reopened += w.leftOpen
	}
}

func (w *pageRewriter) format(name string, start bool) {
	if w.plain {
		w.put("")
		return
	}
	if start {
		w.open = append(w.open, w.page[w.at:w.end])
		return
	}
	if last := len(w.open) - 1; last >= 0 && strings.EqualFold(tagName(w.open[last]), name) {
		w.open = w.open[:last]
	}
}

// tagName is the name in <name …>.
func tagName(tag string) string {
	tag = tag[1:]
	if end := strings.IndexAny(tag, " \t\r\n\f/>"); end >= 0 {
		return tag[:end]
	}
	return tag
}

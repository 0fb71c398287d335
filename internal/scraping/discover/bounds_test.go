package discover

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"openlearn/internal/scraping/source"
	"openlearn/internal/testkit/bounds"
)

func TestHostileFeedsAreCheap(t *testing.T) { //nolint:paralleltest // it measures the process
	s := source.Source{BaseURL: "https://www.diario.example"}.Site()
	base := &url.URL{Scheme: "https", Host: "www.diario.example", Path: "/feed"}
	const rss, atom = `<rss version="2.0"><channel><item>`, `<feed xmlns="http://www.w3.org/2005/Atom"><entry>`
	spaces := bounds.Numbered(1000, ` xmlns:n%d="urn:x"`)
	sixteen := func(text string) string {
		out := []byte{0xfe, 0xff}
		for _, u := range utf16.Encode([]rune(text)) {
			out = append(out, byte(u>>8), byte(u))
		}
		return string(out)
	}
	for name, body := range map[string]string{
		"names within names":        rss + bounds.Filled("<a:b>"),
		"names in an entry":         atom + bounds.Filled("<m:g>"),
		"native names":              rss + bounds.Filled("<item>"),
		"names beside names":        rss + bounds.Filled("<a:b/>"),
		"closed":                    rss + bounds.Filled("<a:b></a:b>"),
		"in a group":                rss + strings.Repeat(strings.Repeat("<a:b>", 200)+strings.Repeat("</a:b>", 200), 3000),
		"attributes":                rss + "<a:b " + bounds.Filled(`c="" `),
		"attributes without quotes": rss + "<a:b " + bounds.Filled(`b=cé`),
		"attributes without values": rss + "<a:b " + bounds.Filled(`c `),
		"attributes of many":        rss + bounds.Filled(`<a:b c="" d="" e="">x</a:b>`),
		"namespaces":                "<rss" + spaces + "><channel>" + bounds.Filled("<item><title>x</title></item>"),
		"namespaces at each level":  "<rss><channel><item>" + bounds.Numbered(250, `<a:b xmlns:a%d="urn:x">`) + strings.Repeat("<c></c>", 40_000),
		"text in pieces":            rss + "<a:b>" + strings.Repeat(strings.Repeat("x", 200)+"<c/>", 40_000),
		"text and comments":         rss + "<a:b>" + strings.Repeat(strings.Repeat("x", 200)+"<!---->", 40_000),
		"text and sections":         rss + "<a:b>" + strings.Repeat(strings.Repeat("x", 200)+"<![CDATA[y]]>", 40_000),
		"entities":                  rss + "<title>" + strings.Repeat("&amp;", 200_000) + "</title><link>/a</link></item></channel></rss>",
		"entities within entities":  `<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>` + rss + "<title>" + strings.Repeat("&c;", 1000) + "</title></item></channel></rss>",
		"behind a doctype":          `<!DOCTYPE rss [<!ENTITY a "<![CDATA["><!-- " --> <!ENTITY b '<!--'>]>` + rss + bounds.Filled("<a:b>"),
		"behind a comment":          "<!--> --><!-- <![CDATA[ -->" + rss + bounds.Filled("<a:b>"),
		"in UTF-16":                 sixteen(rss + bounds.Filled("<a:b>")[:4<<20]),
		"in UTF-16 from its midst":  `<?xml version="1.0"?> <?xml encoding="utf-16be"?>` + sixteen(rss+bounds.Filled("<a:b>")[:4<<20]),
		"in windows-1252":           `<?xml version="1.0" encoding="windows-1252"?>` + rss + bounds.Filled("<\xe1>"),
	} {
		var err error
		var found Found
		if got := bounds.Allocated(func() { found, err = ParseFeed([]byte(body), base, s) }); got > bounds.Most() {
			t.Errorf("%s: %d MB", name, got>>20)
		}
		if errors.Is(err, errFeedBounds) && !errors.Is(err, ErrNoFeed) {
			t.Errorf("%s: %v is no refusal of a feed", name, err)
		}
		if strings.HasPrefix(name, "names") && !errors.Is(err, errFeedBounds) {
			t.Errorf("%s: %d items, %v", name, len(found.Items), err)
		}
	}
}

// TestFeedsWithinBounds are read as before, whatever their encoding.
func TestFeedsWithinBounds(t *testing.T) {
	t.Parallel()
	s := source.Source{BaseURL: "https://www.diario.example"}.Site()
	base := &url.URL{Scheme: "https", Host: "www.diario.example", Path: "/feed"}
	body := `<!DOCTYPE rss [<!ENTITY a "<b>">]><rss version="2.0"` + bounds.Numbered(40, ` xmlns:n%d="urn:x%[1]d"`) + `><channel>` +
		bounds.Numbered(1000, `<item><title>Año %d</title><link>/noticias/la-nota-%[1]d</link><media:group xmlns:media="http://search.yahoo.com/mrss/">`+strings.Repeat(`<media:content url="a" medium="image"/>`, 20)+`</media:group><description><![CDATA[`+strings.Repeat("<p>x</p>", 200)+`]]></description></item>`) +
		`</channel></rss>`
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(`<?xml version="1.0" encoding="UTF-16"?>` + body)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	narrow := strings.ReplaceAll(body, "ñ", "\xf1")
	for name, feed := range map[string][]byte{
		"UTF-8": []byte(body), "UTF-16": wide, "ISO-8859-1": []byte(`<?xml version="1.0" encoding="ISO-8859-1"?>` + narrow), "undeclared": []byte(narrow),
		"deep": []byte(strings.Replace(body, "<item>", "<item>"+strings.Repeat("<x>", 200)+strings.Repeat("</x>", 200), 1)),
	} {
		if len(feed) > 8<<20 {
			t.Fatalf("%d bytes", len(feed))
		}
		found, err := ParseFeed(feed, base, s)
		items := found.Items
		if err != nil || len(items) != 1000 || items[7].Title != "Año 7" {
			t.Errorf("%s: %d items, %v", name, len(items), err)
		}
	}
}

// FuzzFeedBounds: the parser's own tokenizer never finds more in a feed than was counted.
func FuzzFeedBounds(f *testing.F) {
	for _, s := range []string{
		`<a><b c="d" e='>'/></a>`, `<!DOCTYPE a [<!ENTITY b "<">]><a b=cé d>x<!-- <a> --><![CDATA[<a>]]></a>`, `<?xml version="1.0"?><a/>`, `<!><<a>`, `<a b="/>`, "<a\u00e9=b:c>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := feedScan{}
		if err := s.read(body); err != nil {
			return
		}
		d := xml.NewDecoder(bytes.NewReader(body))
		d.Strict = false
		elements, attributes := 0, 0
		for {
			token, err := d.RawToken()
			if err != nil {
				break
			}
			if start, ok := token.(xml.StartElement); ok {
				elements++
				attributes += len(start.Attr)
			}
		}
		if elements > s.elements || attributes > s.attributes {
			t.Fatalf("%q: %d elements and %d attributes, counted %d and %d", body, elements, attributes, s.elements, s.attributes)
		}
	})
}

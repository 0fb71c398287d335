package discover

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"openlearn/internal/scraping/source"
)

var faro = source.Source{ID: "faro", Name: "El Faro", BaseURL: "https://www.faro.example"}

func at(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// shown formats each item as "path title date".
func shown(items []Item) (out []string) {
	for _, it := range items {
		s := strings.TrimPrefix(it.URL, "https://www.faro.example")
		if it.Title != "" {
			s += " " + it.Title
		}
		if it.PublishedAt != nil {
			s += " " + it.PublishedAt.Format(time.RFC3339)
		}
		out = append(out, s)
	}
	return out
}

func zipped(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFeedsInTheWild(t *testing.T) {
	t.Parallel()
	rss := func(items string) string {
		return `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>x</title><ttl>45</ttl>` + items + `</channel></rss>`
	}
	item := `<item><title>Uno</title><link>https://www.faro.example/n/uno-dos</link></item>`
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"control characters":        {rss("<item><title>U\x08n\x1fo&#x8;&#31;&#65;</title><link>/n/uno</link></item>"), []string{"/n/uno UnoA"}},
		"noise before the XML":      {"<br />\n<b>Warning</b>: Undefined array key in <b>/var/www/feed.php</b><br />\n" + rss(item), []string{"/n/uno-dos Uno"}},
		"blank lines":               {"\n\n  " + rss(item), []string{"/n/uno-dos Uno"}},
		"Latin-1 declared UTF-8":    {rss("<item><title>A\xf1o de la ni\xf1ez</title><link>/n/a</link></item>"), []string{"/n/a Año de la niñez"}},
		"mojibake":                  {rss("<item><title>El CafÃ© estÃ¡ listo</title><link>/n/a</link></item>"), []string{"/n/a El Café está listo"}},
		"no mojibake":               {rss("<item><title>Ã Â son letras</title><link>/n/a</link></item>"), []string{"/n/a Ã Â son letras"}},
		"broken off":                {strings.TrimSuffix(rss(item+"<item><title>Dos</title><link>/n/d"), "</channel></rss>"), []string{"/n/uno-dos Uno"}},
		"COT":                       {rss("<item><link>/n/a</link><pubDate>Tue, 24 Nov 2026 09:30:00 COT</pubDate></item>"), []string{"/n/a 2026-11-24T14:30:00Z"}},
		"Spanish date":              {rss("<item><link>/n/a</link><pubDate>martes, 24 de noviembre de 2026 12:00 del mediodía</pubDate></item>"), []string{"/n/a 2026-11-24T17:00:00Z"}},
		"no zone":                   {rss("<item><link>/n/a</link><pubDate>2026-11-24 09:30:00</pubDate></item>"), []string{"/n/a 2026-11-24T14:30:00Z"}},
		"identifier alone":          {rss(`<item><guid isPermaLink="true">https://faro.example/n/a</guid></item>`), []string{"/n/a"}},
		"identifier that is a path": {rss(`<item><guid>/n/a</guid></item><item><guid>1234</guid></item>`), []string{"/n/a"}},
		"origLink": {`<rss version="2.0" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"><channel><item><link>https://feeds.proxy.example/~r/x/1</link>` +
			`<feedburner:origLink>https://www.faro.example/n/a</feedburner:origLink></item></channel></rss>`, []string{"/n/a"}},
		"twins":          {rss("<item><link>/n/a/</link></item><item><link>/n/a</link></item><item><link>/n/a?utm_source=rss</link></item>"), []string{"/n/a/"}},
		"compressed":     {zipped(t, rss(item)), []string{"/n/uno-dos Uno"}},
		"RDF":            {`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><item><title>Uno</title><link>/n/a</link></item></rdf:RDF>`, []string{"/n/a Uno"}},
		"JSON Feed":      {`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","url":"/n/a","title":"Uno","date_published":"2026-11-24T09:30:00-05:00"},{"id":2}]}`, []string{"/n/a Uno 2026-11-24T14:30:00Z"}},
		"Atom's updated": {`<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/n/a"/><updated>2026-11-24T09:30:00Z</updated></entry></feed>`, []string{"/n/a 2026-11-24T09:30:00Z"}},
	} {
		found, err := ParseFeed([]byte(c.body), at(t, "https://www.faro.example/rss"), faro.Site())
		if got := shown(found.Items); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
		if strings.Contains(c.body, "<ttl>") && !strings.Contains(name, "compressed") && found.TTL != 45*time.Minute {
			t.Errorf("%s: ttl %v", name, found.TTL)
		}
	}
}

func TestWhatIsNoFeedIsTold(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		"": ErrEmpty, " \n\t": ErrEmpty, "\xef\xbb\xbf": ErrEmpty,
		"<!doctype html><html><body>Noticias</body></html>":                                ErrHTML,
		"<html><body><p>How to write &lt;rss&gt;: <rss><item></item></rss></body></html>":  ErrHTML,
		"<html><head><title>Just a moment...</title></head><body>cf_chl_opt</body></html>": ErrChallenge,
		`{"error": "not found"}`: ErrNoFeed, "<?xml version='1.0'?><urlset></urlset>": ErrNoFeed, "hello": ErrNoFeed,
	} {
		found, err := ParseFeed([]byte(body), at(t, "https://www.faro.example/rss"), faro.Site())
		if !errors.Is(err, want) || !errors.Is(err, ErrNoFeed) || len(found.Items) > 0 {
			t.Errorf("%q: %v, want %v", body, err, want)
		}
	}
}

func TestSitemaps(t *testing.T) {
	t.Parallel()
	urlset := func(urls string) string {
		return `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="n" xmlns:image="i">` + urls + `</urlset>`
	}
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"news date over lastmod": {urlset(`<url><loc>https://faro.example/n/a</loc><lastmod>2026-11-26</lastmod><news:news><news:publication_date>2026-11-24T09:30:00-05:00</news:publication_date><news:title><![CDATA[Año & más]]></news:title></news:news></url>`), []string{"/n/a Año & más 2026-11-24T14:30:00Z"}},
		"blanks":                 {urlset("<url><loc>\n https://faro.example/n/a \n</loc><lastmod></lastmod></url>"), []string{"/n/a"}},
		"two dates":              {urlset(`<url><loc>/n/a</loc><lastmod>2026-11-24T07:18:53Z 2026-06-15T15:33:55Z</lastmod></url>`), []string{"/n/a"}},
		"images":                 {urlset(`<url><image:image><image:loc>https://faro.example/i/foto-de-la-nota</image:loc></image:image><loc>/n/a</loc></url>`), []string{"/n/a"}},
		"broken off":             {urlset(`<url><loc>/n/a</loc></url><url><loc>/n/b`)[:len(urlset(`<url><loc>/n/a</loc></url><url><loc>/n/b`))-9], []string{"/n/a"}},
		"prefixed":               {`<sm:urlset xmlns:sm="x"><sm:url><sm:loc>/n/a</sm:loc></sm:url></sm:urlset>`, []string{"/n/a"}},
		"compressed":             {zipped(t, urlset(`<url><loc>/n/a</loc></url>`)), []string{"/n/a"}},
		"compressed twice":       {zipped(t, zipped(t, urlset(`<url><loc>/n/a</loc></url>`))), []string{"/n/a"}},
		"plain list":             {"https://faro.example/n/a\nhttps://other.example/n/b\n", []string{"/n/a"}},
		"others and repetitions": {urlset(`<url><loc>/n/a/</loc></url><url><loc>/n/a</loc></url><url><loc>https://evil.example/n/c</loc></url><url><loc>/tags/x</loc></url><url></url>`), []string{"/n/a/"}},
		"comments":               {urlset(`<!-- <url><loc>/n/no</loc></url> --><url><loc>/n/a</loc></url>`), []string{"/n/a"}},
		"entities":               {urlset(`<url><loc>https://faro.example/n/a?x=1&amp;y=2</loc></url>`), []string{"/n/a?x=1&y=2"}},
	} {
		m, err := ParseSitemap([]byte(c.body), at(t, "https://www.faro.example/sitemap.xml"), faro)
		if got := shown(m.Items); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
	m, err := ParseSitemap([]byte(`<sitemapindex><sitemap><loc>/s-1.xml.gz</loc><lastmod>2026-11-24</lastmod></sitemap><sitemap><loc>https://evil.example/s.xml</loc></sitemap><sitemap><loc>/s-1.xml.gz</loc></sitemap></sitemapindex>`), at(t, "https://www.faro.example/i.xml"), faro)
	if err != nil || len(m.Sitemaps) != 1 || m.Sitemaps[0].URL != "https://www.faro.example/s-1.xml.gz" || m.Sitemaps[0].ModifiedAt == nil {
		t.Errorf("index: %+v, %v", m, err)
	}
	picky := faro
	picky.Article = source.Articles{Path: `-\d{4,}$`, Not: []string{"/caricaturas/"}}
	m, err = ParseSitemap([]byte(urlset(`<url><loc>/n/a-1234</loc></url><url><loc>/caricaturas/a-1234</loc></url><url><loc>/n/a</loc></url>`)), at(t, "https://www.faro.example/s.xml"), picky)
	if err != nil || len(m.Items) != 1 {
		t.Errorf("patterns: %+v, %v", m.Items, err)
	}
	for body, want := range map[string]error{
		"": ErrEmpty, "<html><body>404</body></html>": ErrHTML, "<rss></rss>": ErrNoSitemap, "nada": ErrNoSitemap,
		zipped(t, zipped(t, zipped(t, "x"))): errBomb, zipped(t, strings.Repeat(" ", maxInflated+1)): errBomb,
	} {
		if _, err := ParseSitemap([]byte(body), at(t, "https://www.faro.example/s.xml"), faro); !errors.Is(err, want) || !errors.Is(err, ErrNoSitemap) {
			t.Errorf("%.20q: %v, want %v", body, err, want)
		}
	}
}

func TestLinksOfPages(t *testing.T) {
	t.Parallel()
	page := `<html><head><link rel="alternate" type="application/rss+xml; charset=utf-8" href="/feed/"><link rel="alternate" type="application/rss+xml" title="Comentarios" href="/comments/feed/">
		<link rel="alternate" hreflang="en" href="/en"><link rel="alternate" type="application/atom+xml" href="https://other.example/feed"></head><body>
		<a href="/politica">Política</a><a href="/politica/el-congreso-aprobo-la-reforma">x</a><a href="https://faro.example/politica/el-congreso-aprobo-la-reforma/">x</a>
		<a href="/nota-123456">x</a><a href="/autor/ana-de-la-rosa-perez">x</a><a href="javascript:x">x</a><a>x</a></body></html>`
	got := Links([]byte(page), at(t, "https://www.faro.example/"), faro)
	if !slices.Equal(got.Feeds, []string{"https://www.faro.example/feed/"}) || !slices.Equal(shown(got.Items), []string{"/politica/el-congreso-aprobo-la-reforma", "/nota-123456"}) ||
		!slices.Equal(got.Sections, []string{"https://www.faro.example/politica"}) {
		t.Errorf("%+v", got)
	}
}

// TestReferenceCases reads the recorded cases of feeds and sitemaps.
func TestReferenceCases(t *testing.T) {
	t.Parallel()
	root := os.Getenv("OPENLEARN_DATA")
	if root == "" {
		t.Skip("OPENLEARN_DATA is not set: the recorded cases are not here")
	}
	dir := filepath.Join(root, "data", "extraction", "cases")
	raw, err := os.ReadFile(filepath.Join(dir, "cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range bytes.Lines(raw) {
		var c struct {
			ID, Kind, Input, URL string
			Want                 struct{ URLs []any }
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind != "feed" && c.Kind != "sitemap" {
			continue
		}
		seen++
		body, err := os.ReadFile(filepath.Join(dir, c.Input))
		if err != nil {
			t.Fatal(err)
		}
		u := at(t, c.URL)
		s := source.Source{BaseURL: u.Scheme + "://" + u.Host}
		var got []any
		if c.Kind == "feed" {
			found, err := ParseFeed(body, u, s.Site())
			if err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
			for _, it := range found.Items {
				got = append(got, it.URL)
			}
		} else {
			m, err := ParseSitemap(body, u, s)
			if err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
			for _, it := range m.Items {
				var date any
				if it.PublishedAt != nil {
					date = it.PublishedAt.Format(time.RFC3339)
				}
				got = append(got, []any{it.URL, date})
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.Want.URLs) {
			t.Errorf("%s: %v, want %v", c.ID, got, c.Want.URLs)
		}
	}
	if seen < 2 {
		t.Errorf("%d cases", seen)
	}
}

func FuzzSitemap(f *testing.F) {
	f.Add([]byte(`<urlset><url><loc>https://www.faro.example/a</loc><lastmod>2026-11-24</lastmod></url></urlset>`))
	f.Add([]byte("<sitemapindex><sitemap><loc>/a</loc></sitemap><![CDATA[<!--<url>"))
	f.Add([]byte("https://www.faro.example/a\n"))
	u := &url.URL{Scheme: "https", Host: "www.faro.example", Path: "/s.xml"}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ParseSitemap(body, u, faro)
		if err != nil && len(m.Items) > 0 {
			t.Fatal("items beside an error")
		}
		for _, it := range m.Items {
			if !strings.HasPrefix(it.URL, "https://www.faro.example/") {
				t.Fatalf("%q", it.URL)
			}
		}
	})
}

func FuzzLinks(f *testing.F) {
	f.Add([]byte(`<base href="//x"><a href="/a-b-c-d"><link rel=alternate type=application/rss+xml href=/f>`))
	u := &url.URL{Scheme: "https", Host: "www.faro.example", Path: "/"}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, it := range Links(body, u, faro).Items {
			if !strings.HasPrefix(it.URL, "https://www.faro.example/") {
				t.Fatalf("%q", it.URL)
			}
		}
	})
}

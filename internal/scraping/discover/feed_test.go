package discover

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"openlearn/internal/scraping/source"
)

func FuzzFeed(f *testing.F) {
	f.Add([]byte(`<rss version="2.0"><channel><item><link>https://www.diario.example/a</link><pubDate>x</pubDate></item></channel></rss>`))
	f.Add([]byte(`<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/a"/></entry><entry>`))
	f.Add([]byte("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><rss><channel><item><link>/\xf1</link></item>"))
	s := source.Source{BaseURL: "https://www.diario.example"}.Site()
	base := &url.URL{Scheme: "https", Host: "www.diario.example", Path: "/feed"}
	f.Fuzz(func(t *testing.T, body []byte) {
		found, err := ParseFeed(body, base, s)
		items := found.Items
		if err != nil && len(items) > 0 {
			t.Fatal("items beside an error")
		}
		seen := map[string]bool{}
		for _, it := range items {
			if seen[it.URL] || !strings.HasPrefix(it.URL, "https://www.diario.example/") {
				t.Fatalf("%q", it.URL)
			}
			seen[it.URL] = true
		}
	})
}

func TestBrokenFeeds(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "news.example", Path: "/feed"}
	s := source.Source{BaseURL: "https://news.example"}.Site()
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"cut off":        {`<rss version="2.0"><channel><item><link>https://news.example/a</link></item><item><link>https://news.exa`, []string{"https://news.example/a"}},
		"atom cut":       {`<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/a"/></entry><entry><title>b`, []string{"https://news.example/a"}},
		"atom":           {`<feed xmlns="http://www.w3.org/2005/Atom"><entry><link rel="alternate" href="https://www.news.example/b?utm_campaign=x&amp;id=1"/></entry></feed>`, []string{"https://news.example/b?id=1"}},
		"guid":           {`<rss version="2.0"><channel><item><guid>https://news.example/g</guid></item></channel></rss>`, []string{"https://news.example/g"}},
		"double slash":   {`<rss version="2.0"><channel><item><link>http://news.example//a//b/#x</link></item><item><link>https://www.news.example/a/b/</link></item></channel></rss>`, []string{"https://news.example/a/b/"}},
		"evil twin":      {`<rss version="2.0"><channel><item><link>https://news.example.evil.example/a</link></item><item><link>https://evilnews.example/a</link></item></channel></rss>`, nil},
		"false encoding": {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss version=\"2.0\"><channel><item><link>https://news.example/niño</link></item></channel></rss>", []string{"https://news.example/ni%C3%B1o"}},
		"bare ampersand": {`<rss version="2.0"><channel><item><title>A & B</title><link>https://news.example/a?x=1&y=2</link></item></channel></rss>`, []string{"https://news.example/a?x=1&y=2"}},
		"control":        {"<rss version=\"2.0\"><channel><item><title>a\x0bb</title><link>https://news.example/a</link></item></channel></rss>", []string{"https://news.example/a"}},
	} {
		found, err := ParseFeed([]byte(c.body), base, s)
		var got []string
		for _, it := range found.Items {
			got = append(got, it.URL)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
	for _, body := range []string{"", "<html><body>no feed</body></html>", "<?xml version='1.0'?>", "\x00\x01", "<rss"} {
		if found, err := ParseFeed([]byte(body), base, s); err == nil && len(found.Items) > 0 {
			t.Errorf("%q gave items", body)
		}
	}
}

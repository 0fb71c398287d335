package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/testkit"
)

// TestBodiesOfReadsPoisonNothing: an answer that the body of a GET or a HEAD shaped is given to nobody else.
func TestBodiesOfReadsPoisonNothing(t *testing.T) {
	t.Parallel()
	p, err := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "page"+string(b))
	}), Options{Store: NewStore(cachetest.Engine(t, testkit.RedisURL(t)))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	ask := func(method string, body io.Reader) (string, string) {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(method, "http://example.test/page", body))
		return w.Body.String(), w.Header().Get("X-Cache")
	}
	for _, body := range []io.Reader{strings.NewReader("poison"), io.MultiReader(strings.NewReader("poison"))} { // the second has no length
		if got, said := ask(http.MethodGet, body); got != "pagepoison" || said != "BYPASS" {
			t.Errorf("with a body: %q %s", got, said)
		}
	}
	if got, said := ask(http.MethodGet, nil); got != "page" || said != "MISS" {
		t.Errorf("without: %q %s", got, said)
	}
	if _, said := ask(http.MethodGet, strings.NewReader("poison")); said != "BYPASS" {
		t.Errorf("a body beside a stored answer: %s", said)
	}
	if got, said := ask(http.MethodGet, nil); got != "page" || said != "HIT" {
		t.Errorf("again without: %q %s", got, said)
	}
}

// TestCookiesAreNotSharedUnsaid: a cookie is stored where freshness is explicit, or public says so, and not where
// freshness is heuristic.
func TestCookiesAreNotSharedUnsaid(t *testing.T) {
	const old = "Last-Modified: $date-1000000\nSet-Cookie: a=b"
	playAll(t, map[string][]step{
		"on a guess":         twice(old, false),
		"on a guess, public": twice(old+"\nCache-Control: public", true),
		"said":               twice(old+"\nCache-Control: max-age=60", true),
	})
}

// TestCodingsInAnyOrderAreOneVariant: they are, and other codings or weights are another.
func TestCodingsInAnyOrderAreOneVariant(t *testing.T) {
	first := step{reply: "Cache-Control: max-age=60\nVary: Accept-Encoding", send: "Accept-Encoding: gzip, deflate, br;q=0.5"}
	same := func(s string) step { return step{send: "Accept-Encoding: " + s, cached: true} }
	other := func(s string) step {
		return step{send: "Accept-Encoding: " + s, reply: "Cache-Control: max-age=60\nVary: Accept-Encoding"}
	}
	playAll(t, map[string][]step{
		"same":  {first, same("br;q=0.5,deflate,gzip"), same("GZIP , Deflate, br; q=0.50"), same("x-gzip;q=1, deflate;q=1.0, br;q=.5")},
		"other": {first, other("gzip, deflate"), other("gzip, deflate, br"), other("gzip, br;q=0.5")},
	})
}

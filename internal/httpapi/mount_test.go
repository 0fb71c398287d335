package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestMount: a path below the base is seen without it, in every spelling of the base's segments, and no other path is touched.
func TestMount(t *testing.T) {
	t.Parallel()
	roots := map[string]bool{"api": true, "admin": true, "docs": true, "health": true}
	for _, c := range []struct{ public, asked, want string }{
		{"https://h/openlearn", "/openlearn", "/"},
		{"https://h/openlearn", "/openlearn/", "/"},
		{"https://h/openlearn", "/openlearn?a=1", "/?a=1"},
		{"https://h/openlearn", "/openlearn/api/articles?a=%2f&b", "/api/articles?a=%2f&b"},
		{"https://h/openlearn/", "/%6fpenl%65arn/api/x%2Fy", "/api/x%2Fy"},
		{"https://h/openlearn", "/openlearn/openlearn/api", "/openlearn/api"},
		{"https://h/openlearn", "/openlearn//admin", "//admin"},
		{"https://h/openlearn", "/openlearn/../admin", "/../admin"},
		{"https://h/openlearn", "/openlearn/%2e%2e/admin", "/%2e%2e/admin"},
		{"https://h/openlearn", "/api/articles", "/api/articles"},
		{"https://h/openlearn", "/openlearnx/api", "/openlearnx/api"},
		{"https://h/openlearn", "/openlearn%2Fapi", "/openlearn%2Fapi"},
		{"https://h/openlearn", "/openlearn%00/api", "/openlearn%00/api"},
		{"https://h/openlearn", "//openlearn/api", "//openlearn/api"},
		{"https://h/openlearn", "/./openlearn/api", "/./openlearn/api"},
		{"https://h/openlearn", "/OpenLearn/api", "/OpenLearn/api"},
		{"https://h/a/b", "/a/b/api", "/api"},
		{"https://h/a/b", "/a/api", "/a/api"},
		{"https://h/a/b", "/a//b/api", "/a//b/api"},
		{"https://h/a/b", "/a%2Fb/api", "/a%2Fb/api"},
		{"https://h/espa%c3%b1ol", "/espa%C3%B1ol/api", "/api"},
		{"https://h/español", "/espa%c3%b1ol/api", "/api"},
		{"https://h", "/openlearn/api", "/openlearn/api"},
		// A base that is like a route: what a proxy has removed it from must go on working.
		{"https://h/api", "/api/articles", "/api/articles"},
		{"https://h/api", "/api", "/api"},
		{"https://h/api", "/api/api/articles", "/api/articles"},
		{"https://h/api", "/%61pi/%61pi/articles", "/%61pi/articles"},
		{"https://h/api", "/api/admin/cache", "/admin/cache"},
		{"https://h/admin", "/admin/cache", "/admin/cache"},
		{"https://h/admin", "/admin/admin/cache", "/admin/cache"},
	} {
		var got *http.Request
		h := Mount(BasePath(c.public), roots, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
		r := httptest.NewRequest(http.MethodGet, c.asked, nil)
		asked := *r.URL
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got.URL.RequestURI() != c.want || got.RequestURI != c.want {
			t.Errorf("%s below %s is %s (%s), want %s", c.asked, c.public, got.URL.RequestURI(), got.RequestURI, c.want)
		}
		if *r.URL != asked {
			t.Errorf("%s: the caller's request was changed to %s", c.asked, r.URL)
		}
	}
}

// TestBasesAreRefused: what links could not begin with, or would lead to another host.
func TestBasesAreRefused(t *testing.T) {
	t.Parallel()
	for _, public := range []string{
		"https://h//evil.example", "https://h/a//b", "https://h/a/../b", "https://h/%2e%2e/b", "https://h/a%2fb", `https://h/a\b`, "https://h/a%0d%0ab",
		"https://h/a;b", "https://h/a%3fb", "https://h/a%22b", "https://h/a b", "https://h/.", "https://h/a%00", "https://h/a,b", "https://h/%ff",
	} {
		if base, err := ParseBase(public); err == nil {
			t.Errorf("%s has the base %q", public, base)
		}
	}
	for public, want := range map[string]string{
		"https://h": "", "https://h/": "", "https://h/openlearn": "/openlearn", "https://h/openlearn/": "/openlearn", "https://h/a.b/c-d_~": "/a.b/c-d_~",
		"https://h/%6fpenlearn": "/openlearn", "https://h/espa%c3%b1ol": "/espa%C3%B1ol", "https://h/español": "/espa%C3%B1ol",
	} {
		if base, err := ParseBase(public); err != nil || base != want {
			t.Errorf("%s has the base %q (%v), want %q", public, base, err, want)
		}
	}
}

// FuzzMount: whatever is asked for, a path is either untouched or really below the base, and is never given a segment that it did
// not have.
func FuzzMount(f *testing.F) {
	for _, s := range []string{"/openlearn", "/openlearn/api?x=1", "/%6Fpenlearn/%2e%2e//x", "/openlearnx", "//openlearn/", "/openlearn/%", "/openlearn/%zz?%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		u, err := url.ParseRequestURI(asked)
		if err != nil || !strings.HasPrefix(asked, "/") {
			return
		}
		r := &http.Request{Method: http.MethodGet, URL: u, RequestURI: asked, Header: http.Header{}}
		var got *http.Request
		Mount("/openlearn", nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })).ServeHTTP(nil, r)
		if got == r {
			return
		}
		if below := "/openlearn" + strings.TrimSuffix(got.URL.Path, "/"); strings.TrimSuffix(u.Path, "/") != strings.TrimSuffix(below, "/") {
			t.Errorf("%q (%q) became %q", asked, u.Path, got.URL.Path)
		}
		if got.URL.RawQuery != u.RawQuery || got.URL.RequestURI() != got.RequestURI {
			t.Errorf("%q became %q (%q)", asked, got.URL.RequestURI(), got.RequestURI)
		}
	})
}

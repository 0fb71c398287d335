package source

import (
	"net/url"
	"testing"
)

func FuzzCanonicalURL(f *testing.F) {
	for _, s := range []string{"https://www.diario.example//a//b?utm_source=x&id=1#y", "/a/../b", "//diario.example/x", "HTTP://DIARIO.EXAMPLE:443/a%2fb", "javascript:x", "?p=1", "https://www.diario.example/%"} {
		f.Add(s)
	}
	s := Source{BaseURL: "https://www.diario.example", HostAliases: map[string]string{"cdn.example": "www.diario.example"}}.Site()
	base := &url.URL{Scheme: "https", Host: "www.diario.example", Path: "/feed"}
	f.Fuzz(func(t *testing.T, raw string) {
		c, ok := s.Canonical(base, raw)
		if !ok {
			return
		}
		u, err := url.Parse(c)
		if err != nil || u.Host != "www.diario.example" || u.Scheme != "https" || u.Fragment != "" || u.User != nil || len(c) > maxAddress {
			t.Fatalf("%q became %q (%v)", raw, c, err)
		}
		if again, ok := s.Canonical(base, c); !ok || again != c {
			t.Fatalf("%q became %q, then %q", raw, c, again)
		}
		LooksLikeArticle(c)
	})
}

package app

import (
	"fmt"
	"net/http"
	"strings"
)

// misconfiguration: what a careful installation has, on every answer, and what it does not have.
func misconfiguration(x *target) {
	stranger, member := x.person(""), x.member("ana.api8@example.org")
	// Headers are on errors as on data.
	for _, c := range []struct{ method, path string }{
		{"GET", "/"},
		{"GET", "/api/articles"},
		{"GET", "/api/articles/abc"},
		{"GET", "/api/nothing"},
		{"GET", "/nothing"},
		{"POST", "/api/articles"},
		{"PUT", "/api/articles/search"},
		{"GET", "/api/users"},
		{"GET", "/health"},
		{"GET", "/metrics"},
		{"POST", "/api/auth/token"},
	} {
		r := stranger.do(c.method, c.path, "")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Content-Security-Policy": apiPolicy, "Strict-Transport-Security": hsts, "Referrer-Policy": "strict-origin-when-cross-origin",
		} {
			if got := r.Header.Get(name); got != want {
				x.t.Errorf("%s %s: %s is %q", c.method, c.path, name, got)
			}
		}
		for _, name := range []string{"Server", "X-Powered-By", "X-AspNet-Version", "Via"} {
			if got := r.Header.Get(name); got != "" {
				x.t.Errorf("%s %s: says %s: %s", c.method, c.path, name, got)
			}
		}
	}
	// Doors that are often left open.
	for _, path := range []string{
		"/.env", "/.git/config", "/debug/pprof/", "/debug/vars", "/actuator/env", "/server-status", "/phpinfo.php", "/config.json", "/backup.sql", "/graphql", "/api/debug", "/console", "/docker-compose.yml",
		"/docs/assets/..%2f..%2fgo.mod", "/docs/assets/%2e%2e/docs.go", "/api/avatars/..%2f..%2fetc%2fpasswd", "/static/../go.mod", "/admin/cache/assets/..%2fconsole.go",
	} {
		if r := stranger.do("GET", path, ""); r.StatusCode < 400 && !(r.StatusCode == http.StatusSeeOther && strings.HasPrefix(path, "/admin")) || strings.Contains(string(r.body), "module openlearn") {
			x.t.Errorf("%s: %d %.100s", path, r.StatusCode, r.body)
		}
	}
	for _, method := range []string{"TRACE", "CONNECT", "TRACK", "DEBUG", "PROPFIND"} {
		if _, res := x.raw(method + " /api/articles HTTP/1.1\r\nHost: localhost\r\nX-Secret: eco\r\nConnection: close\r\n\r\n"); res.StatusCode < 400 {
			x.t.Errorf("%s: %d", method, res.StatusCode)
		}
	}
	// Framing that a proxy may read in another way.
	for what, request := range map[string]string{
		"two lengths":             "POST /api/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
		"an unknown framing":      "POST /api/auth/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n",
		"a space before a colon":  "GET /api/articles HTTP/1.1\r\nHost: localhost\r\nX-Name : x\r\n\r\n",
		"no host":                 "GET /api/articles HTTP/1.1\r\n\r\n",
		"two hosts":               "GET /api/articles HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
		"a negative length":       "POST /api/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
		"a header of a line more": "GET /api/articles HTTP/1.1\r\nHost: localhost\r\nX-Name: x\r\n y: z\x00\r\n\r\n",
	} {
		if _, res := x.raw(request); res.StatusCode < 400 {
			x.t.Errorf("%s: %d", what, res.StatusCode)
		}
	}
	// Pages of other origins.
	for _, origin := range []string{"https://evil.example", "null", "http://localhost:3000.evil.example", "http://localhost:30000", "https://localhost:3000", "http://LOCALHOST:3000@evil.example"} {
		for _, path := range []string{"/api/articles", "/api/auth/me", "/api/nothing"} {
			if r := member.do("GET", path, "", "Origin", origin); r.Header.Get("Access-Control-Allow-Origin") != "" {
				x.t.Errorf("%s may read %s: %q", origin, path, r.Header.Get("Access-Control-Allow-Origin"))
			}
		}
		r := member.do("OPTIONS", "/api/preferences", "", "Origin", origin, "Access-Control-Request-Method", "PUT")
		if r.Header.Get("Access-Control-Allow-Origin") != "" {
			x.t.Errorf("a preflight from %s: %v", origin, r.Header)
		}
	}
	for _, host := range []string{"evil.example", "127.0.0.1.evil.example", "localhost.evil.example"} {
		if got := x.as(host, "GET", "/api/cache/hot", "X-API-Key", testAdminKey); got != http.StatusMisdirectedRequest {
			x.t.Errorf("administration under the name %s: %d", host, got)
		}
	}
	// Errors tell nothing of what is inside.
	for _, path := range []string{"/api/articles/%27", "/api/articles?source=%27%20OR%201=1--", "/api/articles?cursor=eyJ4IjoxfQ", "/api/articles/search?q=%27%29%3B%20DROP%20TABLE%20users%3B--", "/api/articles/999999999999999999999", "/api/preferences?user_id=%00"} {
		r := member.do("GET", path, "")
		text := strings.ToLower(string(r.body))
		for _, inner := range []string{"sqlstate", "pq:", "pgx", "gorm", "goroutine", ".go:", "syntax error", "scraped_content", "redis", "panic", "select "} {
			if r.StatusCode >= 400 && strings.Contains(text, inner) {
				x.t.Errorf("%s tells %q: %s", path, inner, r.body)
			}
		}
		if r.StatusCode >= 500 {
			x.t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	for _, name := range []string{"X-Request-Id", "User-Agent", "Referer", "Accept-Language"} {
		if r := stranger.do("GET", "/api/nothing", "", name, "<script>alert(1)</script>"); strings.Contains(shown(r), "<script>") {
			x.t.Errorf("%s is given back as it came", name)
		}
	}
	for _, path := range []string{"/api/auth/me", "/api/preferences", "/api/users/me/export", "/api/auth/sessions"} {
		if r := member.do("GET", path, ""); r.Header.Get("Cache-Control") != "private, no-store" {
			x.t.Errorf("%s may be stored: %q", path, r.Header.Get("Cache-Control"))
		}
	}
	if n := x.number(`SELECT count(*) FROM users WHERE email_key = 'ana.api8@example.org'`); n != 1 {
		x.t.Error(fmt.Sprint(n, " accounts are left"))
	}
}

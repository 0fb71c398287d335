package app

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTheConsoleOpensToAdmins: an account with the role admin logs in on its page, on any instance, and is out when the role or
// the session is gone.
func TestTheConsoleOpensToAdmins(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database, c.Redis = a.cfg.Database, a.cfg.Redis })
	a.awaitGate()
	a.person("root@example.org").register()
	a.sql(`UPDATE users SET role = 'admin' WHERE email_key = 'root@example.org'`)
	a.person("ana@example.org").register()
	a.settle()
	login := func(p *person, pw string) reply {
		form := url.Values{"email": {p.email}, "password": {pw}}.Encode()
		return p.do(http.MethodPost, "/admin/cache/login", form, "Content-Type", "application/x-www-form-urlencoded")
	}
	ana, root := a.person("ana@example.org"), a.person("root@example.org")
	if r := login(ana, goodPassword); r.StatusCode != http.StatusForbidden || !strings.Contains(string(r.body), "role admin") || len(r.Cookies()) > 0 {
		t.Errorf("a learner: %d %v", r.StatusCode, r.Cookies())
	}
	if r := login(root, "wrong"); r.StatusCode != http.StatusUnauthorized || !strings.Contains(string(r.body), "Incorrect email or password") {
		t.Errorf("a wrong password: %d", r.StatusCode)
	}
	if r := login(root, goodPassword); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/admin/cache" {
		t.Fatalf("the admin: %d %s", r.StatusCode, r.body)
	}
	cookies := root.header()
	for _, p := range []*person{root, root.on(b)} {
		if r := p.do(http.MethodGet, "/admin/cache", "", "Cookie", cookies); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), "Log out") {
			t.Errorf("the console: %d", r.StatusCode)
		}
	}
	if r := root.do(http.MethodPost, "/admin/cache/invalidate", "layer=article", "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example"); r.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page: %d", r.StatusCode)
	}
	root.want(http.StatusOK, http.MethodPost, "/api/cache/invalidate", `{"layer":"article"}`)
	if r := root.do(http.MethodPost, "/admin/cache/invalidate", "scope=all&really=yes", "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode >= 400 {
		t.Errorf("invalidating on the page: %d %s", r.StatusCode, r.body)
	}
	if r := root.do(http.MethodGet, "/api/cache/audit", ""); !strings.Contains(string(r.body), `"user 1"`) || !strings.Contains(string(r.body), "console, user 1") {
		t.Errorf("the trail: %s", r.body)
	}
	if r := root.do(http.MethodPost, "/admin/cache/logout", ""); r.StatusCode != http.StatusSeeOther {
		t.Errorf("logout: %d", r.StatusCode)
	}
	for _, p := range []*person{root, root.on(b)} {
		if r := p.do(http.MethodGet, "/admin/cache", "", "Cookie", cookies); r.StatusCode != http.StatusSeeOther {
			t.Errorf("after the logout: %d", r.StatusCode)
		}
	}
}

// TestTheKeysSessionsAreEverywhere: who logged in with the key on one instance is logged in on the other, until they log out on
// either; a new key ends it.
func TestTheKeysSessionsAreEverywhere(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database, c.Redis = a.cfg.Database, a.cfg.Redis })
	other := newTestApp(t, func(c *Config) {
		c.Database, c.Redis, c.Guard.Key = a.cfg.Database, a.cfg.Redis, "another-admin-key-0123456789"
	})
	a.awaitGate()
	_, token, _ := strings.Cut(a.login(), "=")
	cookie := func(on *testApp) string { // the name has the port, which a balancer would have for all
		return "openlearn_console_" + on.base[strings.LastIndex(on.base, ":")+1:] + "=" + token
	}
	page := func(on *testApp) int {
		return on.get("/admin/cache/audit", "Cookie", cookie(on)).StatusCode
	}
	if pa, pb, po := page(a), page(b), page(other); pa != 200 || pb != 200 || po != http.StatusSeeOther {
		t.Fatalf("the console gives %d, %d, and %d with another key", pa, pb, po)
	}
	if n := a.number(`SELECT count(*) FROM console_sessions WHERE position(convert_to($1, 'UTF8') IN hash) > 0`, token); n != 0 {
		t.Error("the token is stored")
	}
	if r := b.submit("/admin/cache/logout", nil, "Cookie", cookie(b)); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("logout: %d", r.StatusCode)
	}
	if pa, pb := page(a), page(b); pa != http.StatusSeeOther || pb != http.StatusSeeOther {
		t.Errorf("after the logout: %d and %d", pa, pb)
	}
}

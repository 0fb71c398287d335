package app

import (
	"fmt"
	"net/http"
	"strings"
)

// brokenPropertyLevelAuthorization: members that nobody may set, and members that nobody may see.
func brokenPropertyLevelAuthorization(x *target) {
	p := x.member("ana.api3@example.org")
	id := p.id()
	prefs := string(p.want(http.StatusOK, http.MethodGet, "/api/preferences", "").body)
	for name, value := range map[string]string{
		"role": `"admin"`, "is_admin": `true`, "is_superuser": `true`, "is_active": `false`, "id": `1`, "user_id": `1`, "email": `"otra@example.org"`, "email_verified": `true`,
		"email_verified_at": `"2026-01-01T00:00:00Z"`, "password_hash": `"x"`, "created_at": `"2001-01-01T00:00:00Z"`, "scopes": `["admin"]`, "__proto__": `{"role":"admin"}`, "Role": `"admin"`,
	} {
		member := fmt.Sprintf(`,%q:%s}`, name, value)
		register := `{"email":"nueva.api3@example.org","password":` + asJSON(goodPassword) + `,"full_name":"Ana"` + member
		if name == "email" { // one of the two is taken: it must be plain which
			register = `{"email":"nueva.api3@example.org","email":"ana.api3@example.org","password":"corta","full_name":"Ana"}`
		}
		x.refused(p, name, http.MethodPost, "/api/auth/register", register, nil, http.StatusUnprocessableEntity)
		x.refused(p, name, http.MethodPut, "/api/auth/me", `{"full_name":"Ana"`+member, nil, http.StatusUnprocessableEntity)
		x.refused(p, name, http.MethodPut, "/api/preferences", strings.TrimSuffix(strings.TrimSpace(prefs), "}")+member, nil, http.StatusUnprocessableEntity)
	}
	for _, body := range []string{`{"role":"admin"}`, `{"is_active":true}`} {
		x.refused(p, "an admin's change", http.MethodPatch, fmt.Sprintf("/api/users/%d", id), body, nil, http.StatusForbidden)
	}
	x.refused(p, "a form with more than a login", http.MethodPost, "/api/auth/token", `{"username":"ana.api3@example.org","password":"x","role":"admin"}`, nil, http.StatusUnauthorized, http.StatusUnprocessableEntity)
	if n := x.number(`SELECT count(*) FROM users WHERE email_key LIKE '%api3%' AND role = 'learner' AND is_active AND email_verified_at IS NULL AND email_key = 'ana.api3@example.org' AND id = $1`, id); n != 1 {
		x.t.Errorf("the account has changed")
	}
	if n := x.number(`SELECT count(*) FROM users WHERE email_key LIKE '%api3%'`); n != 1 {
		x.t.Errorf("%d accounts", n)
	}
	// What answers have: never what proves who somebody is, nor how it is stored.
	root := x.member("root.api3@example.org")
	x.sql(`UPDATE users SET role = 'admin' WHERE email_key = 'root.api3@example.org'`)
	x.settle()
	for _, who := range []*person{p, root} {
		for _, path := range []string{"/api/auth/me", "/api/auth/sessions", "/api/auth/verify-token", "/api/users/me/export", "/api/preferences", "/api/users", fmt.Sprintf("/api/users/%d", id)} {
			r := who.do(http.MethodGet, path, "")
			if r.StatusCode != http.StatusOK {
				if who == root {
					x.t.Errorf("%s: %d", path, r.StatusCode)
				}
				continue
			}
			for _, name := range memberNames(r.json(x.t)) {
				for _, secret := range []string{"password", "hash", "secret", "family", "token", "email_key", "key"} {
					if strings.Contains(strings.ToLower(name), secret) {
						x.t.Errorf("%s has a member %q", path, name)
					}
				}
			}
		}
	}
	// Strangers see nothing of people in what is public.
	for _, path := range []string{"/api/articles", "/api/scraping/status", "/api/cache/stats", "/api/cache/layers", "/metrics", "/openapi.json"} {
		if text := shown(x.person("").do(http.MethodGet, path, "")); strings.Contains(text, "api3@") {
			x.t.Errorf("%s names somebody", path)
		}
	}
}

// memberNames are the names of all members of a JSON value, at any depth.
func memberNames(v any) (names []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			names = append(append(names, name), memberNames(inner)...)
		}
	case []any:
		for _, inner := range v {
			names = append(names, memberNames(inner)...)
		}
	}
	return names
}

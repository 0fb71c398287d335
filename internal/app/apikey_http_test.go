package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"openlearn/internal/guard"
)

// TestAPIKeysOverHTTP: an admin makes a key, sees it once, and ends it on every instance.
func TestAPIKeysOverHTTP(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database, c.Redis = a.cfg.Database, a.cfg.Redis })
	a.awaitGate()
	b.awaitGate()
	root := []string{"Authorization", "Bearer " + a.adminToken()}
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	r := a.do(http.MethodPost, "/api/keys", `{"name":"cosecha","role":"admin","expires_at":"`+end.Format(time.RFC3339)+`"}`, root...)
	made, _ := r.json(t).(map[string]any)
	key, _ := made["key"].(string)
	if r.StatusCode != http.StatusCreated || !strings.HasPrefix(key, guard.KeyPrefix) || made["name"] != "cosecha" || made["role"] != "admin" || made["state"] != "valid" || made["expires_at"] != end.Format(time.RFC3339) {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if got := r.Header.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("a key may be stored: %q", got)
	}
	list := func(on *testApp, headers ...string) (found string) {
		t.Helper()
		r := on.get("/api/keys", headers...)
		if r.StatusCode != http.StatusOK || strings.Contains(string(r.body), key) {
			t.Errorf("%d, or the key is shown again: %s", r.StatusCode, r.body)
		}
		for _, one := range r.json(t).(map[string]any)["items"].([]any) {
			if one := one.(map[string]any); one["id"] == made["id"] {
				found = fmt.Sprint(one["name"], " ", one["state"])
			}
		}
		return found
	}
	for _, on := range []*testApp{a, b} {
		for _, headers := range [][]string{root, {"X-API-Key", key}, {"X-API-Key", testAdminKey}} {
			if got := list(on, headers...); got != "cosecha valid" {
				t.Errorf("listed as %q", got)
			}
		}
	}
	for body, days := range map[string]float64{`{"name":"un año"}`: 365, `{"name":"siempre","expires_at":null}`: 0} {
		r := a.do(http.MethodPost, "/api/keys", body, root...)
		made, _ := r.json(t).(map[string]any)
		ends, _ := made["expires_at"].(string)
		at, err := time.Parse(time.RFC3339, ends)
		switch {
		case r.StatusCode != http.StatusCreated || days == 0 && made["expires_at"] != nil:
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		case days > 0 && (err != nil || at.Before(end.AddDate(0, 0, 364)) || at.After(end.AddDate(0, 0, 366))):
			t.Errorf("%s: it ends at %q", body, ends)
		}
	}
	for what, body := range map[string]string{
		"no name": `{}`, "an empty name": `{"name":""}`, "blanks": `{"name":"   "}`, "a long name": `{"name":"` + strings.Repeat("ñ", 101) + `"}`, "two lines": `{"name":"a\nb"}`,
		"an unknown role": `{"name":"x","role":"root"}`, "in the past": `{"name":"x","expires_at":"2020-01-01T00:00:00Z"}`, "no time": `{"name":"x","expires_at":"soon"}`, "more": `{"name":"x","key":"olk_mine"}`,
	} {
		if r := a.do(http.MethodPost, "/api/keys", body, root...); r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, r.StatusCode, r.body)
		}
	}
	learner := a.member("ana@example.org")
	for _, route := range []string{"GET /api/keys", "POST /api/keys", "DELETE /api/keys/1"} {
		method, path, _ := strings.Cut(route, " ")
		body := map[string]string{http.MethodPost: `{"name":"x"}`}[method]
		learner.want(http.StatusForbidden, method, path, body)
		if r := a.do(method, path, body); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger's %s: %d", route, r.StatusCode)
		}
	}
	one := fmt.Sprintf("/api/v1/keys/%v", made["id"])
	if r := b.do(http.MethodDelete, one, "", root...); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), `"revoked"`) {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	for _, on := range []*testApp{a, b} {
		if r := on.get("/api/keys", "X-API-Key", key); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("the revoked key: %d", r.StatusCode)
		}
		if got := list(on, root...); got != "cosecha revoked" {
			t.Errorf("listed as %q", got)
		}
	}
	for path, want := range map[string]int{"/api/keys/999": 404, "/api/keys/0": 422, "/api/keys/x": 422} {
		if r := a.do(http.MethodDelete, path, "", root...); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
}

// TestGuessesCountOnAllInstances: ten wrong keys a minute are ten on all of them; without Redis each counts for itself.
func TestGuessesCountOnAllInstances(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, limitedTo(1000, 1000))
	b := newTestApp(t, limitedTo(1000, 1000), func(c *Config) { c.Redis = a.cfg.Redis })
	a.awaitGate()
	b.awaitGate()
	guess := func(on *testApp, i int) int {
		key := fmt.Sprintf("wrong-key-%d", i)
		if i%3 == 0 {
			key = guard.KeyPrefix + strings.Repeat("x", 43)
		}
		r := on.get("/api/cache/hot", "X-API-Key", key)
		if r.StatusCode == http.StatusTooManyRequests && (field(t, r, "Retry-After") < 1 || field(t, r, "Retry-After") > 60) {
			t.Errorf("Retry-After: %s", r.Header.Get("Retry-After"))
		}
		return r.StatusCode
	}
	got := map[int]int{}
	for i := range 20 {
		got[guess([]*testApp{a, b}[i%2], i)]++
	}
	if got[401] != 10 || got[429] != 10 {
		t.Errorf("20 guesses on two instances: %v", got)
	}
	for _, on := range []*testApp{a, b} {
		on.admin(http.MethodGet, "/api/cache/hot", "", http.StatusOK)
	}
	for _, key := range a.redis.Keys(t.Context(), "guesses:*").Val() {
		if ttl := a.redis.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Minute || strings.Contains(key, "127.0.0.1") {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
	// Another service, whose Redis is not there.
	c := newTestApp(t, limitedTo(1000, 1000), func(c *Config) { c.Redis.URL = "redis://127.0.0.1:1/0" })
	got = map[int]int{}
	for i := range 14 {
		got[guess(c, i)]++
	}
	if got[401] != 10 || got[429] != 4 {
		t.Errorf("14 guesses without Redis: %v", got)
	}
}

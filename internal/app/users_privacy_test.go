package app

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/httpapi"
	"openlearn/internal/testkit"
	"openlearn/internal/users/mail"
)

// secretive is a member with things of their own: everything that is planted must not be seen by anybody else.
func (a *testApp) secretive(name string) (p *person, planted []string) {
	a.t.Helper()
	p = a.member(name + ".plantada@example.org")
	p.want(http.StatusOK, http.MethodPut, "/api/auth/me", `{"full_name":"Nombre Plantado de `+name+`","username":"usuario-plantado-`+name+`"}`)
	prefs := string(p.want(http.StatusOK, http.MethodGet, "/api/preferences", "").body)
	prefs = strings.Replace(prefs, `"bio":null`, `"bio":"vida plantada de `+name+`"`, 1)
	prefs = strings.Replace(prefs, `"preferredSources":[]`, `"preferredSources":["fuente plantada de `+name+`"]`, 1)
	p.want(http.StatusOK, http.MethodPut, "/api/preferences", prefs)
	var img bytes.Buffer
	if err := png.Encode(&img, picture(a.t, 8)); err != nil {
		a.t.Fatal(err)
	}
	avatar := p.upload(img.Bytes(), http.StatusCreated)["avatar_url"].(string)
	session := p.want(http.StatusOK, http.MethodGet, "/api/auth/sessions", "").json(a.t).(map[string]any)["items"].([]any)[0].(map[string]any)["id"].(string)
	return p, []string{
		name + ".plantada", "Nombre Plantado de " + name, "usuario-plantado-" + name, "vida plantada de " + name, "fuente plantada de " + name,
		avatar[strings.LastIndex(avatar, "/")+1:], session, p.cookie("/", "access_token"), p.cookie("/api/v1/auth/refresh", "refresh_token"), p.cookie("/", "device_token"),
	}
}

// routesOf lists the operations of the OpenAPI document with values for their paths.
func (a *testApp) routesOf() (routes []string) {
	a.t.Helper()
	values := strings.NewReplacer("{id}", "1", "{analysis_id}", "1", "{article_id}", "1", "{source_name}", "Semana", "{source}", "semana", "{layer}", "article", "{identifier}", "1",
		"{name}", "articles", "{key}", "secop", "{series}", "trm", "{variable}", "temperature", "{filename}", "x.png", "{indicator}", "SP.POP.TOTL", "{code}", "05001")
	for path, item := range a.get("/openapi.json").json(a.t).(map[string]any)["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method = strings.ToUpper(method); slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) {
				routes = append(routes, method+" "+values.Replace(path))
			}
		}
	}
	slices.Sort(routes)
	return routes
}

// shown is everything of an answer that its receiver can read.
func shown(r reply) string {
	var b strings.Builder
	for name, values := range r.Header {
		fmt.Fprintln(&b, name, values)
	}
	b.Write(r.body)
	return b.String()
}

// TestNobodySeesAnothersBytes drives two users and a stranger through every route of the OpenAPI document, alone and at the same time
// (misses, hits, requests that share a load, and answers that have expired and are served while they are refreshed), by cookie and by
// bearer token.
func TestNobodySeesAnothersBytes(t *testing.T) {
	t.Parallel()
	var later atomic.Int64 // how far the cache's clock is ahead
	a, _ := withArticle(t, "Un título", "Semana", func(c *Config) {
		c.testing.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		table, err := layers()
		if err != nil {
			t.Fatal(err)
		}
		for i := range table {
			if !table[i].Credential { // a response is kept no longer than its parts
				table[i].StaleWhileRevalidate = 10 * time.Hour
			}
		}
		c.testing.layers = table
	})
	ana, ofAna := a.secretive("ana")
	eva, ofEva := a.secretive("eva")
	anaBearer, evaBearer := "Bearer "+ana.cookie("/", "access_token"), "Bearer "+eva.cookie("/", "access_token")
	stranger := a.person("")
	check := func(route, who string, r reply, others []string) {
		text := shown(r)
		for _, secret := range others {
			if strings.Contains(text, secret) {
				t.Errorf("%s: %s reads %q\n%.300s", route, who, secret, text)
			}
		}
	}
	own := 0
	var said sync.Map // route and X-Cache
	ask := func(route, who string, p *person, others []string, headers ...string) {
		method, path, _ := strings.Cut(route, " ")
		r, err := p.try(method, path, "", headers...)
		if err != nil {
			t.Errorf("%s: %s: %v", route, who, err)
			return
		}
		said.Store(route+" "+r.Header.Get("X-Cache"), true)
		check(route, who, r, others)
	}
	all := func(route string) {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { ask(route, "ana", ana, ofEva) })
			wg.Go(func() { ask(route, "eva", eva, ofAna) })
			wg.Go(func() { ask(route, "a stranger", stranger, slices.Concat(ofAna, ofEva)) })
			wg.Go(func() { ask(route, "ana by bearer", stranger, ofEva, "Authorization", anaBearer) })
			wg.Go(func() { ask(route, "eva by bearer", stranger, ofAna, "Authorization", evaBearer) })
		}
		wg.Wait()
	}
	routes := a.routesOf()
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || strings.HasPrefix(path, "/api/government") {
			continue // foreign services, which no test asks
		}
		all(route) // a miss and a hit, where there is a cache, and what has expired
		all(route)
		later.Add(int64(2 * time.Hour))
		all(route)
		last := ana.do(method, path, "")
		if strings.Contains(shown(last), ofAna[0]) {
			if own++; last.Header.Get("Cache-Control") != httpapi.PersonalCache || last.Header.Get("X-Cache") != "" {
				t.Errorf("%s: what is ana's own is %q, X-Cache %q", route, last.Header.Get("Cache-Control"), last.Header.Get("X-Cache"))
			}
		}
		for _, admin := range []string{"/api/users", "/api/cache/hot", "/api/cache/audit"} {
			if path == admin && last.StatusCode != http.StatusForbidden {
				t.Errorf("%s: a learner gets %d", route, last.StatusCode)
			}
		}
	}
	states := map[string]int{}
	said.Range(func(key, _ any) bool {
		states[key.(string)[strings.LastIndex(key.(string), " ")+1:]]++
		return true
	})
	if states["MISS"] < 10 || states["HIT"] < 10 || states["STALE"] < 10 {
		t.Errorf("routes by X-Cache: %v", states)
	}
	if len(routes) < 60 || own < 3 {
		t.Errorf("%d routes, %d of them with one's own: the test is broken", len(routes), own)
	}
	// Changes: each as another user who has logged in for it, so that ending a session does not end the test.
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if method == http.MethodGet || strings.HasPrefix(path, "/api/government") || path == "/api/scraping/trigger/Semana" {
			continue
		}
		zoe := a.person("eva.plantada@example.org")
		zoe.login()
		body := "{}"
		if method == http.MethodDelete {
			body = ""
		}
		if path == "/api/users/me/account" || path == "/api/auth/me" || path == "/api/avatars" {
			continue // eva is needed below, whole
		}
		check(route, "eva", zoe.do(method, path, body), ofAna)
		check(route, "a stranger", stranger.do(method, path, body), slices.Concat(ofAna, ofEva))
	}
	if got := ana.do(http.MethodGet, "/api/auth/me", ""); !strings.Contains(string(got.body), ofAna[0]) {
		t.Errorf("ana is not as she was: %s", got.body)
	}
}

// lockedBuffer is a log that many write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestPlantedSecretsAreNowhere: passwords, tokens, addresses and names are in no cache, no log, no trace and no metric, also where
// requests fail. Numbers of accounts are, which shows that the search finds what is there.
func TestPlantedSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	collector := newTraceCollector(t)
	cfg := testConfig(t)
	cfg.Tracing.Endpoint = collector.URL
	kept := &mail.Kept{}
	cfg.Users.Workers, cfg.testing.mails = 1, kept
	server, err := New(t.Context(), cfg, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		srv.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &testApp{server, t, srv.URL}
	a.awaitGate()
	p, planted := a.secretive("ana")
	planted = slices.Delete(planted, 6, 7) // the number of a session opens nothing
	planted = append(planted, goodPassword, "clave plantada y equivocada", "token-plantado-1234567890")
	for range 3 {
		for _, path := range []string{"/api/auth/me", "/api/preferences", "/api/auth/sessions", "/api/users/me/export", "/api/preferences/export?format=csv"} {
			p.want(http.StatusOK, http.MethodGet, path, "")
		}
	}
	p.do(http.MethodPost, "/api/auth/token", `{"username":"ana.plantada@example.org","password":"clave plantada y equivocada"}`)
	p.do(http.MethodPost, "/api/auth/refresh", `{"refresh_token":"token-plantado-1234567890"}`)
	p.do(http.MethodPost, "/api/auth/password-update", `{"token":"token-plantado-1234567890","new_password":"clave plantada y equivocada"}`)
	p.do(http.MethodPost, "/api/auth/password-reset", `{"email":"ana.plantada@example.org"}`)
	p.do(http.MethodPost, "/api/auth/register", `{"email":"ana.plantada@example.org","password":"clave plantada y equivocada","full_name":"Nombre Plantado de ana"}`)
	p.do(http.MethodPost, "/api/auth/register", `{"email":7,"password":"clave plantada y equivocada","full_name":"Nombre Plantado de ana"}`)
	a.get("/api/auth/me", "Authorization", "Bearer token.plantado.token-plantado-1234567890")
	a.get("/api/cache/keys?layer=token", "Authorization", "Bearer "+p.cookie("/", "access_token"))
	prefs := string(p.do(http.MethodGet, "/api/preferences", "").body)
	a.sql(`ALTER TABLE user_preferences RENAME TO away`) // a 500 with a cause
	p.want(http.StatusInternalServerError, http.MethodPut, "/api/preferences", prefs)
	a.sql(`ALTER TABLE away RENAME TO user_preferences`)
	planted = append(planted, p.cookie("/", "access_token"), p.cookie("/api/v1/auth/refresh", "refresh_token"))

	testkit.Eventually(t, "the mail for a new password", func() bool {
		return slices.ContainsFunc(kept.All(), func(m mail.Message) bool { return strings.Contains(m.Subject, "Nueva contraseña") })
	})
	for _, m := range kept.All() {
		for _, token := range linkToken.FindAllStringSubmatch(m.Text, -1) {
			planted = append(planted, token[1])
		}
	}

	places := map[string]string{"log": log.String(), "metrics": string(a.get("/metrics").body), "cache": redisText(t.Context(), t, a), "traces": collector.text(a, "/api/auth/password-update", "/api/preferences")}
	for _, there := range []string{`"role":"learner"`, "session:v1:", "user:v1:", "token:v1:"} {
		if !strings.Contains(places["cache"], there) {
			t.Errorf("the search does not find %s in the cache", there)
		}
	}
	if !strings.Contains(places["traces"], "/api/auth/password-update") || !strings.Contains(places["traces"], "UPDATE") {
		t.Error("the traces have no requests, or no statements")
	}
	if !strings.Contains(places["log"], "/api/auth/token") {
		t.Error("the log has no requests")
	}
	for _, place := range slices.Sorted(maps.Keys(places)) {
		for _, secret := range planted {
			if at := strings.Index(places[place], secret); at >= 0 {
				t.Errorf("%s has %q: …%.200s", place, secret, places[place][max(0, at-100):])
			}
		}
	}
}

// text is everything in all spans, once some texts are in them.
func (c *traceCollector) text(a *testApp, awaited ...string) (all string) {
	c.t.Helper()
	testkit.Eventually(c.t, fmt.Sprint("spans with ", awaited), func() bool {
		if err := a.tracing.Flush(a.t.Context()); err != nil {
			c.t.Fatal(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		all = ""
		for _, s := range c.spans {
			all += s.String() + "\n"
		}
		return !slices.ContainsFunc(awaited, func(one string) bool { return !strings.Contains(all, one) })
	})
	return all
}

// redisText is every key and every value of Redis.
func redisText(ctx context.Context, t *testing.T, a *testApp) string {
	t.Helper()
	var b strings.Builder
	keys := a.redis.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		v, err := a.redis.Dump(ctx, keys.Val()).Result()
		if s, e := a.redis.Get(ctx, keys.Val()).Result(); e == nil {
			v, err = s, nil
		}
		fmt.Fprintf(&b, "%s %s %v\n", keys.Val(), v, err)
	}
	if err := keys.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

package app

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"

	"openlearn/internal/users"
)

const goodPassword = "una frase larga y propia"

// person is somebody with a browser: a client that keeps cookies.
type person struct {
	t      testing.TB
	base   string
	email  string
	client *http.Client
	jar    *cookiejar.Jar
}

func (a *testApp) person(email string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a.t.Cleanup(client.CloseIdleConnections)
	return &person{a.t, a.base, email, client, jar}
}

// on is the same person, who asks another instance.
func (p *person) on(a *testApp) *person {
	other := *p
	other.base = a.base
	return &other
}

func (p *person) try(method, path, body string, headers ...string) (reply, error) {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, in)
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := p.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res, b}, err
}

func (p *person) do(method, path, body string, headers ...string) reply {
	p.t.Helper()
	r, err := p.try(method, path, body, headers...)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// want is do, and the status that it must give.
func (p *person) want(status int, method, path, body string, headers ...string) reply {
	p.t.Helper()
	r := p.do(method, path, body, headers...)
	if r.StatusCode != status {
		p.t.Fatalf("%s %s: %d, want %d\n%.400s", method, path, r.StatusCode, status, r.body)
	}
	return r
}

func asJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (p *person) register() map[string]any {
	p.t.Helper()
	r := p.want(http.StatusCreated, http.MethodPost, "/api/v1/auth/register", `{"email":`+asJSON(p.email)+`,"password":`+asJSON(goodPassword)+`,"full_name":"Ana Ruiz"}`)
	return r.json(p.t).(map[string]any)
}

func (p *person) login() map[string]any {
	p.t.Helper()
	form := url.Values{"username": {p.email}, "password": {goodPassword}}.Encode()
	return p.want(http.StatusOK, http.MethodPost, "/api/v1/auth/token", form, "Content-Type", "application/x-www-form-urlencoded").json(p.t).(map[string]any)
}

// member is a registered person who is logged in.
func (a *testApp) member(email string) *person {
	a.t.Helper()
	p := a.person(email)
	p.register()
	p.login()
	return p
}

func (a *testApp) sql(statement string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Pool.Exec(a.t.Context(), statement, args...); err != nil {
		a.t.Fatalf("%s: %v", statement, err)
	}
}

func (a *testApp) number(query string, args ...any) (n int) {
	a.t.Helper()
	if err := a.db.Pool.QueryRow(a.t.Context(), query, args...).Scan(&n); err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (p *person) cookie(path, name string) string {
	u, err := url.Parse(p.base + path)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// adminToken is the access token of a new account with the role admin.
func (a *testApp) adminToken() string {
	a.t.Helper()
	p := a.member("admin-of-tests@example.org")
	a.sql(`UPDATE users SET role = 'admin' WHERE email_key = $1`, p.email)
	a.settle()
	return p.cookie("/", "access_token")
}

// TestAnAccountFromItsBeginningToItsEnd goes the way of the real client: multipart login, cookies, /auth/me, logout.
func TestAnAccountFromItsBeginningToItsEnd(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.person("Ana@Example.ORG")
	made := p.register()
	if made["email"] != "Ana@example.org" || made["full_name"] != "Ana Ruiz" || made["is_active"] != true || made["id"].(float64) < 1 || made["created_at"] == "" {
		t.Errorf("registered as %v", made)
	}
	if got := p.want(http.StatusUnauthorized, http.MethodGet, "/api/v1/auth/me", ""); got.Header.Get("WWW-Authenticate") != "Bearer" || string(bytes.TrimSpace(got.body)) != `{"detail":"Could not validate credentials"}` {
		t.Errorf("without a session: %v %s", got.Header, got.body)
	}

	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range map[string]string{"username": "ana@example.org", "password": goodPassword} {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	in := p.want(http.StatusOK, http.MethodPost, "/api/v1/auth/token", form.String(), "Content-Type", w.FormDataContentType())
	body := in.json(t).(map[string]any)
	if body["token_type"] != "bearer" || body["expires_in"] != 1800.0 || body["user"].(map[string]any)["email"] != "Ana@example.org" {
		t.Errorf("login gives %v", body)
	}
	for _, c := range in.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure {
			t.Errorf("cookie %v: HttpOnly, SameSite=Strict, and Secure outside of loopback only", c)
		}
		switch {
		case c.Name == "access_token" && (c.Path != "/" || c.MaxAge != 1800), c.Name == "refresh_token" && (c.Path != "/api/v1/auth/refresh" || c.MaxAge != 604800):
			t.Errorf("cookie %s has path %s, age %d", c.Name, c.Path, c.MaxAge)
		}
	}
	if got := in.Header.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("a login is %q", got)
	}
	me := p.want(http.StatusOK, http.MethodGet, "/api/v1/auth/me", "")
	for _, field := range []string{"id", "email", "full_name", "username", "is_active", "created_at"} {
		if _, ok := me.json(t).(map[string]any)[field]; !ok {
			t.Errorf("me lacks %s: %s", field, me.body)
		}
	}
	if got := me.Header.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("me is %q", got)
	}
	p.want(http.StatusOK, http.MethodGet, "/api/v1/auth/auth/verify-token", "")
	if got := p.want(http.StatusOK, http.MethodPut, "/api/auth/me", `{"full_name":"Ana María","username":"anam"}`).json(t).(map[string]any); got["username"] != "anam" || got["full_name"] != "Ana María" {
		t.Errorf("changed to %v", got)
	}
	access := p.cookie("/", "access_token")
	p.want(http.StatusOK, http.MethodPost, "/api/v1/auth/refresh", "")
	if p.cookie("/", "access_token") == access {
		t.Error("a refresh gives the same access token")
	}
	p.want(http.StatusOK, http.MethodPost, "/api/v1/auth/logout", "")
	if p.cookie("/", "access_token") != "" || p.cookie("/api/v1/auth/refresh", "refresh_token") != "" {
		t.Error("cookies are left after the logout")
	}
	for _, token := range []string{access, body["access_token"].(string)} {
		if got := a.get("/api/auth/me", "Authorization", "Bearer "+token); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("a token works after the logout: %d", got.StatusCode)
		}
	}
	p.login()
	p.want(http.StatusOK, http.MethodDelete, "/api/auth/me", "")
	p.want(http.StatusForbidden, http.MethodPost, "/api/auth/token", `{"username":"ana@example.org","password":`+asJSON(goodPassword)+`}`)
	p.want(http.StatusUnauthorized, http.MethodPost, "/api/auth/token", `{"username":"ana@example.org","password":"another one"}`)
}

// TestTwentyRefreshesAtOnce: all succeed with one successor, on two instances.
func TestTwentyRefreshesAtOnce(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database, c.Redis = a.cfg.Database, a.cfg.Redis })
	pair := a.member("ana@example.org").login()
	before := a.number(`SELECT count(*) FROM refresh_tokens`)
	var wg sync.WaitGroup
	got := make([]reply, 20)
	for i := range got {
		wg.Go(func() {
			on := []*testApp{a, b}[i%2]
			got[i], _ = on.person("").try(http.MethodPost, "/api/v1/auth/refresh", `{"refresh_token":`+asJSON(pair["refresh_token"].(string))+`}`)
		})
	}
	wg.Wait()
	next := map[any]int{}
	for _, r := range got {
		if r.Response == nil || r.StatusCode != http.StatusOK {
			t.Fatalf("a refresh: %+v %s", r.Response, r.body)
		}
		next[r.json(t).(map[string]any)["refresh_token"]]++
	}
	if len(next) != 1 || a.number(`SELECT count(*) FROM refresh_tokens`) != before+1 {
		t.Errorf("%d successors, %d new rows", len(next), a.number(`SELECT count(*) FROM refresh_tokens`)-before)
	}
}

// TestTwoTabsAreNeverSignedOut: they share cookies and refresh at the same time, again and again.
func TestTwoTabsAreNeverSignedOut(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.member("ana@example.org")
	for round := range 50 {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if r, err := p.try(http.MethodPost, "/api/v1/auth/refresh", ""); err != nil || r.StatusCode != http.StatusOK {
					t.Errorf("round %d: %v %s", round, err, r.body)
				}
				if r, err := p.try(http.MethodGet, "/api/v1/auth/me", ""); err != nil || r.StatusCode != http.StatusOK {
					t.Errorf("round %d: me: %v %s", round, err, r.body)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
	}
}

// TestAStolenRefreshTokenEndsTheSession: one that was used long ago comes again.
func TestAStolenRefreshTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.person("ana@example.org")
	p.register()
	pair := p.login()
	other := a.person(p.email)
	other.login()
	refresh := func(token any) reply {
		return a.do(http.MethodPost, "/api/auth/refresh", `{"refresh_token":`+asJSON(token.(string))+`}`)
	}
	next := refresh(pair["refresh_token"]).json(t).(map[string]any)
	a.sql(`UPDATE refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE used_at IS NOT NULL`)
	if got := refresh(pair["refresh_token"]); got.StatusCode != http.StatusUnauthorized || !strings.Contains(string(got.body), "revoked") || len(got.Cookies()) > 0 {
		t.Errorf("the old one again: %d %s %v", got.StatusCode, got.body, got.Cookies())
	}
	if got := refresh(next["refresh_token"]); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session goes on: %d", got.StatusCode)
	}
	if got := a.get("/api/auth/me", "Authorization", "Bearer "+next["access_token"].(string)); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("its access token is valid: %d", got.StatusCode)
	}
	other.want(http.StatusOK, http.MethodGet, "/api/auth/me", "")
	for _, bad := range []string{"", "x", strings.Repeat("x", 5000), pair["access_token"].(string)} {
		if got := refresh(bad); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("refresh by %.20q: %d", bad, got.StatusCode)
		}
	}
}

// TestRevokedOnEveryInstanceWithTheNextRequest: whatever ends a right, in the service or in psql, ends it everywhere at once,
// although every instance had it in its cache.
func TestRevokedOnEveryInstanceWithTheNextRequest(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database, c.Redis = a.cfg.Database, a.cfg.Redis })
	a.awaitGate()
	b.awaitGate()
	admin := a.member("root@example.org")
	a.sql(`UPDATE users SET role = 'admin' WHERE email_key = 'root@example.org'`)
	a.settle()
	n := 0
	for name, c := range map[string]struct {
		do     func(p *person, id int)
		me     int
		settle bool // no writer of ours waits for it
	}{
		"logout": {do: func(p *person, _ int) {
			p.want(http.StatusOK, http.MethodPost, "/api/auth/logout", "", "Cookie", p.header())
		}, me: 401},
		"logout all": {do: func(p *person, _ int) {
			p.want(http.StatusOK, http.MethodPost, "/api/auth/logout-all", "", "Cookie", p.header())
		}, me: 401},
		"locked": {do: func(_ *person, id int) {
			admin.want(http.StatusOK, http.MethodPatch, fmt.Sprintf("/api/users/%d", id), `{"is_active":false}`)
		}, me: 401},
		"ended by an admin": {do: func(_ *person, id int) {
			admin.want(http.StatusOK, http.MethodDelete, fmt.Sprintf("/api/users/%d/sessions", id), "")
		}, me: 401},
		"locked in psql":   {do: func(_ *person, id int) { a.sql(`UPDATE users SET is_active = false WHERE id = $1`, id) }, me: 403, settle: true},
		"deleted in psql":  {do: func(_ *person, id int) { a.sql(`DELETE FROM users WHERE id = $1`, id) }, me: 401, settle: true},
		"password in psql": {do: func(_ *person, id int) { a.sql(`UPDATE users SET password_hash = 'x' WHERE id = $1`, id) }, me: 401, settle: true},
		"sessions in psql": {do: func(_ *person, id int) { a.sql(`DELETE FROM user_sessions WHERE user_id = $1`, id) }, me: 401, settle: true},
	} {
		n++
		p := a.member(fmt.Sprintf("p%d@example.org", n))
		id := int(p.do(http.MethodGet, "/api/auth/me", "").json(t).(map[string]any)["id"].(float64))
		token := p.cookie("/", "access_token")
		me := func(on *testApp) int {
			return on.get("/api/auth/me", "Authorization", "Bearer "+token).StatusCode
		}
		for range 3 {
			if me(a) != 200 || me(b) != 200 {
				t.Fatalf("%s: the token does not work before", name)
			}
		}
		c.do(p, id)
		if c.settle {
			a.settle()
		}
		if ga, gb := me(a), me(b); ga != c.me || gb != c.me {
			t.Errorf("%s: then %d and %d, want %d", name, ga, gb, c.me)
		}
	}
	// A role that is taken away is gone as well.
	admin.want(http.StatusOK, http.MethodGet, "/api/users", "")
	admin.on(b).want(http.StatusOK, http.MethodGet, "/api/users", "", "Cookie", admin.header())
	admin.want(http.StatusConflict, http.MethodPatch, "/api/users/1", `{"role":"learner"}`)
	a.member("second@example.org")
	a.sql(`UPDATE users SET role = 'admin' WHERE email_key = 'second@example.org'`)
	a.settle()
	admin.want(http.StatusOK, http.MethodPatch, "/api/users/1", `{"role":"learner"}`)
	admin.want(http.StatusForbidden, http.MethodGet, "/api/users", "")
	admin.on(b).want(http.StatusForbidden, http.MethodGet, "/api/users", "", "Cookie", admin.header())
}

// header is the person's cookies, for another instance, which is another host to the jar.
func (p *person) header() string {
	return "access_token=" + p.cookie("/", "access_token")
}

// TestOthersDoNotLockAnOwnerOut: a thousand failures of strangers, and the owner's own device gets in with the right password.
func TestOthersDoNotLockAnOwnerOut(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(c *Config) {
		c.testing.limits = users.DefaultLimits
		c.testing.limits.Pair.Most = 3
	})
	owner := a.member("ana@example.org")
	login := func(p *person, pw string) reply {
		return p.do(http.MethodPost, "/api/auth/token", `{"username":"ana@example.org","password":`+asJSON(pw)+`}`)
	}
	var statuses []int
	for i := range 6 {
		statuses = append(statuses, login(a.person(""), fmt.Sprintf("wrong %d", i)).StatusCode)
	}
	if fmt.Sprint(statuses) != "[401 401 401 429 429 429]" {
		t.Errorf("guesses: %v", statuses)
	}
	refused := login(a.person(""), goodPassword)
	if refused.StatusCode != http.StatusTooManyRequests || refused.Header.Get("Retry-After") == "" {
		t.Errorf("a stranger's right guess after too many wrong ones: %d %v", refused.StatusCode, refused.Header)
	}
	// A thousand more, as strangers from many addresses would leave them behind.
	a.sql(`UPDATE auth_attempts SET count = 1000`)
	if got := login(owner, goodPassword); got.StatusCode != http.StatusOK {
		t.Errorf("the owner's device: %d %s", got.StatusCode, got.body)
	}
	for range a.cfg.testing.limits.Device.Most + 1 {
		refused = login(owner, "wrong from the owner's device")
	}
	if refused.StatusCode != http.StatusTooManyRequests {
		t.Errorf("guesses from the owner's device: %d", refused.StatusCode)
	}
}

// TestSessionsAreListedAndEnded: their owner's, and nobody else's.
func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.member("ana@example.org")
	second := a.person(p.email)
	second.login()
	stranger := a.member("eva@example.org")
	list := p.want(http.StatusOK, http.MethodGet, "/api/auth/sessions", "").json(t).(map[string]any)["items"].([]any)
	if len(list) != 2 {
		t.Fatalf("%d sessions", len(list))
	}
	var other string
	for _, s := range list {
		s := s.(map[string]any)
		if s["user_agent"] != "Go-http-client/1.1" || s["address"] != "127.0.0.1" {
			t.Errorf("a session: %v", s)
		}
		if s["current"] == false {
			other = s["id"].(string)
		}
	}
	stranger.want(http.StatusNotFound, http.MethodDelete, "/api/auth/sessions/"+other, "")
	second.want(http.StatusOK, http.MethodGet, "/api/auth/me", "")
	p.want(http.StatusOK, http.MethodDelete, "/api/auth/sessions/"+other, "")
	second.want(http.StatusUnauthorized, http.MethodGet, "/api/auth/me", "")
	p.want(http.StatusNotFound, http.MethodDelete, "/api/auth/sessions/"+other, "")
	p.want(http.StatusUnprocessableEntity, http.MethodDelete, "/api/auth/sessions/x", "")
	p.want(http.StatusOK, http.MethodPost, "/api/auth/password-change", `{"current_password":`+asJSON(goodPassword)+`,"new_password":"una frase muy distinta"}`)
	p.want(http.StatusOK, http.MethodGet, "/api/auth/me", "")
	p.want(http.StatusBadRequest, http.MethodPost, "/api/auth/password-change", `{"current_password":"no","new_password":"una frase muy distinta"}`)
}

// TestOtherSitesCannotUseCookies: writes that pages of other origins make are refused, another port of this host too.
func TestOtherSitesCannotUseCookies(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.member("ana@example.org")
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		for _, path := range []string{"/api/auth/logout", "/api/auth/token", "/api/auth/refresh", "/api/auth/register"} {
			p.want(http.StatusForbidden, http.MethodPost, path, `{}`, headers...)
		}
		p.want(http.StatusForbidden, http.MethodPut, "/api/auth/me", `{}`, headers...)
	}
	p.want(http.StatusOK, http.MethodPut, "/api/auth/me", `{"full_name":"Ana R."}`, "Sec-Fetch-Site", "same-site", "Origin", "http://localhost:3000")
	p.want(http.StatusOK, http.MethodPut, "/api/auth/me", `{"full_name":"Ana R."}`, "Sec-Fetch-Site", "same-origin")
}

// TestBadRegistrations are refused in the original's shape, and nothing repeats the password.
func TestBadRegistrations(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	r := a.do(http.MethodPost, "/api/v1/auth/register", `{"email":"no","password":"x"}`)
	want := map[string]string{"email": "value_error", "password": "string_too_short", "full_name": "missing"}
	items, _ := r.json(t).(map[string]any)["detail"].([]any)
	for _, item := range items {
		item := item.(map[string]any)
		field := item["loc"].([]any)[1].(string)
		if want[field] != item["type"] {
			t.Errorf("%v", item)
		}
		if field == "email" && (item["msg"] != "value is not a valid email address: An email address must have an @-sign." || item["input"] != "no") {
			t.Errorf("%v", item)
		}
		if field == "password" && item["input"] != nil {
			t.Errorf("a password is repeated: %v", item)
		}
		delete(want, field)
	}
	if r.StatusCode != http.StatusUnprocessableEntity || len(want) > 0 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	for name, short := range map[string]string{"full_name": "B", "username": "x", "password": "Ab1"} {
		body := map[string]string{"email": "a@example.org", "password": goodPassword, "full_name": "Ana", name: short}
		r := a.do(http.MethodPost, "/api/auth/register", quoted(t, body))
		if items, _ := r.json(t).(map[string]any)["detail"].([]any); len(items) != 1 {
			t.Errorf("%s of %q: %s", name, short, r.body)
		}
	}
	for name, body := range map[string]string{
		"common password":   `{"email":"a@example.org","password":"Password1","full_name":"Ana"}`,
		"one character":     `{"email":"a@example.org","password":"zzzzzzzzzzzz","full_name":"Ana"}`,
		"its own address":   `{"email":"ana.ruiz@example.org","password":"ana.ruiz@example.org","full_name":"Ana"}`,
		"too long":          `{"email":"a@example.org","password":"` + strings.Repeat("añ", 129) + `","full_name":"Ana"}`,
		"a look-alike":      `{"email":"аna@example.org","password":"` + goodPassword + `","full_name":"Ana"}`,
		"a look-alike host": `{"email":"ana@exаmple.org","password":"` + goodPassword + `","full_name":"Ana"}`,
		"two lines":         `{"email":"ana@example.org\nBcc: x@y.org","password":"` + goodPassword + `","full_name":"Ana"}`,
		"a name of lines":   `{"email":"ana@example.org","password":"` + goodPassword + `","full_name":"Ana\nRuiz"}`,
		"a user name":       `{"email":"ana@example.org","password":"` + goodPassword + `","full_name":"Ana","username":"аna"}`,
		"an unknown field":  `{"email":"ana@example.org","password":"` + goodPassword + `","full_name":"Ana","role":"admin"}`,
	} {
		if r := a.do(http.MethodPost, "/api/auth/register", body); r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	long := strings.Repeat("añ", 128)
	p := a.person("larga@example.org")
	p.want(http.StatusCreated, http.MethodPost, "/api/auth/register", `{"email":"larga@example.org","password":"`+long+`","full_name":"Ana"}`)
	p.want(http.StatusUnauthorized, http.MethodPost, "/api/auth/token", `{"username":"larga@example.org","password":"`+long[:len(long)-2]+`"}`)
	p.want(http.StatusOK, http.MethodPost, "/api/auth/token", `{"username":"LARGA@Example.org","password":"`+long+`"}`)

	if got := a.do(http.MethodPost, "/api/auth/token", "username=&password=", "Content-Type", "application/x-www-form-urlencoded"); got.StatusCode != http.StatusUnprocessableEntity || strings.Count(string(got.body), `"missing"`) != 2 {
		t.Errorf("an empty login: %d %s", got.StatusCode, got.body)
	}
	if got := a.do(http.MethodPost, "/api/auth/token", ""); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a login without a body: %d %s", got.StatusCode, got.body)
	}
}

// TestRegisteringTwiceSaysNothing: the answer is like that to a new address, and the account stays as it is.
func TestRegisteringTwiceSaysNothing(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.person("ana@example.org")
	first := p.register()
	var second map[string]any
	for _, email := range []string{"ANA@example.org", "ａna@example.org", "ana@EXAMPLE.org."} {
		r := a.do(http.MethodPost, "/api/auth/register", `{"email":`+asJSON(email)+`,"password":"la clave de otra gente","full_name":"Otra"}`)
		if r.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %d %s", email, r.StatusCode, r.body)
		}
		second = r.json(t).(map[string]any)
		if second["id"] == first["id"] || len(second) != len(first) {
			t.Errorf("%v after %v", second, first)
		}
	}
	if a.number(`SELECT count(*) FROM users`) != 1 {
		t.Error("an address has two accounts")
	}
	p.login()
	if got := p.do(http.MethodGet, "/api/auth/me", "").json(t).(map[string]any); got["full_name"] != "Ana Ruiz" {
		t.Errorf("the account was changed: %v", got)
	}
}

// TestAPasswordIsHashedAnewAtLogin: a hash with lesser parameters is replaced, and that is no change of the password: sessions stay open.
func TestAPasswordIsHashedAnewAtLogin(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.person("ana@example.org")
	p.register()
	salt := []byte("sixteen bytes...")
	encode := base64.RawStdEncoding.EncodeToString
	weak := "$argon2id$v=19$m=64,t=1,p=1$" + encode(salt) + "$" + encode(argon2.IDKey([]byte(goodPassword), salt, 1, 64, 1, 32))
	a.sql(`UPDATE users SET password_hash = $1`, weak)
	p.login()
	if n := a.number(`SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'`); n != 1 {
		t.Error("it is not hashed anew")
	}
	other := a.person(p.email)
	other.login()
	p.want(http.StatusOK, http.MethodGet, "/api/auth/me", "")
	other.want(http.StatusOK, http.MethodGet, "/api/auth/me", "")
}

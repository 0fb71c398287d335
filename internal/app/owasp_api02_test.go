package app

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// brokenAuthentication: tokens that we did not make or no longer stand by, and guesses.
func brokenAuthentication(x *target) {
	ana, eva := x.member("ana.api2@example.org"), x.member("eva.api2@example.org")
	token := ana.cookie("/", "access_token")
	parts := strings.Split(token, ".")
	head, body := claimsOf(x, parts[0]), claimsOf(x, parts[1])
	stranger := x.person("")
	for _, c := range []struct{ what, token string }{
		{"nothing", ""},
		{"two dots", ".."},
		{"alg none", encoded(x, with(head, "alg", "none")) + "." + parts[1] + "."},
		{"alg NoNe", encoded(x, with(head, "alg", "NoNe")) + "." + parts[1] + "." + parts[2]},
		{"RS256", encoded(x, with(head, "alg", "RS256")) + "." + parts[1] + "." + parts[2]},
		{"another signature", parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"another user's number", parts[0] + "." + encoded(x, with(body, "sub", fmt.Sprint(eva.id()))) + "." + parts[2]},
		{"a role", parts[0] + "." + encoded(x, with(body, "role", "admin")) + "." + parts[2]},
		{"no key named", encoded(x, with(head, "kid", nil)) + "." + parts[1] + "." + parts[2]},
		{"a key that is a path", encoded(x, with(head, "kid", "../../dev/null")) + "." + parts[1] + "." + parts[2]},
		{"a key that is a query", encoded(x, with(head, "kid", "x' UNION SELECT 'k")) + "." + parts[1] + "." + parts[2]},
		{"a key to be fetched", encoded(x, with(head, "jku", x.shared.canary.URL)) + "." + parts[1] + "." + parts[2]},
		{"more than 4 KiB", encoded(x, with(head, "pad", strings.Repeat("x", 5000))) + "." + parts[1] + "." + parts[2]},
		{"signed by an empty key", signed(x, head, body, nil)},
		{"signed by a common key", signed(x, head, body, []byte("secret"))},
		{"a refresh token", ana.cookie("/api/v1/auth/refresh", "refresh_token")},
		{"a device's token", ana.cookie("/", "device_token")},
	} {
		x.refused(stranger, c.what, http.MethodGet, "/api/auth/me", "", []string{"Authorization", "Bearer " + c.token}, http.StatusUnauthorized)
		x.refused(stranger, c.what+", as a cookie", http.MethodGet, "/api/auth/me", "", []string{"Cookie", "access_token=" + c.token}, http.StatusUnauthorized)
	}
	// Even who can sign cannot make a token of a session that is not there, or is another's.
	var id string
	var secret []byte
	if err := x.db.Pool.QueryRow(x.t.Context(), `SELECT id, secret FROM auth_keys`).Scan(&id, &secret); err != nil {
		x.t.Fatal(err)
	}
	good := signed(x, head, with(body, "jti", "another"), secret)
	if r := stranger.do(http.MethodGet, "/api/auth/me", "", "Authorization", "Bearer "+good); r.StatusCode != http.StatusOK {
		x.t.Errorf("the test signs wrongly: %d %s", r.StatusCode, r.body)
	}
	for what, c := range map[string]map[string]any{
		"expired": with(body, "exp", time.Now().Add(-time.Minute).Unix()), "for ever": with(body, "exp", nil), "another issuer": with(body, "iss", "x"), "another audience": with(body, "aud", "x"),
		"a refresh token's type": with(body, "type", "refresh"), "no session": with(body, "sid", ""), "an invented session": with(body, "sid", "00000000-0000-4000-8000-000000000000"),
		"another's session": with(body, "sub", fmt.Sprint(eva.id())), "nobody": with(body, "sub", "2147483647"), "a negative number": with(body, "sub", "-1"), "a text": with(body, "sub", "1 OR 1=1"),
	} {
		x.refused(stranger, "our key, "+what, http.MethodGet, "/api/auth/me", "", []string{"Authorization", "Bearer " + signed(x, head, c, secret)}, http.StatusUnauthorized)
	}
	// A token belongs into a header or a cookie, and a password into a body.
	x.refused(stranger, "a token in the address", http.MethodGet, "/api/auth/me?access_token="+token+"&token="+token, "", nil, http.StatusUnauthorized)
	x.refused(stranger, "a password in the address", http.MethodPost, "/api/auth/token?username=ana.api2@example.org&password="+strings.ReplaceAll(goodPassword, " ", "+"), "", nil, http.StatusUnprocessableEntity)
	x.refused(stranger, "a login by GET", http.MethodGet, "/api/auth/token?username=ana.api2@example.org", "", nil, http.StatusMethodNotAllowed)
	for _, change := range []struct{ method, path, body string }{
		{http.MethodPost, "/api/auth/password-change", `{"new_password":"una frase muy distinta"}`},
		{http.MethodPost, "/api/auth/password-change", `{"current_password":"","new_password":"una frase muy distinta"}`},
		{http.MethodPost, "/api/auth/password-change", `{"current_password":"equivocada","new_password":"una frase muy distinta"}`},
		{http.MethodPut, "/api/auth/me", `{"password":"una frase muy distinta"}`},
	} {
		x.refused(ana, "a new password without the old one", change.method, change.path, change.body, nil, http.StatusBadRequest, http.StatusUnprocessableEntity)
	}
	for _, way := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1"}} {
		x.refused(ana, "another site's page", http.MethodPost, "/api/auth/logout-all", "", way, http.StatusForbidden)
	}
	// Logged out is logged out: token, cookie and refresh token.
	refresh := eva.cookie("/api/v1/auth/refresh", "refresh_token")
	spent := eva.bearer()
	eva.want(http.StatusOK, http.MethodPost, "/api/auth/logout", "")
	x.refused(stranger, "after the logout", http.MethodGet, "/api/auth/me", "", spent, http.StatusUnauthorized)
	x.refused(stranger, "after the logout", http.MethodPost, "/api/auth/refresh", `{"refresh_token":`+asJSON(refresh)+`}`, nil, http.StatusUnauthorized)
	guesses(x)
	ana.want(http.StatusOK, http.MethodGet, "/api/auth/me", "")
}

// guesses of passwords, at one account and at many from one address.
func guesses(x *target) {
	stranger := x.person("")
	got := map[int]int{}
	guess := func(email string) {
		r := stranger.do(http.MethodPost, "/api/auth/token", `{"username":`+asJSON(email)+`,"password":"Password1"}`)
		if got[r.StatusCode]++; r.StatusCode == http.StatusTooManyRequests && r.Header.Get("Retry-After") == "" {
			x.t.Error("429 without Retry-After")
		}
	}
	for range 12 {
		guess("ana.api2@example.org")
	}
	if got[http.StatusUnauthorized] != 10 || got[http.StatusTooManyRequests] != 2 {
		x.t.Errorf("guesses at one account: %v", got)
	}
	for i := range 6 { // ten of fourteen are spent
		guess(fmt.Sprintf("somebody%d@example.org", i))
	}
	if got[http.StatusUnauthorized] != 14 || got[http.StatusTooManyRequests] != 4 {
		x.t.Errorf("and at others: %v", got)
	}
}

func claimsOf(x *target, part string) (claims map[string]any) {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(b, &claims)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return claims
}

func with(claims map[string]any, name string, value any) map[string]any {
	out := map[string]any{name: value}
	for k, v := range claims {
		if k != name {
			out[k] = v
		}
	}
	if value == nil {
		delete(out, name)
	}
	return out
}

func encoded(x *target, claims map[string]any) string {
	b, err := json.Marshal(claims)
	if err != nil {
		x.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func signed(x *target, head, claims map[string]any, secret []byte) string {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims))
	t.Header = head
	text, err := t.SignedString(secret)
	if err != nil {
		x.t.Fatal(err)
	}
	return text
}

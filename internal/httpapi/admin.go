package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Guard decides who may use the admin routes.
type Guard struct {
	// Key is the admin key; empty means that there is none.
	Key string
	// OpenOnLoopback lets requests from this machine through without a key (development only).
	OpenOnLoopback bool
	// Hosts is the host guard that a request has to pass first; nil accepts this machine's names only.
	Hosts *HostGuard
	// Guesses counts and limits wrong keys; guards with the same key share it. Nil means no limit.
	Guesses *Guesses
}

// Check returns nil if r may use the admin routes, with the key or as somebody with the role admin, else the error to answer.
func (g Guard) Check(r *http.Request) *Error {
	if e := g.Hosts.Check(r); e != nil {
		return e
	}
	given := keyOf(r)
	if g.isKey(given) {
		return nil
	}
	switch who, err := Who(r.Context()); {
	case err != nil && !errors.Is(err, ErrUnidentified):
		return IdentityError(err)
	case who.IsAdmin():
		return nil
	case who.IsKnown():
		return NewError(http.StatusForbidden, "This needs the role admin")
	case LooksLikeJWT(given) && r.Header.Get(KeyHeader) == "":
		return errUnidentified() // a session that has ended is no guess
	case given != "":
		return g.Try(r, given)
	case g.Open(r):
		return nil
	case g.Key == "" && err == nil:
		return NewError(http.StatusForbidden, "Administration needs an account with the role admin: ADMIN_API_KEY is not set")
	}
	return unauthorized("An account with the role admin, or the admin key (X-API-Key or Authorization: Bearer), is required")
}

// IsKey reports whether r comes with the admin key.
func (g Guard) IsKey(r *http.Request) bool {
	given := keyOf(r)
	return given != "" && g.isKey(given)
}

// Judge counts the key of a request for any route as a guess if it is nobody's. It refuses the request if its address has had
// too many, nil otherwise: public routes need no key.
func (g Guard) Judge(r *http.Request) *Error {
	given := keyOf(r)
	if given == "" || LooksLikeJWT(given) && r.Header.Get(KeyHeader) == "" {
		return nil
	}
	if who, err := Who(r.Context()); err != nil || who.IsKnown() {
		return nil // whoever identifies counts wrong ones
	}
	if e := g.Try(r, given); e != nil && e.status == http.StatusTooManyRequests {
		return e
	}
	return nil
}

func (g Guard) isKey(given string) bool { return g.Key != "" && equal(given, g.Key) }

// Try returns nil if key, which came with r, is the admin key, else the error to answer: 401, or 429 once its address has
// guessed too often. The key is compared first, so that the right one always works.
func (g Guard) Try(r *http.Request, key string) *Error {
	a := askerOf(r.Context())
	if a == nil || key != keyOf(r) {
		return g.try(r, key)
	}
	a.tried.Do(func() { a.refused = g.try(r, key) }) // limits and guards ask, and it is one guess
	return a.refused
}

func (g Guard) try(r *http.Request, key string) *Error {
	if g.isKey(key) {
		return nil
	}
	if g.Guesses != nil {
		if wait, ok := g.Guesses.Wrong(r, AdminKeys); !ok {
			return TooManyGuesses(AdminKeys, wait)
		}
	}
	return unauthorized("Invalid admin key")
}

// Open reports whether r needs no key, as in development from this machine.
func (g Guard) Open(r *http.Request) bool { return g.OpenOnLoopback && onLoopback(r) }

func unauthorized(detail string) *Error {
	e := NewError(http.StatusUnauthorized, detail)
	e.headers = http.Header{"Www-Authenticate": {"Bearer"}}
	return e
}

// keyOf takes the key from X-API-Key or a bearer token.
func keyOf(r *http.Request) string {
	if k := r.Header.Get(KeyHeader); k != "" {
		return k
	}
	return Bearer(r)
}

// equal compares in constant time, whatever the content and length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// onLoopback reports whether a connection comes from this machine, was not relayed by a proxy, and names this machine as
// host, so that neither a reverse proxy beside us nor a rebound DNS name in a browser gets in.
func onLoopback(r *http.Request) bool {
	for _, h := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Hostname() != "localhost" && !isLoopback(u.Hostname()) {
			return false
		}
	}
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !isLoopback(peer) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || isLoopback(strings.Trim(host, "[]"))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

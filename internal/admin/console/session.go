package console

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// sessionID is the hash of a token: nobody who reads a memory dump or a log can pose as the operator with it.
type sessionID [sha256.Size]byte

// session is one login. It lives in this process only: the figures are this process's too.
type session struct {
	id      sessionID
	name    string // for the trail: tells sessions apart, and is no secret
	expires time.Time
	ended   chan struct{} // closed by logout, expiry or eviction
}

const (
	tokenBytes   = 32
	mostSessions = 256
)

// sessions are the open ones. The oldest is evicted to make room: a login needs the key, so nobody else can evict them.
type sessions struct {
	now      func() time.Time
	lifetime time.Duration
	mu       sync.Mutex
	by       map[sessionID]*session
}

// begin opens a session and returns its token, which is kept nowhere else.
func (s *sessions) begin() (token string, one *session) {
	raw := make([]byte, tokenBytes)
	rand.Read(raw) //nolint:errcheck // it never fails (crypto/rand)
	token = base64.RawURLEncoding.EncodeToString(raw)
	id := sessionID(sha256.Sum256([]byte(token)))
	one = &session{id: id, name: hex.EncodeToString(id[:4]), expires: s.now().Add(s.lifetime), ended: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.by {
		if !s.now().Before(old.expires) {
			s.drop(old)
		}
	}
	if len(s.by) >= mostSessions {
		all := make([]*session, 0, len(s.by))
		for _, old := range s.by {
			all = append(all, old)
		}
		s.drop(slices.MinFunc(all, func(x, y *session) int { return cmp.Compare(x.expires.UnixNano(), y.expires.UnixNano()) }))
	}
	s.by[id] = one
	return token, one
}

// find returns the open session of a token, or nil. The token is looked up by its hash, so timing reveals nothing about
// other tokens.
func (s *sessions) find(token string) *session {
	if token == "" {
		return nil
	}
	id := sessionID(sha256.Sum256([]byte(token)))
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.by[id]
	if one != nil && !s.now().Before(one.expires) {
		s.drop(one)
		return nil
	}
	return one
}

func (s *sessions) end(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(one)
}

func (s *sessions) drop(one *session) {
	if s.by[one.id] == one {
		delete(s.by, one.id)
		close(one.ended)
	}
}

// secure reports whether the cookies of r's host are for TLS only. Where browsers reach us by TLS, that holds for every name
// we answer to except this machine's own, which is reached by plain HTTP without a network.
func (c *Console) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	host := hostOf(r)
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return c.opt.Secure && !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback())
}

// cookieName contains the port: browsers share cookies between the ports of a host, but instances do not share sessions. With
// the prefix, a browser takes the cookie only from this host and by TLS, not from a neighbour in the same domain (RFC 6265bis).
func (c *Console) cookieName(r *http.Request) string {
	name := "openlearn_console"
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		name += "_" + port
	}
	if c.secure(r) {
		return "__Host-" + name
	}
	return name
}

func (c *Console) tokenOf(r *http.Request) string {
	one, err := r.Cookie(c.cookieName(r))
	if err != nil {
		return ""
	}
	return one.Value
}

func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, token string) {
	cookie := &http.Cookie{
		Name: c.cookieName(r), Value: token, Path: "/admin", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure(r),
	}
	if cookie.Secure {
		cookie.Path = "/" // __Host- requires it
	}
	if token == "" {
		cookie.MaxAge = -1
	} else {
		cookie.MaxAge = int(c.opt.Lifetime / time.Second)
	}
	http.SetCookie(w, cookie)
}

func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

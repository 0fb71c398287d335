package console

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// sessionID is the hash of a token: nobody who reads a memory dump or a log can pose as the operator with it.
type sessionID [sha256.Size]byte

// session is one login with the key, as this process knows it.
type session struct {
	id      sessionID
	shared  bool   // the other instances know it, too
	name    string // for the trail: tells sessions apart, and is no secret
	expires time.Time
	ended   chan struct{} // closed by logout, expiry or eviction
}

const (
	tokenBytes   = 32
	mostSessions = 256
)

// Rows keep sessions where all instances find them.
type Rows interface {
	Begin(ctx context.Context, hash []byte, until time.Time) error
	Open(ctx context.Context, hash []byte) (until time.Time, ok bool, err error)
	End(ctx context.Context, hash []byte) error
}

// Rows may be away, and the console must open all the same: that is when it is needed. They are waited for no longer than rowsWithin,
// and are left alone for rowsRest once they have failed.
const (
	rowsWithin = 500 * time.Millisecond
	rowsRest   = 2 * time.Second
)

// sessions are the open ones. The oldest is evicted to make room: a login needs the key, so nobody else can evict them.
type sessions struct {
	now      func() time.Time
	lifetime time.Duration
	mu       sync.Mutex
	by       map[sessionID]*session

	key  string    // admins' key: sessions end with it
	rows Rows      // nil = this process has them alone
	away time.Time // when rows failed last
	log  *slog.Logger
}

// ask asks the rows, unless they have failed a moment ago; false: nobody knows.
func (s *sessions) ask(ctx context.Context, do func(context.Context) error) bool {
	s.mu.Lock()
	resting := s.rows == nil || s.now().Sub(s.away) < rowsRest
	s.mu.Unlock()
	if resting {
		return false
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), rowsWithin)
	defer cancel()
	err := do(bound)
	if err == nil {
		return true
	}
	if s.log != nil {
		s.log.Warn("sessions of the console are those of this instance: PostgreSQL does not answer", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = s.now()
	return false
}

// idOf is a token's hash under the key.
func (s *sessions) idOf(token string) sessionID {
	m := hmac.New(sha256.New, []byte(s.key))
	m.Write([]byte(token)) //nolint:errcheck // it never fails (hash.Hash)
	return sessionID(m.Sum(nil))
}

// open is the session of a token, wherever it began, or nil. What all instances know counts; what only this process knows does while
// nobody else can be asked, and for sessions that began then.
func (s *sessions) open(ctx context.Context, token string) *session {
	one := s.find(token)
	if token == "" || one != nil && !one.shared {
		return one
	}
	id := s.idOf(token)
	var until time.Time
	var ok bool
	known := s.ask(ctx, func(ctx context.Context) (err error) {
		until, ok, err = s.rows.Open(ctx, id[:])
		return err
	})
	switch {
	case known && !ok && one != nil: // ended on another instance
		s.drops(one)
		return nil
	case known && ok && one == nil:
		return s.adopt(id, until)
	}
	return one
}

// adopt makes a session known here that began on another instance.
func (s *sessions) adopt(id sessionID, until time.Time) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.by[id]; one != nil {
		return one
	}
	one := &session{id: id, shared: true, name: hex.EncodeToString(id[:4]), expires: until, ended: make(chan struct{})}
	s.keep(one)
	return one
}

// begin opens a session and returns its token, which is kept nowhere else.
func (s *sessions) begin(ctx context.Context) (token string, one *session) {
	raw := make([]byte, tokenBytes)
	rand.Read(raw) //nolint:errcheck // it never fails (crypto/rand)
	token = base64.RawURLEncoding.EncodeToString(raw)
	id := s.idOf(token)
	one = &session{id: id, name: hex.EncodeToString(id[:4]), expires: s.now().Add(s.lifetime), ended: make(chan struct{})}
	one.shared = s.ask(ctx, func(ctx context.Context) error { return s.rows.Begin(ctx, id[:], one.expires) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(one)
	return token, one
}

// keep adds a session, and makes room for it.
func (s *sessions) keep(one *session) {
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
	s.by[one.id] = one
}

// find returns the open session of a token, or nil. The token is looked up by its hash, so timing reveals nothing about
// other tokens.
func (s *sessions) find(token string) *session {
	if token == "" {
		return nil
	}
	id := s.idOf(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.by[id]
	if one != nil && !s.now().Before(one.expires) {
		s.drop(one)
		return nil
	}
	return one
}

// end ends a session everywhere; false: other instances could not be told.
func (s *sessions) end(ctx context.Context, one *session) bool {
	s.drops(one)
	return !one.shared || s.ask(ctx, func(ctx context.Context) error { return s.rows.End(ctx, one.id[:]) })
}

func (s *sessions) drops(one *session) {
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
// That prefix needs the path /. Where other services share the host, they must not be sent the cookie, so there the other
// prefix has to do, which is about TLS alone.
func (c *Console) cookieName(r *http.Request) string {
	name := "openlearn_console"
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		name += "_" + port
	}
	switch {
	case !c.secure(r):
		return name
	case c.opt.BasePath != "":
		return "__Secure-" + name
	}
	return "__Host-" + name
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
		Name: c.cookieName(r), Value: token, Path: c.opt.BasePath + "/admin", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure(r),
	}
	if cookie.Secure && c.opt.BasePath == "" {
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

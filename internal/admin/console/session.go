package console

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// sessionID is the hash of a token: whoever reads this process's memory dump or a log cannot be the operator by it.
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

// sessions are those that are open. The oldest makes room: a login is by the key, so nobody else can crowd them out.
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

// find returns the open session of a token, or nil. The token is looked up by its hash, so the time that takes tells
// nothing about other tokens.
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

// cookieName has the port in it: browsers share cookies between the ports of a host, and instances their sessions not.
func cookieName(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		return "openlearn_console_" + port
	}
	return "openlearn_console"
}

func tokenOf(r *http.Request) string {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, token string) {
	cookie := &http.Cookie{
		Name: cookieName(r), Value: token, Path: "/admin", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || c.opt.SecureHost != "" && strings.EqualFold(hostOf(r), c.opt.SecureHost),
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

// attempts bounds how often an address may try a key: a few at once, then one every some seconds. Addresses are those of
// connections; what a proxy says about others cannot be trusted, so those behind one share their tries.
type attempts struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*attempt

	swept time.Time // when the rested were last forgotten
}

type attempt struct {
	left float64 // tries, up to burst
	at   time.Time
}

const (
	burst         = 5
	oneEvery      = 15 * time.Second
	mostAddresses = 4096
)

// take uses up one try of an address; without one left it says how long to wait.
func (a *attempts) take(address string) (wait time.Duration, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	one := a.by[address]
	if one == nil {
		if len(a.by) >= mostAddresses && now.Sub(a.swept) >= oneEvery {
			a.swept = now
			a.forgetRested(now)
		}
		if len(a.by) >= mostAddresses {
			return oneEvery, false // nobody can make this grow: so many addresses at a time are no operators
		}
		one = &attempt{left: burst, at: now}
		a.by[address] = one
	}
	one.left = min(burst, one.left+float64(now.Sub(one.at))/float64(oneEvery))
	one.at = now
	if one.left < 1 {
		return time.Duration((1 - one.left) * float64(oneEvery)), false
	}
	one.left--
	return 0, true
}

// household is what one party holds: of IPv6 a whole /64.
func household(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}

func (a *attempts) forgetRested(now time.Time) {
	for address, one := range a.by {
		if now.Sub(one.at) >= burst*oneEvery {
			delete(a.by, address)
		}
	}
}

// forgive gives an address its tries back: it had the key.
func (a *attempts) forgive(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.by, address)
}

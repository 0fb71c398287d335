package httpapi

import (
	"crypto/sha256"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The bounds of guessing: wrong secrets per minute from one address, or for one account, and addresses and accounts remembered.
const (
	guessesPerMinute = 10
	mostGuessers     = 4096
)

// The kinds of secrets that are guessed.
const (
	AdminKeys = "admin key"
	APIKeys   = "API key"
	Passwords = "password"
)

// Guesses counts wrong secrets (admin keys, API keys, passwords) by client address and by account, for all ways in. It never
// refuses a right key: clients behind one proxy share an address, and what others do there must not lock an operator out.
type Guesses struct {
	log     *slog.Logger
	now     func() time.Time
	refused *prometheus.CounterVec // admin keys
	others  *prometheus.CounterVec // other secrets

	mu    sync.Mutex
	by    map[string]*guesser
	rest  guesser   // shared by all new addresses while the table is full
	swept time.Time // when the table was last cleared of idle addresses
}

// guesser records one address or account: when it failed, in a ring that overwrites the oldest time.
type guesser struct {
	at     [guessesPerMinute]time.Time
	next   int
	told   time.Time // when it was last logged
	untold int       // refused keys since
}

// NewGuesses registers the counter of refused keys with reg. now is nil for time.Now.
func NewGuesses(reg prometheus.Registerer, log *slog.Logger, now func() time.Time) *Guesses {
	if now == nil {
		now = time.Now
	}
	g := &Guesses{log: log, now: now, by: map[string]*guesser{}, refused: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "admin_keys_refused_total", Help: "Wrong admin keys, by how they were answered: 401, or 429 when the address had too many within a minute.",
	}, []string{"status"})}
	for _, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		g.refused.WithLabelValues(strconv.Itoa(status))
	}
	g.others = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "secrets_refused_total", Help: "Wrong secrets other than admin keys, by kind and by how they were answered: 401, or 429 when the address or the account had too many within a minute.",
	}, []string{"secret", "status"})
	for _, kind := range []string{APIKeys, Passwords} {
		for _, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
			g.others.WithLabelValues(kind, strconv.Itoa(status))
		}
	}
	reg.MustRegister(g.refused, g.others)
	return g
}

// Wait is how long the client that sent r, or the account ("": none), has to wait until another secret is looked at; 0 if it
// need not. It is for secrets that are dear to check; keys are checked first.
func (g *Guesses) Wait(r *http.Request, account string) (wait time.Duration) {
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range guesserKeys(r, account) {
		if one := g.by[key]; one != nil {
			wait = max(wait, one.wait(now))
		}
	}
	return wait
}

// Wrong counts a wrong secret that came with r, for an account if it names one. If its address or the account has had too
// many, it has to wait: the answer is TooManyGuesses, and the secret did not count.
func (g *Guesses) Wrong(r *http.Request, kind, account string) (wait time.Duration, ok bool) {
	address := ClientAddress(r)
	now := g.now()
	g.mu.Lock()
	var all []*guesser
	for _, key := range guesserKeys(r, account) {
		one := g.of(key, now)
		all = append(all, one)
		wait = max(wait, one.wait(now))
	}
	if ok = wait <= 0; ok {
		wait = 0
		for _, one := range all {
			one.at[one.next] = now
			one.next = (one.next + 1) % guessesPerMinute
		}
	}
	one := all[0]
	one.untold++
	tell := one.untold
	if now.Sub(one.told) < time.Minute {
		tell = 0
	} else {
		one.told, one.untold = now, 0
	}
	g.mu.Unlock()

	status := http.StatusUnauthorized
	if !ok {
		status = http.StatusTooManyRequests
	}
	if kind == AdminKeys {
		g.refused.WithLabelValues(strconv.Itoa(status)).Inc()
	} else {
		g.others.WithLabelValues(kind, strconv.Itoa(status)).Inc()
	}
	if tell > 0 {
		g.log.Warn(kind+" refused", "remote", address, "path", Shorten(r.URL.Path), "status", status, "refused_since_last_told", tell)
	}
	return wait, ok
}

// guesserKeys are the records that a secret counts in: that of the address first. Accounts are kept by their hashes, whose
// length is bounded, and which are no personal data.
func guesserKeys(r *http.Request, account string) []string {
	keys := []string{rateLimitKey(r)}
	if account != "" {
		hash := sha256.Sum256([]byte(account))
		keys = append(keys, "account "+string(hash[:16]))
	}
	return keys
}

// of finds the record of an address or account. The table is bounded: what is beyond the bound shares one record.
func (g *Guesses) of(key string, now time.Time) *guesser {
	if one := g.by[key]; one != nil {
		return one
	}
	if len(g.by) >= mostGuessers && now.Sub(g.swept) >= time.Second {
		g.swept = now
		for old, one := range g.by {
			if now.Sub(one.last()) >= time.Minute && now.Sub(one.told) >= time.Minute {
				delete(g.by, old)
			}
		}
	}
	if len(g.by) >= mostGuessers {
		return &g.rest
	}
	one := &guesser{}
	g.by[key] = one
	return one
}

// wait is how long until it may fail again; negative if it may now.
func (g *guesser) wait(now time.Time) time.Duration { return g.at[g.next].Add(time.Minute).Sub(now) }

// last is when it last failed, not counting keys refused with 429.
func (g *guesser) last() time.Time {
	return g.at[(g.next+guessesPerMinute-1)%guessesPerMinute]
}

// rateLimitKey is the range that one client holds: a whole /64 of IPv6.
func rateLimitKey(r *http.Request) string {
	if held := ClientRange(r); held.IsValid() {
		return held.String()
	}
	return ClientAddress(r)
}

// TooManyGuesses is the answer to a wrong secret of a client or for an account that has had too many.
func TooManyGuesses(kind string, wait time.Duration) *Error {
	what := "Too many wrong " + kind + "s from this address"
	if kind == Passwords {
		what = "Too many failed attempts. Please try again later."
	}
	e := NewError(http.StatusTooManyRequests, what)
	e.headers = http.Header{"Retry-After": {strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))}}
	return e
}

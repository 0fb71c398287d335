package httpapi

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The bounds of guessing: wrong keys per minute from one address, and addresses remembered.
const (
	guessesPerMinute = 10
	mostGuessers     = 4096
)

// The kinds of keys that are guessed.
const (
	AdminKeys = "admin key"
	APIKeys   = "API key"
)

// Guesses counts wrong keys, of any kind together, by client address, for all ways in. It never refuses a right key: clients
// behind one proxy share an address, and what others do there must not lock an operator out.
type Guesses struct {
	log     *slog.Logger
	now     func() time.Time
	refused *prometheus.CounterVec // admin keys
	others  *prometheus.CounterVec // API keys

	mu    sync.Mutex
	by    map[string]*guesser
	rest  guesser   // shared by all new addresses while the table is full
	swept time.Time // when the table was last cleared of idle addresses

	shared func(ctx context.Context, client string, most int, within time.Duration) (wait time.Duration, err error)
}

// Share makes all instances count together. count adds a guess of a client, unless it has had too many: then it says how long to
// wait. Where it fails, this instance counts alone. It is to be called before the first guess.
func (g *Guesses) Share(count func(ctx context.Context, client string, most int, within time.Duration) (wait time.Duration, err error)) {
	g.shared = count
}

// guesser records one address: when it failed, in a ring that overwrites the oldest time.
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
		Name: "api_keys_refused_total", Help: "Wrong API keys of machines, by how they were answered: 401, or 429 when the address had too many within a minute.",
	}, []string{"status"})
	for _, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		g.others.WithLabelValues(strconv.Itoa(status))
	}
	reg.MustRegister(g.refused, g.others)
	return g
}

// Wrong counts a wrong key that came with r. If its address has sent too many, it has to wait: the answer is TooManyGuesses,
// and the key did not count.
func (g *Guesses) Wrong(r *http.Request, kind string) (wait time.Duration, ok bool) {
	address, client := ClientAddress(r), rateLimitKey(r)
	now := g.now()
	// Whom this instance refuses, all refuse: no need to ask.
	var elsewhere time.Duration
	if g.shared != nil && g.wait(client, now) <= 0 {
		if w, err := g.shared(r.Context(), client, guessesPerMinute, time.Minute); err == nil {
			elsewhere = w
		}
	}
	g.mu.Lock()
	one := g.of(client, now)
	if wait = max(elsewhere, one.wait(now)); wait <= 0 {
		wait, ok = 0, true
		one.at[one.next] = now
		one.next = (one.next + 1) % guessesPerMinute
	}
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
		g.others.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	if tell > 0 {
		g.log.Warn(kind+" refused", "remote", address, "path", Shorten(r.URL.Path), "status", status, "refused_since_last_told", tell)
	}
	return wait, ok
}

// wait is how long an address has to wait by what this instance has counted.
func (g *Guesses) wait(client string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of(client, now).wait(now)
}

func (g *guesser) wait(now time.Time) time.Duration {
	return g.at[g.next].Add(time.Minute).Sub(now)
}

// of finds an address's record. The table is bounded: addresses beyond the bound share one record.
func (g *Guesses) of(address string, now time.Time) *guesser {
	if one := g.by[address]; one != nil {
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
	g.by[address] = one
	return one
}

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

// TooManyGuesses is the answer to a wrong key from an address that has sent too many.
func TooManyGuesses(kind string, wait time.Duration) *Error {
	e := NewError(http.StatusTooManyRequests, "Too many wrong "+kind+"s from this address")
	e.headers = http.Header{"Retry-After": {strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))}}
	return e
}

package httpapi

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const rightKey = "right-key-0123456789"

// guarded is a guard with a clock that tests set, and a log that they read.
type guarded struct {
	Guard
	at  time.Time
	log bytes.Buffer
}

func newGuarded() *guarded {
	g := &guarded{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	g.Guard = Guard{Key: rightKey, Hosts: localHostGuard(), Guesses: NewGuesses(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&g.log, nil)), func() time.Time { return g.at })}
	return g
}

// status is the answer to a key from an address, 0 for none.
func (g *guarded) status(remote, key string) int {
	r := httptest.NewRequest("GET", "http://localhost/api/cache/hot", nil)
	r.RemoteAddr = remote
	r.Header.Set("X-API-Key", key)
	e := g.Check(r)
	if e == nil {
		return 0
	}
	if (e.GetStatus() == 429) != (e.GetHeaders().Get("Retry-After") != "") {
		return -1
	}
	return e.GetStatus()
}

func TestGuessesAreLimited(t *testing.T) {
	t.Parallel()
	g := newGuarded()
	const here = "192.0.2.1:4711"
	for i := range guessesPerMinute {
		g.at = g.at.Add(time.Second)
		if got := g.status(here, fmt.Sprint("guess", i)); got != 401 {
			t.Fatalf("guess %d: %d", i, got)
		}
	}
	for i, c := range []struct {
		remote, key string
		after       time.Duration
		want        int
	}{
		{here, "guess", 0, 429},
		{"192.0.2.1:9", "guess", 0, 429},          // another port
		{"[::ffff:192.0.2.1]:9", "guess", 0, 429}, // another spelling
		{here, rightKey, 0, 0},                    // what others did there is not the operator's fault
		{here, "guess", 0, 429},                   // the right key gives the guesser no new tries
		{"192.0.2.2:1", "guess", 0, 401},
		{here, "guess", 50 * time.Second, 429},
		{here, "guess", 2 * time.Second, 401}, // the first was a minute ago
		{here, "guess", 0, 401},
		{here, "guess", 0, 429}, // no minute has more than ten
		{here, "", 0, 401},      // a missing key is not a guess
	} {
		g.at = g.at.Add(c.after)
		if got := g.status(c.remote, c.key); got != c.want {
			t.Errorf("%d: %s with %q: %d, want %d", i, c.remote, c.key, got, c.want)
		}
	}
	for i := range guessesPerMinute {
		g.status(fmt.Sprintf("[2001:db8::%x]:1", i), "guess")
	}
	if got := g.status("[2001:db8::ffff]:1", "guess"); got != 429 {
		t.Errorf("another address of the same /64: %d", got)
	}
	if got := g.status("[2001:db8:0:1::1]:1", "guess"); got != 401 {
		t.Errorf("another /64: %d", got)
	}
}

// TestGuessesAreTold: they are logged once a minute and address, never with the key, and each one is counted.
func TestGuessesAreTold(t *testing.T) {
	t.Parallel()
	g := newGuarded()
	for range 1000 {
		g.status("192.0.2.1:1", "secret-guess")
	}
	g.status("192.0.2.2:1", "secret-guess")
	if n := strings.Count(g.log.String(), "admin key refused"); n != 2 {
		t.Errorf("%d lines for two addresses\n%s", n, g.log.String())
	}
	g.at = g.at.Add(time.Minute)
	g.status("192.0.2.1:1", "secret-guess")
	if said := g.log.String(); strings.Count(said, "admin key refused") != 3 || !strings.Contains(said, "refused_since_last_told=1000") || strings.Contains(said, "secret") {
		t.Errorf("the log says\n%s", said)
	}
	told, refused := testutil.ToFloat64(g.Guesses.refused.WithLabelValues("401")), testutil.ToFloat64(g.Guesses.refused.WithLabelValues("429"))
	if told != 12 || refused != 990 {
		t.Errorf("%v answered 401, %v answered 429", told, refused)
	}
}

// TestGuessersAreBounded: many addresses take bounded memory, are limited together, and lock nobody out.
func TestGuessersAreBounded(t *testing.T) {
	t.Parallel()
	g := newGuarded()
	guess := func(n int) int { return g.status(fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255), "guess") }
	refused := 0
	for n := range mostGuessers + 100 {
		if guess(n) == 429 {
			refused++
		}
	}
	if len(g.Guesses.by) > mostGuessers || refused != 100-guessesPerMinute {
		t.Errorf("%d addresses are kept, %d guesses were refused", len(g.Guesses.by), refused)
	}
	if got := g.status("192.0.2.1:1", rightKey); got != 0 {
		t.Errorf("the right key: %d", got)
	}
	g.at = g.at.Add(time.Minute)
	if guess(1<<20) != 401 || len(g.Guesses.by) != 1 {
		t.Errorf("%d addresses are kept after a minute", len(g.Guesses.by))
	}
}

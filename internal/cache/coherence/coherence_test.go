package coherence

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	if o, ok := ordered(); ok {
		if err := obey(o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testkit.Main(m)
}

// howLong is 30 s, or what OPENLEARN_VERIFY says.
func howLong(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("OPENLEARN_VERIFY")
	if text == "" {
		return 30 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("OPENLEARN_VERIFY: %v", err)
	}
	return d
}

const workers = 3

// trial runs a crew on a topology for a while, with the chaos that is asked for, and returns how often what happened.
func trial(t *testing.T, o order, m *memory, p *topology, d time.Duration, only ...string) *chaos {
	t.Helper()
	var wg sync.WaitGroup
	timing, stopTime := context.WithCancel(t.Context())
	wg.Go(func() { m.keepTime(timing) })
	o.Nodes = p.addrs
	crew := start(t, m, workers, o)
	c := &chaos{topology: p, crew: crew}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	c.run(ctx, only...)
	cancel()
	crew.finish()
	stopTime()
	wg.Wait()
	var b strings.Builder
	for i := range m.Counters {
		fmt.Fprintf(&b, "%s %d, ", counterNames[i], m.Counters[i].Load())
	}
	t.Logf("%v: %schaos %v", d, b.String(), c.done)
	return c
}

// TestNothingInvalidatedIsServed is the proof of the promise.
func TestNothingInvalidatedIsServed(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, *memory) *topology{"standalone": startPair, "cluster": startCluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, path := newMemory(t)
			d := howLong(t)
			c := trial(t, order{Role: "cache", Memory: path}, m, start(t, m), d)
			if n := m.Counters[nViolations].Load(); n != 0 {
				t.Errorf("%d violations", n)
			}
			// What was proved, and that it was something.
			for what, least := range map[int]int64{
				nJudged: 2000, nFromRedis: 300, nFromNear: 100, nFromBypass: 20, nFromSource: 200, nAcked: 300, nRefused: 1, nBoundedJudged: 100,
				nNested: 100, nNegative: 10, nStale: 1, nBatches: 100, nTickets: 5,
			} {
				if n := m.Counters[what].Load(); n < least {
					t.Errorf("%s: %d, want at least %d: too little was proved", counterNames[what], n, least)
				}
			}
			for _, mishap := range c.mishaps() {
				if c.done[mishap.name] == 0 {
					t.Errorf("%q never happened", mishap.name)
				}
			}
		})
	}
}

// The controls: the same checker, on what is known to break the promise.
func TestTheCheckerFindsViolations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, role, history string
		mishaps             []string
		start               func(*testing.T, *memory) *topology
	}{
		{"plain cache-aside", "aside", "", []string{"nothing"}, startPair},
		{"plain singleflight", "singleflight", "", []string{"nothing"}, startPair},
		{"versions without a history check", "cache", "hidden", []string{"lose the tail and restart", "promote"}, startPair},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, path := newMemory(t)
			o := order{Role: c.role, Memory: path, Args: map[string]string{"history": c.history, "quiet": "yes"}}
			trial(t, o, m, c.start(t, m), 10*time.Second, c.mishaps...)
			if m.Counters[nViolations].Load() == 0 {
				t.Error("no violation was found: the checker proves nothing")
			}
		})
	}
}

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

// howLong is 20 s for each of the two topologies, which run side by side, or what OPENLEARN_VERIFY says.
func howLong(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("OPENLEARN_VERIFY")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("OPENLEARN_VERIFY: %v", err)
	}
	return d
}

const workers = 3

// trial runs a crew on a topology, with the mishaps that are asked for (none: all of them), until over says so or the
// limit is reached.
func trial(t *testing.T, o order, m *memory, p *topology, limit time.Duration, over func(*chaos) bool, only ...string) *chaos {
	t.Helper()
	var wg sync.WaitGroup
	timing, stopTime := context.WithCancel(t.Context())
	wg.Go(func() { m.keepTime(timing) })
	o.Nodes = p.addrs
	crew := start(t, m, workers, o)
	c := &chaos{topology: p, crew: crew, done: map[string]int{}}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	wg.Go(func() {
		for ctx.Err() == nil && !over(c) {
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
	})
	c.run(ctx, only...)
	cancel()
	crew.finish()
	stopTime()
	wg.Wait()
	var b strings.Builder
	for i := range m.Counters {
		fmt.Fprintf(&b, "%s %d, ", counterNames[i], m.Counters[i].Load())
	}
	t.Logf("%v: %schaos %v", time.Since(began).Round(time.Second), b.String(), c.counts())
	return c
}

// enough is how often each thing must have happened for the run to prove anything.
var enough = map[int]int64{
	nJudged: 2000, nFromRedis: 300, nFromNear: 50, nFromBypass: 20, nFromSource: 200, nAcked: 150, nRefused: 1, nBoundedJudged: 100,
	nNested: 50, nNegative: 10, nStale: 1, nBatches: 100, nTickets: 5,
}

// TestNothingInvalidatedIsServed is the proof of the promise. It takes as long as it is told, or longer if the machine
// is too busy to prove enough in that time.
func TestNothingInvalidatedIsServed(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, *memory) *topology{"standalone": startPair, "cluster": startCluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, path := newMemory(t)
			d := howLong(t)
			began := time.Now()
			c := trial(t, order{Role: "cache", Memory: path}, m, start(t, m), d+3*time.Minute, func(c *chaos) bool {
				return time.Since(began) > d && len(missing(m, c)) == 0
			})
			if n := m.Counters[nViolations].Load(); n != 0 {
				t.Errorf("%d violations, the first at %d, when this happened:\n%s", n, m.First.Load(), c.around())
			}
			for _, what := range missing(m, c) {
				t.Errorf("too little was proved: %s", what)
			}
		})
	}
}

// missing is what has not happened often enough.
func missing(m *memory, c *chaos) (what []string) {
	for i, least := range enough {
		if n := m.Counters[i].Load(); n < least {
			what = append(what, fmt.Sprintf("%s %d times of %d", counterNames[i], n, least))
		}
	}
	counts := c.counts()
	for _, mishap := range c.mishaps() {
		if counts[mishap.name] == 0 {
			what = append(what, mishap.name)
		}
	}
	return what
}

// The controls: the same checker, on stores that are known to break the promise.
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
			o := order{Role: c.role, Memory: path, Args: map[string]string{"history": c.history, "control": "yes"}}
			trial(t, o, m, c.start(t, m), 2*time.Minute, func(*chaos) bool { return m.Counters[nViolations].Load() > 0 }, c.mishaps...)
			if m.Counters[nViolations].Load() == 0 {
				t.Error("no violation was found: the checker proves nothing")
			}
		})
	}
}

package guard

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

var someone = Client{Range: netip.MustParsePrefix("192.0.2.7/32")}

// rig is some instances on one Redis, with a clock that the test sets.
type rig struct {
	t     testing.TB
	clk   *testkit.Clock
	ro    *redis.Options
	tier  []*Tier
	every []*Limiter
}

func newRig(t testing.TB, n int, tier Tier) *rig {
	t.Helper()
	ro, err := redis.ParseURL(testkit.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	return newRigOn(t, n, tier, ro, 10*time.Second) // however busy the machine is
}

func newRigOn(t testing.TB, n int, tier Tier, ro *redis.Options, within time.Duration) *rig {
	t.Helper()
	r := &rig{t: t, clk: testkit.NewClock(time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)), ro: ro}
	tier.Name = "test"
	for range n {
		own := tier
		l, err := New(Options{Redis: ro, Logger: slog.New(slog.DiscardHandler), Now: r.clk.Now, Within: within}, &own)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() }) // Redis may be gone
		r.every, r.tier = append(r.every, l), append(r.tier, &own)
	}
	return r
}

func (r *rig) take(i int, units int64) Pass {
	return r.every[i].Take(r.t.Context(), someone, r.tier[i], units)
}

// drain asks for units until it is refused, and counts what it got.
func (r *rig) drain(i int, units int64) (got int64) {
	r.t.Helper()
	for r.take(i, units).OK {
		if got += units; got > 1e6 {
			r.t.Fatal("there is no limit")
		}
	}
	return got
}

func TestAMinuteHasSoManyUnits(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, Tier{Minute: 60, Hour: 1000})
	p := r.take(0, 1)
	if s := p.State(); !p.OK || s.Remaining[minute] != 59 || s.Remaining[hour] != 999 || s.Whole[minute] != time.Second || s.Whole[hour] != 3600*time.Millisecond {
		t.Errorf("after one: %+v", s)
	}
	if got := r.drain(0, 1); got != 59 {
		t.Errorf("%d more", got)
	}
	p = r.take(0, 1)
	if p.OK || p.For != "minute" || p.Wait != time.Second {
		t.Errorf("refused: %+v", p)
	}
	asked := testutil.ToFloat64(r.every[0].met.redis)
	for range 1000 {
		if r.take(0, 1).OK {
			t.Fatal("a refused client got through")
		}
	}
	if n := testutil.ToFloat64(r.every[0].met.redis) - asked; n != 0 {
		t.Errorf("Redis was asked %v times about a client that it had refused", n)
	}
	for range 10 {
		r.clk.Advance(time.Second)
		if got := r.drain(0, 1); got != 1 {
			t.Errorf("a second later: %d", got)
		}
	}
	if p := r.take(0, 10); p.OK || p.Wait != 10*time.Second {
		t.Errorf("ten units: %+v", p)
	}
	r.clk.Advance(10 * time.Second)
	if !r.take(0, 10).OK {
		t.Error("ten units after ten seconds are refused")
	}
}

func TestAnHourHasSoManyUnits(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, Tier{Minute: 60, Hour: 200})
	var got int64
	for range 10 {
		got += r.drain(0, 1)
		r.clk.Advance(time.Minute)
	}
	// 200, and what comes back in ten minutes.
	if got < 200+30 || got > 200+34 {
		t.Errorf("%d units in ten minutes", got)
	}
	r.drain(0, 1)
	if p := r.take(0, 1); p.OK || p.For != "hour" {
		t.Errorf("%+v", p)
	}
}

// TestInstancesShareLimits: however the requests of a client are spread, it gets its limit and never more; what instances hold
// in advance and do not spend is a twentieth of the minute's limit on each at most.
func TestInstancesShareLimits(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{5, 60, 1000, 100_000} {
		r := newRig(t, 3, Tier{Minute: limit, Hour: 1_000_000})
		var got int64
		refused, began := [3]bool{}, r.clk.Now()
		for n := 0; !refused[0] || !refused[1] || !refused[2]; n++ {
			i := rand.IntN(3)
			if n%50 == 0 {
				i = n / 50 % 3
			}
			p := r.take(i, 1)
			if refused[i] = !p.OK; p.OK {
				got++
			}
			r.clk.Advance(10 * time.Microsecond)
		}
		back := int64(math.Ceil(float64(limit) * r.clk.Now().Sub(began).Minutes())) // comes back meanwhile
		if got > limit+back || got < limit-3*min(limit/grantShare, grantMost) {
			t.Errorf("limit %d: %d units", limit, got)
		}
	}
}

// TestHotClientsSeldomAskRedis: that is what hits can afford.
func TestHotClientsSeldomAskRedis(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, Tier{Minute: 1_000_000, Hour: 10_000_000})
	for range 50_000 {
		if !r.take(0, 1).OK {
			t.Fatal("refused")
		}
	}
	if n := testutil.ToFloat64(r.every[0].met.redis); n > 100 {
		t.Errorf("Redis was asked %v times", n)
	}
}

// TestUnspentUnitsComeBack, those granted in advance and those that a request turned out not to cost.
func TestUnspentUnitsComeBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, Tier{Minute: 60, Hour: 1000})
	for range 20 {
		r.take(0, 1)
	}
	r.clk.Advance(2 * time.Second) // the grant is over
	p := r.take(0, 1)
	if s := p.State(); s.Remaining[minute] != 41 {
		t.Errorf("%d remain after 21 units and 2 s", s.Remaining[minute])
	}
	p = r.take(1, 30)
	p.Refund(1)
	if s := p.State(); s.Remaining[minute] != 40 {
		t.Errorf("%d remain after a request that cost 1 of 30", s.Remaining[minute])
	}
	r.clk.Advance(2 * time.Second)
	p = r.take(1, 1)
	if s := p.State(); s.Remaining[minute] != 41 {
		t.Errorf("%d remain", s.Remaining[minute])
	}
}

func TestBytesAreBudgeted(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, Tier{Minute: 60_000, Hour: 1_000_000, Bytes: 1 << 20})
	sent := 0
	for p := r.take(0, 1); p.OK; p = r.take(0, 1) {
		p.Sent(100_000)
		if sent++; sent > 100 {
			t.Fatal("there is no budget")
		}
	}
	if sent != 11 {
		t.Errorf("%d answers of 100 kB", sent)
	}
	if p := r.take(0, 1); p.OK || p.For != "bytes" || p.Wait < 2*time.Minute || p.Wait > 4*time.Minute {
		t.Errorf("%+v", p)
	}
	r.clk.Advance(10 * time.Second) // Redis is told with the next question
	r.every[0].clients.InvalidateAll()
	if p := r.take(1, 1); !p.OK {
		t.Errorf("the other instance was not told of the last answers, and refuses: %+v", p)
	}
}

// TestClientsAreApart, and one client asked for at once by many gets its limit.
func TestClientsAreApart(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, Tier{Minute: 100, Hour: 1000})
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for i := range 40 {
		wg.Go(func() {
			who := Client{Known: fmt.Sprint("user ", i%4)}
			for range 40 {
				if r.every[i%2].Take(t.Context(), who, r.tier[i%2], 1).OK {
					mu.Lock()
					got[who.Known]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for who, n := range got {
		if n > 100 || n < 90 {
			t.Errorf("%s got %d of 100", who, n)
		}
	}
	if len(got) != 4 {
		t.Errorf("%v", got)
	}
}

// TestRealClock: without a clock of the test's, Redis's counts.
func TestRealClock(t *testing.T) {
	t.Parallel()
	ro, err := redis.ParseURL(testkit.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	tier := &Tier{Name: "test", Minute: 10, Hour: 10}
	l, err := New(Options{Redis: ro, Logger: slog.New(slog.DiscardHandler), Within: 10 * time.Second}, tier)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for range 10 {
		if !l.Take(t.Context(), someone, tier, 1).OK {
			t.Fatal("refused")
		}
	}
	if l.Take(t.Context(), someone, tier, 10).OK {
		t.Error("there is no limit")
	}
	if testutil.ToFloat64(l.met.local) != 0 {
		t.Error("Redis was not asked")
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{Enabled: true}, {Enabled: true, PerMinute: 60, PerHour: 1000, UserPerMinute: 1, UserPerHour: 1, BytesPerHour: -1}} {
		if c.Validate() == nil {
			t.Errorf("%+v is valid", c)
		}
	}
	if err := (&Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

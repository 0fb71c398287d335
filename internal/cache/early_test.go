package cache

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"openlearn/internal/cache/internal/envelope"
)

// Early refresh is XFetch: now − δ·β·ln(rand) ≥ expiry. The simulation in
// forecast/replay computes the same condition.
func TestEarlyRefreshIsXFetch(t *testing.T) {
	t.Parallel()
	chance := 0.0
	c := newCache(t, Options{Redis: ownRedis(t), Now: newClock().Now, EarlyRefresh: 1.5, Rand: func() float64 { return chance }})
	rng := rand.New(rand.NewPCG(6, 6))
	yes := 0
	for range 10_000 {
		chance = rng.Float64()
		left, cost := time.Duration(rng.IntN(2000))*time.Millisecond, time.Duration(rng.IntN(1_000_000))*time.Microsecond
		e := envelope.Envelope{Cost: uint32(cost.Microseconds()), Soft: c.nowMS() + left.Milliseconds()}
		delta := 1.5 * float64(cost.Microseconds())
		want := cost > 0 && -delta*math.Log(1-chance) >= float64(left.Milliseconds())*1000
		if got := c.early(&e); got != want {
			t.Fatalf("%v left, %v cost, chance %v: %v here, want %v", left, cost, chance, got, want)
		}
		if want {
			yes++
		}
	}
	if yes < 1000 || yes > 9000 {
		t.Errorf("early %d times of 10,000: this tests one side only", yes)
	}
}

package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"openlearn/internal/testkit"
)

// TestTheCollectorIsPacedUnlessTheEnvironmentSays is not parallel: there is one environment and one collector.
func TestTheCollectorIsPacedUnlessTheEnvironmentSays(t *testing.T) {
	percent, limit := debug.SetGCPercent(77), debug.SetMemoryLimit(1<<40)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	t.Setenv("GOGC", "77")
	t.Setenv("GOMEMLIMIT", "1TiB")
	paceCollector(t.Context()).Close()
	if p, l := debug.SetGCPercent(77), debug.SetMemoryLimit(-1); p != 77 || l != 1<<40 {
		t.Errorf("the environment's settings became %d, %d", p, l)
	}
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	paced := paceCollector(t.Context())
	defer paced.Close()
	// A live quarter of a gigabyte, without pointers, lowers GOGC to its minimum.
	live := make([]byte, 256<<20)
	runtime.GC()
	testkit.Eventually(t, "GOGC is lowered beside a large heap", func() bool {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64() == gcMinPercent
	})
	runtime.KeepAlive(live)
	if l := debug.SetMemoryLimit(-1); l != memoryLimit {
		t.Errorf("the limit is %d", l)
	}
}

func TestTheHeadroomOfTheCollectorIsTheSameBesideAnyHeap(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 400, 8 << 20: 400, 40 << 20: 200, 80 << 20: 100, 100 << 20: 80, 1 << 30: 50} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB live: GOGC %d, want %d", live>>20, got, want)
		}
	}
}

package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"openlearn/internal/periodic"
)

// A serving process allocates short-lived objects, beside caches of bounded size. A fixed GOGC fits only one size of live
// heap: a value that suits a small heap lets a full one grow by hundreds of megabytes between two collections. So the amount
// to allocate between collections is fixed, and GOGC follows from the live heap.
const (
	gcHeadroom   = 80 << 20 // bytes allocated from one collection to the next
	gcMinPercent = 50       // for the largest live heap
	gcMaxPercent = 400      // for the smallest
	memoryLimit  = 1 << 30  // soft: near it, Go collects as often as it takes
)

// paceCollector sets how a serving process collects garbage, unless GOGC or GOMEMLIMIT in its environment do. The caller
// closes the runner that it returns.
func paceCollector(ctx context.Context) *periodic.Runner {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") != "" {
		return nil
	}
	now := gcMaxPercent
	debug.SetGCPercent(now)
	return periodic.Start(ctx, periodic.Job{
		Name: "pace the garbage collector", Every: 250 * time.Millisecond,
		Pass: func(context.Context) error {
			// Setting it stops the world for a moment, so small changes are skipped.
			if p := gcPercent(liveHeap()); max(p-now, now-p) > now/10 {
				debug.SetGCPercent(p)
				now = p
			}
			return nil
		},
	})
}

// gcPercent is the GOGC that allows gcHeadroom to be allocated beside the given live bytes.
func gcPercent(live uint64) int {
	return int(min(max(100*gcHeadroom/max(live, 1), gcMinPercent), gcMaxPercent))
}

// liveHeap is how many bytes the last collection found live.
func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

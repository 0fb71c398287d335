package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"openlearn/internal/periodic"
)

// A serving process allocates what soon dies, around caches of bounded size. A fixed GOGC fits only one size of them: what
// suits a small heap lets a full one grow by hundreds of megabytes between two collections. So the collector is given an
// amount to wait for, and GOGC follows from what lives.
const (
	gcHeadroom   = 80 << 20 // bytes allocated from one collection to the next
	gcMinPercent = 50       // however much lives
	gcMaxPercent = 400      // and however little
	memoryLimit  = 1 << 30  // soft: near it, Go collects as often as it takes
)

// paceCollector sets how a serving process collects garbage, unless GOGC or GOMEMLIMIT of its environment say so. The
// caller closes what it returns.
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
			// Setting it stops the world for a moment, so small changes are left.
			if p := gcPercent(liveHeap()); max(p-now, now-p) > now/10 {
				debug.SetGCPercent(p)
				now = p
			}
			return nil
		},
	})
}

// gcPercent is the GOGC that lets gcHeadroom be allocated beside so many live bytes.
func gcPercent(live uint64) int {
	return int(min(max(100*gcHeadroom/max(live, 1), gcMinPercent), gcMaxPercent))
}

// liveHeap is how many bytes the last collection found alive.
func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

package app

import (
	"os"
	"runtime/debug"
)

// What lives in a serving process is a cache of bounded size, and what it allocates is soon dead. So the collector may
// wait longer than Go's default has it, for as long as all of it stays small.
const (
	gcPercent   = 400
	memoryLimit = 1 << 30 // soft: near it, Go collects as often as it takes
)

// tuneCollector sets how a serving process collects garbage, unless GOGC or GOMEMLIMIT of its environment say so.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

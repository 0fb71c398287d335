// Package bounds measures, in tests, what reading a hostile document costs. It imports nothing, so that tests of packages
// that do no I/O may use it.
package bounds

import (
	"fmt"
	"runtime"
	"strings"
)

// Most bounds what reading one document may allocate, garbage included. Under the race detector slices are not grown in
// place and pools are not used, so more is allocated.
func Most() uint64 {
	if Race {
		return 128 << 20
	}
	return 64 << 20
}

// Allocated measures what f allocates. Nothing else may run meanwhile, so its callers are not parallel.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Filled repeats s up to 8 MiB.
func Filled(s string) string { return strings.Repeat(s, (8<<20)/len(s)) }

// Numbered writes the numbers below n in a format, one after another.
func Numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

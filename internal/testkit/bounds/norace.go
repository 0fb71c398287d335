//go:build !race

package bounds

// Race says whether the race detector is on.
const Race = false

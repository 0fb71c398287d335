// Package version defines the versions of dependencies: nonces, the Redis keys they are stored under, and the marks
// that stand in their place while a coarse dependency changes on a cluster.
package version

import (
	"crypto/rand"
	"slices"
)

// Len is the length of a version in bytes.
const Len = 16

// New makes a version: 128 random bits that never come again.
func New() string {
	var b [Len]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return string(b[:])
}

// Complete reports whether each is a version: none is missing or closed.
func Complete(vs []string) bool {
	return !slices.ContainsFunc(vs, func(v string) bool { return len(v) != Len })
}

// Same reports whether stored is current, version by version, in one string.
func Same(stored string, current []string) bool {
	if len(stored) != len(current)*Len {
		return false
	}
	for i, v := range current {
		if v != stored[i*Len:(i+1)*Len] {
			return false
		}
	}
	return true
}

// Package fnv1a is the 64-bit FNV-1a hash (Fowler, Noll, Vo) of strings, without the interface and the allocation of
// hash/fnv. It is the same in every process and release: buckets, fingerprints and messages rely on that.
package fnv1a

// The constants of the algorithm.
const (
	Offset = 14695981039346656037
	Prime  = 1099511628211
)

// Sum is the hash of s.
func Sum(s string) uint64 { return Add(Offset, s) }

// Add continues the hash h with s.
func Add(h uint64, s string) uint64 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * Prime
	}
	return h
}

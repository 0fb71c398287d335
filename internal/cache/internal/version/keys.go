package version

import (
	"strings"

	"openlearn/internal/cache/internal/fnv1a"
	"openlearn/internal/cache/internal/names"
)

// Dependencies are names: "article:42", "articles", "source:El Tiempo", "layer:article". Names without a colon and layers
// are coarse: very many entries depend on them. Their version is split into buckets by the entry's key, so that reads
// spread over the shards. A read needs one bucket; an invalidation writes all of them.

const (
	// Buckets is how many versions a coarse dependency has.
	Buckets = 16
	// Format is the part of the keys of versions, histories and messages that is raised when their form changes.
	Format = "v1"
	// Prefix is what the keys of versions begin with.
	Prefix = "dep:" + Format + ":"
	// MaxName is the length in bytes from which a dependency's name is shortened. It is longer than any
	// {layer}:{identifier}.
	MaxName = 512

	layerPrefix = "layer:"
	bucketMark  = '#'
	hexDigits   = "0123456789abcdef"
)

// Layer is the dependency that every entry of a layer has.
func Layer(name string) string { return layerPrefix + name }

// Short is a dependency's name as it appears in keys.
func Short(dep string) string { return names.Shorten(dep, MaxName) }

// Coarse reports whether a dependency, shortened, is split into buckets.
func Coarse(dep string) bool {
	return strings.HasPrefix(dep, layerPrefix) || strings.IndexByte(dep, ':') < 0
}

// Bucket is the bucket of a coarse dependency that an entry's key reads. The multiplication (by 2^64/φ, Knuth's) is
// needed: the last byte of FNV-1a hardly reaches the upper bits, and neighbouring ids would share a bucket.
func Bucket(key string) int {
	return int(fnv1a.Sum(key) * 0x9E3779B97F4A7C15 >> 60 & (Buckets - 1))
}

// Keys lists every version key of a dependency: one, or one for each bucket.
func Keys(dep string) []string {
	dep = Short(dep)
	if !Coarse(dep) {
		return []string{Prefix + dep}
	}
	out := make([]string, Buckets)
	for i := range out {
		out[i] = Prefix + dep + string([]byte{bucketMark, hexDigits[i]})
	}
	return out
}

// EntryKeys builds an entry's key and the version keys of its dependencies, which run parallel to deps, in one
// allocation.
func EntryKeys(keyPrefix, id string, deps []string) (key string, vkeys []string) {
	size := len(keyPrefix) + len(id)
	for _, d := range deps {
		size += len(Prefix) + len(d) + 2
	}
	buf := make([]byte, 0, size)
	buf = append(append(buf, keyPrefix...), id...)
	keyEnd := len(buf)
	bucket := Bucket(string(buf))
	vkeys = make([]string, len(deps))
	ends := make([]int, 0, 16)
	for _, d := range deps {
		buf = append(append(buf, Prefix...), d...)
		if Coarse(d) {
			buf = append(buf, bucketMark, hexDigits[bucket])
		}
		ends = append(ends, len(buf))
	}
	all := string(buf)
	start := keyEnd
	for i, end := range ends {
		vkeys[i] = all[start:end]
		start = end
	}
	return all[:keyEnd], vkeys
}

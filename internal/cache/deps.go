package cache

import (
	"fmt"
	"strings"
)

// Dependencies are names: "article:42", "articles", "source:El Tiempo",
// "layer:article". Each has a version in Redis. Names without a colon and
// layers are coarse, hung on by very many entries: their version is split
// into buckets by the entry's key, so that reads spread over the shards. A
// read needs one bucket, invalidating writes all.

const (
	buckets   = 16
	depPrefix = "dep:"
	// depFormat is of versions, histories and messages. Options.Version is of
	// entries: releases side by side whose entries differ hang on the same
	// names, and what one invalidates the other must not serve.
	depFormat  = "v1"
	hexDigits  = "0123456789abcdef"
	maxDeps    = 64
	maxDep     = 512 // bytes; more than any {layer}:{identifier}
	layerDep   = "layer:"
	bucketMark = '#'
)

func coarse(dep string) bool {
	return strings.HasPrefix(dep, layerDep) || strings.IndexByte(dep, ':') < 0
}

// bucketOf is the bucket that an entry's key reads of a coarse dependency. The
// multiplication (by 2^64/φ, Knuth's) is needed: the last byte of FNV-1a hardly
// reaches the upper bits, and neighbouring ids would share a bucket.
func bucketOf(key string) byte {
	return byte(hash64(fnvOffset, key) * 0x9E3779B97F4A7C15 >> 60 & (buckets - 1))
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// hash64 is FNV-1a, stable across processes and releases.
func hash64(h uint64, s string) uint64 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// target is one entry, named: its key, what it depends on, and the version
// keys that say whether it is current. vkeys run parallel to deps.
type target struct {
	layer  *layerState
	key    string
	id     string
	deps   []string
	vkeys  []string
	fprint uint64
}

// newTarget resolves a layer, a key and its declared dependencies. The entry
// depends on its layer and on itself too.
func (c *Cache) newTarget(l *layerState, k Key, declared []string, fprint uint64) (target, error) {
	id, err := k.identifier()
	if err != nil {
		return target{}, fmt.Errorf("layer %s: %w", l.Name, err)
	}
	deps := make([]string, 0, len(declared)+2)
	deps = append(deps, l.dep, l.selfDep(id))
	for _, d := range declared {
		if d == "" {
			return target{}, fmt.Errorf("%w: layer %s, entry %s: empty dependency", ErrInvalidKey, l.Name, id)
		}
		deps = addUnique(deps, shorten(d, maxDep))
	}
	if len(deps) > maxDeps {
		return target{}, fmt.Errorf("%w: layer %s, entry %s: %d dependencies, at most %d", ErrInvalidKey, l.Name, id, len(deps), maxDeps)
	}
	t := target{layer: l, id: id, deps: deps}
	t.key, t.vkeys = c.redisKeys(l, id, deps)
	t.fprint = withDeps(fprint, deps)
	return t, nil
}

// selfDep is the dependency of an entry on itself: what Delete invalidates.
func (l *layerState) selfDep(id string) string { return shorten(l.Name+":"+id, maxDep) }

// withDeps mixes dependency names into the fingerprint of codec and type.
func withDeps(fprint uint64, deps []string) uint64 {
	for _, d := range deps {
		fprint = (hash64(fprint, d) ^ 0xff) * fnvPrime
	}
	return fprint
}

func addUnique(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// redisKeys builds the entry's key and its version keys in one allocation.
func (c *Cache) redisKeys(l *layerState, id string, deps []string) (key string, vkeys []string) {
	size := len(l.keyPrefix) + len(id)
	for _, d := range deps {
		size += len(c.depPrefix) + len(d) + 2
	}
	buf := make([]byte, 0, size)
	buf = append(append(buf, l.keyPrefix...), id...)
	keyEnd := len(buf)
	bucket := bucketOf(string(buf))
	vkeys = make([]string, len(deps))
	ends := make([]int, 0, 16)
	for _, d := range deps {
		buf = append(append(buf, c.depPrefix...), d...)
		if coarse(d) {
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

// versionKeys lists every version key of a dependency: one, or all buckets.
func (c *Cache) versionKeys(dep string) []string {
	dep = shorten(dep, maxDep)
	if !coarse(dep) {
		return []string{c.depPrefix + dep}
	}
	out := make([]string, buckets)
	for i := range out {
		out[i] = c.depPrefix + dep + string([]byte{bucketMark, hexDigits[i]})
	}
	return out
}

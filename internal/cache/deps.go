package cache

import (
	"fmt"

	"openlearn/internal/cache/internal/fingerprint"
	"openlearn/internal/cache/internal/version"
)

const maxDeps = 64

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
		deps = addUnique(deps, version.Short(d))
	}
	if len(deps) > maxDeps {
		return target{}, fmt.Errorf("%w: layer %s, entry %s: %d dependencies, at most %d", ErrInvalidKey, l.Name, id, len(deps), maxDeps)
	}
	t := target{layer: l, id: id, deps: deps}
	t.key, t.vkeys = version.EntryKeys(l.keyPrefix, id, deps)
	t.fprint = fingerprint.WithDeps(fprint, deps)
	return t, nil
}

// selfDep is the dependency of an entry on itself: what Delete invalidates.
func (l *layerState) selfDep(id string) string { return version.Short(l.Name + ":" + id) }

func addUnique(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

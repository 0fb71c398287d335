package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/names"
	"openlearn/internal/cache/internal/pattern"
	"openlearn/internal/cache/internal/version"
)

// Purging is invalidation for operators, who want to know what it reached. The
// invalidation itself is as quick as ever; afterwards the keyspace is walked,
// for a bounded time, and what depended on the invalidated names is counted and
// its memory freed.

// PurgeOptions say how to purge.
type PurgeOptions struct {
	// DryRun invalidates and frees nothing, and counts what it would have.
	DryRun bool
	// Within bounds the walk; 0 = 5 s. The invalidation is done whether or not
	// the walk comes to its end.
	Within time.Duration
}

const defaultWithin = 5 * time.Second

// Purged is what a purge reached.
type Purged struct {
	// Layers counts, by layer, the entries that were current until now.
	Layers map[string]int
	// Examples are up to twenty of these entries.
	Examples []EntryName
	// Freed counts the keys removed: those, and dead ones that depended on the
	// same names.
	Freed int
	// Dependencies is how many names were given a new version.
	Dependencies int
	// Complete says that the walk came to its end, so that the counts are
	// those of everything stored.
	Complete bool
}

// EntryName names an entry as Keys lists it.
type EntryName struct{ Layer, ID string }

const mostExamples = 20

// Total is the number of entries that were current until now.
func (p *Purged) Total() (n int) {
	for _, m := range p.Layers {
		n += m
	}
	return n
}

// Purge invalidates dependencies, as Invalidate does, and reports what depended
// on them. LayerDep names a whole layer.
func (c *Cache) Purge(ctx context.Context, deps []string, o PurgeOptions) (Purged, error) {
	p := c.newPurge(o)
	if err := p.doom(ctx, deps); err != nil {
		return Purged{}, err
	}
	return p.sweep(ctx)
}

// PurgeEntry invalidates the entry of an identifier and its variants by
// parameters, and whatever else depends on that entry.
func (c *Cache) PurgeEntry(ctx context.Context, layer, id string, o PurgeOptions) (Purged, error) {
	l, err := c.layer(layer)
	if err != nil {
		return Purged{}, err
	}
	ids := names.Stored(id)
	if len(ids) == 0 {
		return Purged{}, fmt.Errorf("layer %s: %w: empty identifier", layer, ErrInvalidKey)
	}
	p := c.newPurge(o)
	exact := make([]string, len(ids))
	for i, id := range ids {
		exact[i] = l.Name + ":" + id
	}
	if err := p.doom(ctx, exact); err != nil { // at once, before any walk
		return Purged{}, err
	}
	bases := []string{id} // as Keys lists it, and what an ID of that text becomes
	if short := names.ShortID(id); short != id {
		bases = []string{short}
		if names.LooksShortened(id) {
			bases = append(bases, id)
		}
	}
	for _, base := range bases {
		variant := func(have string) bool {
			return len(have) == len(base)+1+names.ParamsHex && names.LooksHashed(have) && strings.HasPrefix(have, base)
		}
		if err := p.doomMatching(ctx, l, pattern.EscapeGlob(base)+":*", variant); err != nil {
			return Purged{}, err
		}
	}
	return p.sweep(ctx)
}

// PurgePattern invalidates a layer's entries whose identifiers match a pattern,
// fills in progress included, and whatever else depends on them. In a pattern *
// stands for any text, ? for one character, and \ takes their meaning away;
// nothing else is special, and no pattern reaches outside the layer.
func (c *Cache) PurgePattern(ctx context.Context, layer, text string, o PurgeOptions) (Purged, error) {
	l, err := c.layer(layer)
	if err != nil {
		return Purged{}, err
	}
	pat, err := pattern.New(text)
	if err != nil {
		return Purged{}, fmt.Errorf("layer %s: %w: %w", layer, ErrInvalidKey, err)
	}
	p := c.newPurge(o)
	if err := p.doomMatching(ctx, l, pat.Glob, pat.Match); err != nil {
		return Purged{}, err
	}
	return p.sweep(ctx)
}

// purge is one purge in progress.
type purge struct {
	c   *Cache
	opt PurgeOptions
	// old holds, by dependency, its version before the invalidation; one for
	// each bucket of a coarse one.
	old  map[string][]string
	out  Purged
	seen map[string]bool // counted: SCAN may hand out a key twice
}

func (c *Cache) newPurge(o PurgeOptions) *purge {
	if o.Within <= 0 {
		o.Within = defaultWithin
	}
	return &purge{c: c, opt: o, old: map[string][]string{}, seen: map[string]bool{}, out: Purged{Layers: map[string]int{}}}
}

// doomAtOnce bounds one pipeline of versions.
const doomAtOnce = 500

// doom reads the versions of dependencies and then gives them new ones.
func (p *purge) doom(ctx context.Context, deps []string) error {
	for part := range slices.Chunk(deps, doomAtOnce) {
		var keys []string
		for _, d := range part {
			if d == "" {
				return fmt.Errorf("%w: invalidate: empty dependency", ErrInvalidKey)
			}
			keys = append(keys, version.Keys(d)...)
		}
		values, err := p.c.readKeys(ctx, "", keys)
		if err != nil {
			return fmt.Errorf("cache: read the versions of %d dependencies (first %q): %w", len(part), part[0], err)
		}
		if !p.opt.DryRun {
			if err := p.c.Invalidate(ctx, part...); err != nil {
				return err
			}
		}
		for _, d := range part {
			n := 1
			if version.Coarse(version.Short(d)) {
				n = version.Buckets
			}
			p.old[version.Short(d)] = values[:n]
			values = values[n:]
		}
		p.out.Dependencies += len(part)
	}
	return nil
}

// doomMatching dooms a layer's entries by their identifiers. It walks versions
// and not entries: a fill in progress has made its version before it fetches, so
// it is found while its entry is not stored yet.
func (p *purge) doomMatching(ctx context.Context, l *layerState, glob string, match func(id string) bool) error {
	prefix := version.Prefix + l.Name + ":"
	err := p.c.scan(ctx, pattern.EscapeGlob(prefix)+glob, func(keys []string) error {
		var deps []string
		for _, k := range keys {
			dep := k[len(version.Prefix):]
			if _, done := p.old[dep]; !done && match(k[len(prefix):]) {
				deps = append(deps, dep)
			}
		}
		return p.doom(ctx, deps)
	})
	if err != nil {
		return fmt.Errorf("cache: invalidate entries of layer %s by name: %w", l.Name, err)
	}
	return nil
}

// sweep walks the keyspace, counts what has been doomed and frees it. The
// invalidation stands by then, so a failed walk only makes the result
// incomplete.
func (p *purge) sweep(ctx context.Context) (Purged, error) {
	if len(p.old) == 0 {
		p.out.Complete = true
		return p.out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.opt.Within)
	defer cancel()
	// Entries of any layer may depend on a name, one layer's version included.
	err := p.c.scan(ctx, "*:"+pattern.EscapeGlob(p.c.opt.Version+":")+"*", func(keys []string) error { return p.page(ctx, keys) })
	p.out.Complete = err == nil
	if err != nil && (p.opt.DryRun && ctx.Err() == nil) {
		return p.out, fmt.Errorf("cache: count entries: %w", err)
	}
	if err != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		p.c.log.Warn("cache invalidated, but not all counted and freed", "error", err)
	}
	return p.out, nil
}

// headBytes is how much of an entry is read first: enough for the names of
// nearly all entries.
const headBytes = 2048

// suspect is an entry that names something doomed.
type suspect struct {
	layer    *layerState
	key      string
	head     envelope.Envelope
	names    []string
	versions []string // of the names that are not doomed, as they are now
}

func (p *purge) page(ctx context.Context, keys []string) error {
	suspects, err := p.suspects(ctx, keys)
	if err != nil || len(suspects) == 0 {
		return err
	}
	if err := p.count(ctx, suspects); err != nil {
		return err
	}
	if p.opt.DryRun {
		return nil
	}
	pipe := p.c.rdb.Pipeline()
	cmds := make([]*redis.IntCmd, len(suspects))
	for i, s := range suspects {
		p.c.near.Remove(s.key)
		cmds[i] = pipe.Unlink(ctx, s.key)
	}
	_, err = pipe.Exec(ctx)
	for _, cmd := range cmds {
		p.out.Freed += int(cmd.Val())
	}
	return err
}

// suspects reads the heads of a page's entries and keeps those that name
// something doomed. What is not an entry of ours is left alone.
func (p *purge) suspects(ctx context.Context, keys []string) ([]*suspect, error) {
	pipe := p.c.rdb.Pipeline()
	var at []*suspect
	var gets []*redis.StringCmd
	for _, k := range keys {
		if l := p.c.layerOf(k); l != nil && !p.seen[k] {
			at, gets = append(at, &suspect{layer: l, key: k}), append(gets, pipe.GetRange(ctx, k, 0, headBytes-1))
		}
	}
	if len(at) == 0 {
		return nil, nil
	}
	_, _ = pipe.Exec(ctx) // each command's own error is checked
	var out []*suspect
	for i, s := range at {
		raw, err := gets[i].Result()
		if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil, err
		}
		if n := envelope.HeadLength(raw); n > len(raw) && len(raw) == headBytes {
			if raw, err = p.c.rdb.GetRange(ctx, s.key, 0, int64(n-1)).Result(); err != nil {
				return nil, err
			}
		}
		var ok bool
		if s.head, ok = envelope.DecodeHead(raw); !ok {
			continue
		}
		if s.names, err = s.head.Deps(); err != nil {
			continue
		}
		if slices.ContainsFunc(s.names, func(n string) bool { _, doomed := p.old[n]; return doomed }) {
			out = append(out, s)
		}
	}
	return out, nil
}

// count counts the suspects that were current until their names were doomed.
func (p *purge) count(ctx context.Context, suspects []*suspect) error {
	index := map[string]int{}
	var keys []string
	for _, s := range suspects {
		_, s.versions = version.EntryKeys(s.layer.keyPrefix, s.key[len(s.layer.keyPrefix):], s.names)
		for _, v := range s.versions {
			if _, ok := index[v]; !ok {
				index[v] = len(keys)
				keys = append(keys, v)
			}
		}
	}
	now, err := p.c.readKeys(ctx, "", keys)
	if err != nil {
		return err
	}
	for _, s := range suspects {
		current := p.c.nowMS() < s.head.Hard
		for i, name := range s.names {
			want := now[index[s.versions[i]]]
			if old, doomed := p.old[name]; doomed {
				want = old[0]
				if len(old) > 1 {
					want = old[version.Bucket(s.key)]
				}
			}
			current = current && want == s.head.Version(i)
		}
		if current {
			p.seen[s.key] = true
			p.out.Layers[s.layer.Name]++
			if len(p.out.Examples) < mostExamples {
				p.out.Examples = append(p.out.Examples, EntryName{s.layer.Name, s.key[len(s.layer.keyPrefix):]})
			}
		}
	}
	return nil
}

// layerOf is the layer whose namespace a key is in, nil if there is none.
func (c *Cache) layerOf(key string) *layerState {
	for _, l := range c.order {
		if strings.HasPrefix(key, l.keyPrefix) {
			return l
		}
	}
	return nil
}

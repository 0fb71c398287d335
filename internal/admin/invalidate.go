package admin

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"openlearn/internal/cache"
)

// Scope is what an invalidation applies to.
type Scope string

// The scopes, from the narrowest to the widest.
const (
	ScopeEntry      Scope = "entry"
	ScopePattern    Scope = "pattern"
	ScopeArticle    Scope = "article"
	ScopeSource     Scope = "source"
	ScopeDependency Scope = "dependency"
	ScopeLayer      Scope = "layer"
	ScopeAll        Scope = "all"
)

// Invalidation is a request to invalidate. Layer is needed for entries, patterns and layers; Name is the identifier,
// pattern, article number, newspaper or dependency, by scope.
type Invalidation struct {
	Scope  Scope
	Layer  string
	Name   string
	DryRun bool
}

// Maximum lengths of names, in characters.
const (
	MostName       = 512
	MostIdentifier = 1024
)

// Reach is what an invalidation reached. The invalidation takes effect before anything is counted.
type Reach struct {
	Layers       map[string]int `json:"layers" doc:"Entries that were current until now, by every layer that was reached"`
	Reclaimed    int            `json:"keys_reclaimed" doc:"Keys removed from Redis: those, and dead ones that hung on the same"`
	Examples     []EntryName    `json:"examples" nullable:"false" doc:"Up to twenty of the entries"`
	Dependencies int            `json:"dependencies" doc:"Names that were given a new version"`
	Note         string         `json:"note,omitempty" doc:"Of an invalidation by name that reached nothing"`
	Complete     bool           `json:"complete" doc:"false if the time for counting ran out; all of it is invalid even so"`
	DryRun       bool           `json:"dry_run" doc:"Nothing was changed: the counts are of what would be"`
	Audited      bool           `json:"audited" doc:"The audit trail has it; never for a dry run"`
}

// Entries is how many were reached.
func (r Reach) Entries() (n int) {
	for _, k := range r.Layers {
		n += k
	}
	return n
}

// nothingNamed is the note for names that callers write themselves: everything that depends on it is invalid now, but
// nothing did.
const nothingNamed = "nothing that is current was reached: the name may be misspelt, or nothing of it is cached"

// order is a parsed invalidation: how the trail records it, and how it is done.
type order struct {
	operation string
	target    any
	named     bool     // the caller named something, and may have misspelt it
	deps      []string // what depends on them is invalidated, or for entries and patterns some of it
	do        func(cache.PurgeOptions) (cache.Purged, error)
}

// Invalidate makes everything in the scope invalid, with a row in the trail, or says what that would reach. Errors are
// *Error, or the database's.
func (a *Admin) Invalidate(ctx context.Context, q Invalidation) (Reach, error) {
	o, err := a.order(ctx, q)
	if err != nil {
		return Reach{}, err
	}
	run := func() (cache.Purged, error) { return o.do(cache.PurgeOptions{DryRun: q.DryRun}) }
	var p cache.Purged
	recorded := false
	if q.DryRun {
		p, err = run()
	} else {
		p, recorded, err = a.audited(ctx, o.operation, o.target, run)
		if err == nil && a.opt.Told != nil {
			err = a.opt.Told(ctx, o.deps)
		}
	}
	r := Reach{
		Layers: p.Layers, Reclaimed: p.Freed, Examples: examplesOf(p), Dependencies: p.Dependencies, Complete: p.Complete, DryRun: q.DryRun, Audited: recorded,
	}
	if o.named && len(r.Layers) == 0 && r.Complete {
		r.Note = nothingNamed
	}
	return r, a.refused(err, "")
}

func (a *Admin) order(ctx context.Context, q Invalidation) (order, error) {
	switch q.Scope {
	case ScopeEntry, ScopePattern, ScopeLayer:
		return a.orderInLayer(ctx, q)
	case ScopeArticle:
		id, err := strconv.ParseInt(q.Name, 10, 64)
		if err != nil {
			return order{}, invalid(string(ScopeArticle), "an article is named by its number", q.Name)
		}
		deps, err := a.opt.Archive.ArticleDeps(ctx, id)
		return order{"article_invalidation", map[string]int64{"article_id": id}, true, deps, a.purge(ctx, deps)}, err
	case ScopeSource:
		if err := checkName(q.Name, string(ScopeSource), MostName); err != nil {
			return order{}, err
		}
		deps, err := a.opt.Archive.SourceDeps(ctx, q.Name)
		return order{"source_invalidation", map[string]string{"source_name": q.Name}, true, deps, a.purge(ctx, deps)}, err
	case ScopeDependency:
		const field = string(ScopeDependency)
		if err := checkName(q.Name, field, MostName); err != nil {
			return order{}, err
		}
		if layer, ok := strings.CutPrefix(q.Name, "layer:"); ok {
			if _, err := a.layer(layer, field); err != nil {
				return order{}, err
			}
		}
		return order{"dependency_invalidation", map[string]string{"dependency": q.Name}, true, []string{q.Name}, a.purge(ctx, []string{q.Name})}, nil
	case ScopeAll:
		var layers []string
		for _, l := range a.cache.LayerTable() {
			layers = append(layers, cache.LayerDep(l.Name))
		}
		return order{"full_invalidation", struct{}{}, false, layers, a.purge(ctx, layers)}, nil
	}
	return order{}, invalid("scope", "unknown scope", string(q.Scope))
}

func (a *Admin) orderInLayer(ctx context.Context, q Invalidation) (order, error) {
	l, err := a.layer(q.Layer, "layer")
	if err != nil {
		return order{}, err
	}
	target := map[string]string{"layer": l.Name}
	switch q.Scope {
	case ScopeEntry:
		if err := checkName(q.Name, "identifier", MostIdentifier); err != nil {
			return order{}, err
		}
		target["identifier"] = q.Name
		return order{"single_invalidation", target, true, []string{cache.LayerDep(l.Name)}, func(o cache.PurgeOptions) (cache.Purged, error) {
			return a.cache.PurgeEntry(ctx, l.Name, q.Name, o)
		}}, nil
	case ScopePattern:
		if err := checkName(q.Name, "pattern", MostName); err != nil {
			return order{}, err
		}
		glob, err := globOf(q.Name)
		if err != nil {
			return order{}, invalid("pattern", err.Error(), q.Name)
		}
		// Operators may write whole keys; a prefix other than the layer's own matches nothing.
		pattern := strings.TrimPrefix(glob, a.cache.KeyPrefix(l.Name))
		target["pattern"] = q.Name
		return order{"pattern_invalidation", target, true, []string{cache.LayerDep(l.Name)}, func(o cache.PurgeOptions) (cache.Purged, error) {
			return a.cache.PurgePattern(ctx, l.Name, pattern, o)
		}}, nil
	}
	return order{"layer_invalidation", target, false, []string{cache.LayerDep(l.Name)}, a.purge(ctx, []string{cache.LayerDep(l.Name)})}, nil
}

func (a *Admin) purge(ctx context.Context, deps []string) func(cache.PurgeOptions) (cache.Purged, error) {
	return func(o cache.PurgeOptions) (cache.Purged, error) { return a.cache.Purge(ctx, deps, o) }
}

// globOf translates an operator's pattern into the cache's. Redis's globs have character sets, the cache's do not: taken
// literally, [ab]* would be an invalidation that succeeds and reaches nothing.
func globOf(pattern string) (string, error) {
	var out strings.Builder
	for rest := pattern; rest != ""; {
		switch {
		case rest[0] == '[':
			return "", errors.New("sets of characters are not known here: write \\[ for the character itself")
		case rest == `\`:
			return "", errors.New("ends in a backslash, which takes away the meaning of what follows: write \\\\ for the character itself")
		case rest[0] == '\\' && (rest[1] == '[' || rest[1] == ']'):
			out.WriteByte(rest[1])
			rest = rest[2:]
		case rest[0] == '\\':
			out.WriteString(rest[:2])
			rest = rest[2:]
		default:
			out.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	return out.String(), nil
}

// EntryName names an entry.
type EntryName struct {
	Layer      string `json:"layer"`
	Identifier string `json:"identifier"`
}

func examplesOf(p cache.Purged) []EntryName {
	out := []EntryName{}
	for _, e := range p.Examples {
		out = append(out, EntryName{e.Layer, e.ID})
	}
	return out
}

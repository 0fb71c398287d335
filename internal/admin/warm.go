package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"openlearn/internal/cache"
)

// The bounds of a warming.
const (
	MostItems  = 1000
	mostValue  = 256 << 10 // bytes of one supplied value
	mostParams = 50
)

// Fill is a request to warm entries.
type Fill struct {
	Layer  string
	Items  []Item
	TTL    time.Duration // of supplied values; 0 = the layer's. What the server loads has a lifetime of its own.
	DryRun bool
}

// Item is one entry to warm. Value is its JSON, or nil if none was given; it is used only in layers that the server cannot
// load.
type Item struct {
	Identifier string
	Value      json.RawMessage
	Params     map[string]any // part of the key, as for variants by parameters
}

// Skipped is an item that was not cached.
type Skipped struct {
	Index      int    `json:"index"`
	Identifier string `json:"identifier"`
	Reason     string `json:"reason"`
}

// Warmed is the result of a warming.
type Warmed struct {
	Layer     string
	TTL       time.Duration
	Loaded    bool     // the server loaded them itself
	Cached    int      // entries cached now; in a dry run, those that are or would be
	WouldFill []string // in a dry run: identifiers that would be loaded because they are not cached, or stored as supplied
	Skipped   []Skipped
	DryRun    bool
	Audited   bool
}

// Already is, in a dry run, how many entries are cached already.
func (w Warmed) Already() int { return w.Cached - len(w.WouldFill) }

// entry names an item's entry: what the server loads has no variants by parameters.
func (w Warmed) entry(it Item) string {
	if w.Loaded {
		return it.Identifier
	}
	return it.Identifier + "?" + paramsOf(it.Params).Encode()
}

func repeated(i int, it Item, before int) Skipped {
	return Skipped{i, it.Identifier, fmt.Sprintf("the same entry as item %d, counted there", before)}
}

// Load has the server load identifiers of a layer; a layer that it cannot load is refused.
func (a *Admin) Load(ctx context.Context, layer string, ids []string, dry bool) (Warmed, error) {
	l, err := a.layer(layer, "layer")
	switch {
	case err != nil:
		return Warmed{}, err
	case a.opt.Loaders[l.Name] == nil:
		return Warmed{}, invalid("layer", "the server cannot load this layer's entries itself", layer)
	}
	q := Fill{Layer: layer, DryRun: dry}
	for _, id := range ids {
		q.Items = append(q.Items, Item{Identifier: id})
	}
	if len(ids) == 0 {
		return Warmed{}, invalid("items", fmt.Sprintf("1 to %d identifiers are needed", MostItems), 0)
	}
	return a.Warm(ctx, q)
}

// Warm has the server load what it can load itself, and stores the rest as supplied. A dry run says which of the items are
// cached already.
func (a *Admin) Warm(ctx context.Context, q Fill) (Warmed, error) {
	l, err := a.layer(q.Layer, "layer")
	if err != nil {
		return Warmed{}, err
	}
	if a.sealed(l) {
		return Warmed{}, &Error{Kind: Forbidden, Text: fmt.Sprintf("Layer '%s' cannot be written here: its values belong to users or go to browsers as they are", l.Name)}
	}
	if err := a.cache.CheckTTL(l.Name, q.TTL); err != nil {
		return Warmed{}, invalid("ttl", "ttl is longer than any entry may live", int(q.TTL/time.Second))
	}
	if len(q.Items) > MostItems {
		return Warmed{}, invalid("items", fmt.Sprintf("1 to %d identifiers are needed", MostItems), len(q.Items))
	}
	for _, it := range q.Items {
		if err := checkText(it.Identifier, "items"); err != nil {
			return Warmed{}, err
		}
	}
	w := Warmed{Layer: l.Name, TTL: q.TTL, Loaded: a.opt.Loaders[l.Name] != nil, Skipped: []Skipped{}, DryRun: q.DryRun}
	if w.TTL == 0 || w.Loaded {
		w.TTL = l.TTL
	}
	if q.DryRun {
		return a.warmDry(ctx, l, q.Items, w)
	}
	if !a.cache.Serving() { // loads would bypass the cache, succeed, and leave nothing in it
		return Warmed{}, a.refused(cache.ErrBypass, "")
	}
	target := map[string]any{"layer": l.Name, "items": len(q.Items)}
	_, w.Audited, err = a.audited(ctx, "warm", target, func() (p cache.Purged, err error) {
		results := a.supply
		if w.Loaded {
			results = a.load
		}
		first := map[string]int{}
		for i, err := range results(ctx, l, q.Items, w.TTL) {
			if err == nil {
				if before, again := first[w.entry(q.Items[i])]; again {
					w.Skipped = append(w.Skipped, repeated(i, q.Items[i], before))
					continue
				}
				first[w.entry(q.Items[i])] = i
				w.Cached++
				continue
			}
			if errors.Is(err, errCache) || ctx.Err() != nil {
				return p, err // the cache or the caller is gone: not the item's fault
			}
			w.Skipped = append(w.Skipped, Skipped{i, q.Items[i].Identifier, plain(err)})
		}
		p.Layers = map[string]int{l.Name: w.Cached}
		return p, nil
	})
	return w, a.refused(err, "")
}

// warmDry checks which items are cached. It loads nothing, so it cannot tell whether the others exist.
func (a *Admin) warmDry(ctx context.Context, l cache.Layer, items []Item, w Warmed) (Warmed, error) {
	w.WouldFill = []string{}
	first := map[string]int{}
	for i, it := range items {
		if before, again := first[w.entry(it)]; again {
			w.Skipped = append(w.Skipped, repeated(i, it, before))
			continue
		}
		there, problem := false, checkSupplied(it)
		if w.Loaded {
			if problem = checkLoaded(it); problem == nil {
				there, problem = a.isThere(ctx, l, it.Identifier)
			}
		}
		switch {
		case errors.Is(problem, errNotRead):
			return Warmed{}, a.refused(problem, "")
		case problem != nil:
			w.Skipped = append(w.Skipped, Skipped{i, it.Identifier, problem.Error()})
			continue
		case !there:
			w.WouldFill = append(w.WouldFill, it.Identifier)
		}
		first[w.entry(it)] = i
		w.Cached++
	}
	return w, nil
}

var errNotRead = errors.New("see whether an entry is there")

// isThere reports whether a read would get a value. An identifier that is cached as not found is an error.
func (a *Admin) isThere(ctx context.Context, l cache.Layer, id string) (bool, error) {
	s, err := a.cache.Inspect(ctx, l.Name, id)
	switch {
	case errors.Is(err, cache.ErrMiss):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", errNotRead, err)
	case s.Current && s.Negative:
		return false, fmt.Errorf("%q %w: so it is remembered", id, ErrNoSuch)
	}
	return s.Current, nil
}

var (
	errNoIdentifier, errNoValue = errors.New("no identifier"), errors.New("no value")
	errGiven                    = errors.New("comes with a value, which would not be used: the server loads this layer itself")
)

// checkLoaded says why an item cannot be loaded. Whoever supplies a value means that value.
func checkLoaded(it Item) error {
	switch {
	case it.Identifier == "":
		return errNoIdentifier
	case it.Value != nil:
		return errGiven
	}
	return nil
}

// supply stores values as given, marked as JSON from outside: a reader that expects a type of its own does not accept them
// (the engine's fingerprint differs), so nobody can be made to trust them.
func (a *Admin) supply(ctx context.Context, l cache.Layer, items []Item, ttl time.Duration) []error {
	out := make([]error, len(items))
	for i, it := range items {
		out[i] = a.supplyOne(ctx, l, it, ttl)
	}
	return out
}

func (a *Admin) supplyOne(ctx context.Context, l cache.Layer, it Item, ttl time.Duration) error {
	if err := checkSupplied(it); err != nil {
		return err
	}
	e := cache.Entry{Layer: l.Name, Key: cache.Key{ID: it.Identifier, Params: paramsOf(it.Params)}}
	ticket, err := a.cache.Ticket(ctx, e)
	if err == nil {
		err = cache.Set(ctx, a.cache, e, it.Value, ttl, ticket)
	}
	return ofCache(err)
}

// errCache marks failures of the cache itself, which every other item would meet too. Their text is for the log.
var errCache = errors.New("the cache failed")

// ofCache tells them apart from errors of a single item.
func ofCache(err error) error {
	if err == nil || errors.Is(err, cache.ErrInvalidKey) || errors.Is(err, cache.ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", errCache, err)
}

// checkSupplied says why an item cannot be stored as it is.
func checkSupplied(it Item) error {
	switch {
	case it.Identifier == "":
		return errNoIdentifier
	case it.Value == nil:
		return errNoValue
	case len(it.Value) > mostValue:
		return fmt.Errorf("the value has %d bytes, at most %d", len(it.Value), mostValue)
	case len(it.Params) > mostParams:
		return fmt.Errorf("%d parameters, at most %d", len(it.Params), mostParams)
	}
	return nil
}

// paramsOf writes parameters as a query would have them.
func paramsOf(in map[string]any) url.Values {
	out := url.Values{}
	for name, v := range in {
		switch v := v.(type) {
		case nil:
		case string:
			out.Set(name, v)
		default:
			b, err := json.Marshal(v)
			if err == nil { // it came from JSON
				out.Set(name, string(b))
			}
		}
	}
	return out
}

// load has the server fetch the identifiers, and then checks whether they are cached.
func (a *Admin) load(ctx context.Context, l cache.Layer, items []Item, _ time.Duration) []error {
	out := make([]error, len(items))
	var ids []string
	var at []int
	for i, it := range items {
		if out[i] = checkLoaded(it); out[i] == nil {
			ids, at = append(ids, it.Identifier), append(at, i)
		}
	}
	for j, err := range a.opt.Loaders[l.Name](ctx, ids) {
		i := at[j]
		if out[i] = err; err != nil {
			if !errors.Is(err, ErrNoSuch) && ctx.Err() == nil {
				a.log.Warn("an entry could not be warmed", "layer", l.Name, "identifier", ids[j], "error", err)
				out[i] = errors.New("could not be loaded")
			}
			continue
		}
		there, err := a.cache.Exists(ctx, l.Name, cache.Key{ID: ids[j]})
		switch {
		case err != nil:
			out[i] = ofCache(err)
		case !there:
			out[i] = errors.New("loaded, and not stored: the cache is out of use, or its dependencies changed meanwhile")
		}
	}
	return out
}

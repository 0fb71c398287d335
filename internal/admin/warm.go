package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
)

const (
	mostItems  = 1000
	mostValue  = 256 << 10 // bytes of one supplied value
	mostParams = 50
)

type warmInput struct {
	DryRun
	Body struct {
		Layer  string     `json:"layer" maxLength:"100" example:"article"`
		Items  []WarmItem `json:"items" maxItems:"1000"`
		TTL    int        `json:"ttl,omitempty" minimum:"0" doc:"Seconds; 0 is the layer's. Counts for supplied values: what the server loads has its own lifetime"`
		DryRun bool       `json:"dry_run,omitempty"`
	}
}

// WarmItem is one entry to be there.
type WarmItem struct {
	Identifier *string                        `json:"identifier,omitempty" maxLength:"256"`
	Value      httpapi.Field[json.RawMessage] `json:"value,omitempty" doc:"Any JSON, null and 0 included; counts only in layers that the server cannot load"`
	Params     map[string]any                 `json:"params,omitempty" doc:"Part of the key, as for variants by parameters"`
}

// Skipped is an item that was not cached.
type Skipped struct {
	Index      int    `json:"index"`
	Identifier string `json:"identifier"`
	Reason     string `json:"reason"`
}

type warmOutput struct {
	Body struct {
		Status      string    `json:"status"`
		Layer       string    `json:"layer"`
		ItemsCached int       `json:"items_cached" doc:"Entries that are there now; of a dry run, that would be, if every identifier names something"`
		TTLSeconds  int       `json:"ttl_seconds"`
		Loaded      bool      `json:"loaded" doc:"The server loaded them itself"`
		Skipped     []Skipped `json:"skipped" nullable:"false"`
		DryRun      bool      `json:"dry_run" doc:"Nothing was loaded or stored"`
		WouldFill   []string  `json:"would_fill,omitempty" doc:"Of a dry run: identifiers that it would load, since they are not there, or store as supplied"`
		Audited     bool      `json:"audited" doc:"The audit trail has it; never for a dry run"`
	}
}

func (a *Admin) warm(ctx context.Context, in *warmInput) (*warmOutput, error) {
	q := &in.Body
	l, err := a.layer(q.Layer, "body", "layer")
	if err != nil {
		return nil, err
	}
	if a.sealed(l) {
		return nil, httpapi.NewError(http.StatusForbidden, fmt.Sprintf("Layer '%s' cannot be written here: its values belong to users or go to browsers as they are", l.Name))
	}
	ttl := time.Duration(q.TTL) * time.Second
	if err := a.cache.CheckTTL(l.Name, ttl); err != nil || q.TTL > int(1<<31) {
		return nil, httpapi.Value("ttl is longer than any entry may live", q.TTL, "body", "ttl")
	}
	out := &warmOutput{}
	b := &out.Body
	b.Status, b.Layer, b.Skipped = "success", l.Name, []Skipped{}
	b.Loaded = a.opt.Loaders[l.Name] != nil
	if ttl == 0 || b.Loaded {
		ttl = l.TTL
	}
	b.TTLSeconds = int(ttl / time.Second)
	if b.DryRun = in.DryRun.DryRun || q.DryRun; b.DryRun {
		return a.warmDry(ctx, l, q.Items, out)
	}
	target := map[string]any{"layer": l.Name, "items": len(q.Items)}
	_, b.Audited, err = a.audited(ctx, "warm", target, func() (p cache.Purged, err error) {
		results := a.supply
		if b.Loaded {
			results = a.load
		}
		for i, err := range results(ctx, l, q.Items, ttl) {
			if err == nil {
				b.ItemsCached++
				continue
			}
			if errors.Is(err, cache.ErrBypass) || ctx.Err() != nil {
				return p, err // the cache, or the caller, has gone: not the item's fault
			}
			b.Skipped = append(b.Skipped, Skipped{i, identifier(q.Items[i]), plain(err)})
		}
		p.Layers = map[string]int{l.Name: b.ItemsCached}
		return p, nil
	})
	return out, a.refused(err, "body")
}

// warmDry looks which items are there. It loads nothing, so of those that are not it cannot tell whether they name anything.
func (a *Admin) warmDry(ctx context.Context, l cache.Layer, items []WarmItem, out *warmOutput) (*warmOutput, error) {
	b := &out.Body
	b.WouldFill = []string{}
	for i, it := range items {
		there, problem := false, checkSupplied(it)
		if b.Loaded {
			there, problem = a.isThere(ctx, l, identifier(it))
		}
		switch {
		case errors.Is(problem, errNotLooked):
			return nil, a.refused(problem, "body")
		case problem != nil:
			b.Skipped = append(b.Skipped, Skipped{i, identifier(it), problem.Error()})
			continue
		case !there:
			b.WouldFill = append(b.WouldFill, identifier(it))
		}
		b.ItemsCached++
	}
	return out, nil
}

var errNotLooked = errors.New("look whether an entry is there")

// isThere says whether a read would be given a value. What is remembered as not found is an error.
func (a *Admin) isThere(ctx context.Context, l cache.Layer, id string) (bool, error) {
	if id == "" {
		return false, errNoIdentifier
	}
	s, err := a.cache.Inspect(ctx, l.Name, id)
	switch {
	case errors.Is(err, cache.ErrMiss):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", errNotLooked, err)
	case s.Current && s.Negative:
		return false, fmt.Errorf("%q %w: so it is remembered", id, ErrNoSuch)
	}
	return s.Current, nil
}

func identifier(it WarmItem) string {
	if it.Identifier == nil {
		return ""
	}
	return *it.Identifier
}

var errNoIdentifier, errNoValue = errors.New("no identifier"), errors.New("no value")

// supply stores values as given. They are stored as what they are, JSON from outside: a reader that expects anything of
// its own does not take them for that (the engine's fingerprint), so nobody can be made to believe them.
func (a *Admin) supply(ctx context.Context, l cache.Layer, items []WarmItem, ttl time.Duration) []error {
	out := make([]error, len(items))
	for i, it := range items {
		out[i] = a.supplyOne(ctx, l, it, ttl)
	}
	return out
}

func (a *Admin) supplyOne(ctx context.Context, l cache.Layer, it WarmItem, ttl time.Duration) error {
	if err := checkSupplied(it); err != nil {
		return err
	}
	value := it.Value.Value
	if it.Value.Null {
		value = json.RawMessage("null")
	}
	e := cache.Entry{Layer: l.Name, Key: cache.Key{ID: identifier(it), Params: paramsOf(it.Params)}}
	ticket, err := a.cache.Ticket(ctx, e)
	if err != nil {
		return err
	}
	return cache.Set(ctx, a.cache, e, value, ttl, ticket)
}

// checkSupplied says why an item cannot be stored as it is.
func checkSupplied(it WarmItem) error {
	switch {
	case identifier(it) == "":
		return errNoIdentifier
	case !it.Value.Set:
		return errNoValue
	case len(it.Value.Value) > mostValue:
		return fmt.Errorf("the value has %d bytes, at most %d", len(it.Value.Value), mostValue)
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

// load has the server fetch the identifiers, and then looks whether they are there.
func (a *Admin) load(ctx context.Context, l cache.Layer, items []WarmItem, _ time.Duration) []error {
	out := make([]error, len(items))
	var ids []string
	var at []int
	for i, it := range items {
		if id := identifier(it); id == "" {
			out[i] = errNoIdentifier
		} else {
			ids, at = append(ids, id), append(at, i)
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
			out[i] = err
		case !there:
			out[i] = errors.New("loaded, and not stored: the cache is out of use, or its dependencies changed meanwhile")
		}
	}
	return out
}

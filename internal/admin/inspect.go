package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"openlearn/internal/cache"
)

// KeyEntry is an entry as it lies in the cache.
type KeyEntry struct {
	Detail       string          `json:"detail,omitempty" doc:"Why it counts as not there (404): it is stored, and would be served to nobody"`
	Layer        string          `json:"layer"`
	Identifier   string          `json:"identifier"`
	Value        json.RawMessage `json:"value" doc:"null for what is not current, is no JSON, or may not be read here"`
	Exists       bool            `json:"exists" doc:"A read would be given it"`
	Withheld     bool            `json:"withheld,omitempty" doc:"HTTP responses are not read back here"`
	Negative     bool            `json:"negative" doc:"A remembered \"not found\""`
	Stale        bool            `json:"stale" doc:"Past its TTL: served only while it is refreshed, or for a source that fails"`
	Key          string          `json:"key"`
	Age          float64         `json:"age_seconds"`
	TTL          float64         `json:"ttl_seconds" doc:"Left until it goes stale"`
	StoredAt     time.Time       `json:"stored_at"`
	ExpiresAt    time.Time       `json:"expires_at"`
	Size         int             `json:"size_bytes" doc:"In Redis"`
	ValueSize    int             `json:"value_bytes" doc:"Uncompressed"`
	Compressed   bool            `json:"compressed"`
	Codec        *string         `json:"codec" doc:"null if this release does not know such entries"`
	Type         *string         `json:"type" doc:"What the value is in this program"`
	FetchMS      float64         `json:"fetch_ms" doc:"What its fetch took"`
	Dependencies []Dependency    `json:"dependencies" nullable:"false"`
}

// Dependency is a name, and whether its version is still the one that the entry was stored with.
type Dependency struct {
	Name  string `json:"name"`
	Holds bool   `json:"holds"`
}

// Key shows what is stored under an identifier. For an entry that is stored but no longer current, Exists is false; if
// nothing is stored, the error is of kind Missing.
func (a *Admin) Key(ctx context.Context, layer, id string) (KeyEntry, error) {
	l, err := a.place(layer, id)
	if err != nil {
		return KeyEntry{}, err
	}
	if l.Credential {
		return KeyEntry{}, &Error{Kind: Forbidden, Text: fmt.Sprintf("Values of layer '%s' cannot be read here: they belong to users", l.Name)}
	}
	missing := fmt.Sprintf("No cached value found for %s:%s", l.Name, shorten(id))
	s, err := a.cache.Inspect(ctx, l.Name, id)
	if errors.Is(err, cache.ErrMiss) {
		return KeyEntry{}, &Error{Kind: Missing, Text: missing}
	}
	if err != nil {
		return KeyEntry{}, a.refused(err, "identifier")
	}
	now := a.opt.Now()
	e := KeyEntry{
		Layer: l.Name, Identifier: id, Exists: s.Current, Withheld: a.sealed(l), Negative: s.Negative, Stale: s.Stale, Key: s.Key,
		Age: seconds(now.Sub(s.StoredAt)), TTL: seconds(s.Expires.Sub(now)), StoredAt: s.StoredAt.UTC(), ExpiresAt: s.Expires.UTC(),
		Size: s.Bytes, ValueSize: len(s.Payload), Compressed: s.Compressed, FetchMS: milliseconds(s.Cost), Dependencies: []Dependency{},
	}
	if s.Codec != "" {
		e.Codec, e.Type = &s.Codec, &s.Type
	}
	for _, d := range s.Dependencies {
		e.Dependencies = append(e.Dependencies, Dependency(d))
	}
	if s.Current && !s.Negative && !e.Withheld && json.Valid(s.Payload) {
		e.Value = s.Payload
	}
	if !s.Current {
		e.Detail = missing + ": stored, but invalidated or expired"
	}
	return e, nil
}

// Exists reports whether a read would find an entry.
func (a *Admin) Exists(ctx context.Context, layer, id string) (bool, error) {
	l, err := a.place(layer, id)
	if err != nil {
		return false, err
	}
	s, err := a.cache.Inspect(ctx, l.Name, id)
	if err != nil && !errors.Is(err, cache.ErrMiss) {
		return false, a.refused(err, "identifier")
	}
	return err == nil && s.Current, nil
}

func (a *Admin) place(layer, id string) (cache.Layer, error) {
	l, err := a.layer(layer, "layer")
	if err != nil {
		return l, err
	}
	return l, checkName(id, "identifier", MostIdentifier)
}

// shorten cuts what a message quotes.
func shorten(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// seconds never returns less than zero: after its expiry an entry has none left.
func seconds(d time.Duration) float64 { return round(max(d, 0).Seconds(), 3) }

// KeyPage is a page of a layer's stored identifiers; Next is "" at the end of the walk.
type KeyPage struct {
	Keys []string
	Next string
}

// Keys lists a layer's identifiers that begin with prefix, about limit at a time. Invalidated ones are among them until they
// are reclaimed or expire.
func (a *Admin) Keys(ctx context.Context, layer, prefix, cursor string, limit int) (KeyPage, error) {
	if err := checkText(prefix, "prefix"); err != nil {
		return KeyPage{}, err
	}
	l, err := a.layer(layer, "layer")
	if err != nil {
		return KeyPage{}, err
	}
	page, err := a.cache.Keys(ctx, l.Name, prefix, cursor, limit)
	if errors.Is(err, cache.ErrInvalidKey) {
		return KeyPage{}, invalid("cursor", "not a cursor of this list", cursor)
	}
	if err != nil {
		return KeyPage{}, a.refused(err, "")
	}
	return KeyPage{append([]string{}, page.IDs...), page.Next}, nil
}

// HotKey is one of the most requested keys; the true count lies between the two bounds.
type HotKey struct {
	Layer      string `json:"layer"`
	Identifier string `json:"identifier"`
	AtLeast    uint64 `json:"asked_at_least"`
	AtMost     uint64 `json:"asked_at_most"`
}

// Hot lists the most requested keys of this instance, of one layer or, with "", of all. They are counted since the given time.
func (a *Admin) Hot(layer string, limit int) (keys []HotKey, since time.Time, err error) {
	if layer != "" {
		if _, err := a.layer(layer, "layer"); err != nil {
			return nil, since, err
		}
	}
	top, since, err := a.cache.TopKeys(layer, limit)
	if err != nil {
		return nil, since, err
	}
	keys = []HotKey{}
	for _, k := range top {
		keys = append(keys, HotKey{k.Layer, k.ID, k.AtLeast, k.AtMost})
	}
	return keys, since.UTC(), nil
}

// Dependents are the entries that depend on a name.
type Dependents struct {
	Name     string         `json:"name"`
	Total    int            `json:"total" doc:"Current entries that hang on it"`
	Layers   map[string]int `json:"layers" doc:"The same by layer"`
	Examples []EntryName    `json:"examples" nullable:"false" doc:"Up to twenty of them"`
	Complete bool           `json:"complete" doc:"false if the time for counting ran out first"`
}

// Dependents counts the current entries that depend on a name.
func (a *Admin) Dependents(ctx context.Context, name string) (Dependents, error) {
	if err := checkName(name, "name", MostName); err != nil {
		return Dependents{}, err
	}
	reach, err := a.cache.Purge(ctx, []string{name}, cache.PurgeOptions{DryRun: true})
	if err != nil {
		return Dependents{}, a.refused(err, "name")
	}
	return Dependents{name, reach.Total(), reach.Layers, examplesOf(reach), reach.Complete}, nil
}

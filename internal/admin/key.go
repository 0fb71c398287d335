package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
)

type keyInput struct {
	Layer      string `path:"layer"`
	Identifier string `path:"identifier" doc:"As /keys lists it, percent-encoded; a variant by parameters ends in their hash"`
}

// place finds the layer and the identifier that a path names.
func (a *Admin) place(ctx context.Context, in *keyInput) (cache.Layer, string, error) {
	l, err := a.layer(in.Layer, "path", "layer")
	if err != nil {
		return l, "", err
	}
	id, err := pathText(ctx, "identifier", in.Identifier, mostIdentifier)
	return l, id, err
}

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

// Dependency is a name with whether its version is still the one the entry was stored with.
type Dependency struct {
	Name  string `json:"name"`
	Holds bool   `json:"holds"`
}

type keyOutput struct {
	Status int
	Body   KeyEntry
}

func (a *Admin) key(ctx context.Context, in *keyInput) (*keyOutput, error) {
	l, id, err := a.place(ctx, in)
	if err != nil {
		return nil, err
	}
	if l.Credential {
		return nil, httpapi.NewError(http.StatusForbidden, fmt.Sprintf("Values of layer '%s' cannot be read here: they belong to users", l.Name))
	}
	missing := fmt.Sprintf("No cached value found for %s:%s", l.Name, httpapi.Shorten(id))
	s, err := a.cache.Inspect(ctx, l.Name, id)
	if errors.Is(err, cache.ErrMiss) {
		return nil, httpapi.NotFound(missing)
	}
	if err != nil {
		return nil, a.refused(err, "path", "identifier")
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
	out := &keyOutput{http.StatusOK, e}
	if !s.Current {
		out.Status, out.Body.Detail = http.StatusNotFound, missing+": stored, but invalidated or expired"
	}
	return out, nil
}

// seconds never go below zero: what has passed has none left.
func seconds(d time.Duration) float64 { return round(max(d, 0).Seconds(), 3) }

type existsOutput struct {
	Body struct {
		Layer      string `json:"layer"`
		Identifier string `json:"identifier"`
		Exists     bool   `json:"exists" doc:"A read would be given it"`
	}
}

func (a *Admin) exists(ctx context.Context, in *keyInput) (*existsOutput, error) {
	l, id, err := a.place(ctx, in)
	if err != nil {
		return nil, err
	}
	s, err := a.cache.Inspect(ctx, l.Name, id)
	if err != nil && !errors.Is(err, cache.ErrMiss) {
		return nil, a.refused(err, "path", "identifier")
	}
	out := &existsOutput{}
	out.Body.Layer, out.Body.Identifier, out.Body.Exists = l.Name, id, err == nil && s.Current
	return out, nil
}

type keysInput struct {
	Layer  string `query:"layer" required:"true" maxLength:"100"`
	Prefix string `query:"prefix" maxLength:"256" doc:"What identifiers begin with, literally"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"About as many: the keyspace is walked in its own order, and a page may be shorter or longer"`
}

type keysOutput struct {
	Body struct {
		Layer      string   `json:"layer"`
		Prefix     string   `json:"prefix"`
		Count      int      `json:"count"`
		Keys       []string `json:"keys" nullable:"false" doc:"Stored identifiers; invalidated ones are among them until they are reclaimed or expire"`
		NextCursor *string  `json:"next_cursor" doc:"null at the end of the walk"`
	}
}

func (a *Admin) keys(ctx context.Context, in *keysInput) (*keysOutput, error) {
	l, err := a.layer(in.Layer, "query", "layer")
	if err != nil {
		return nil, err
	}
	page, err := a.cache.Keys(ctx, l.Name, in.Prefix, in.Cursor, in.Limit)
	if errors.Is(err, cache.ErrInvalidKey) {
		return nil, httpapi.Value("not a cursor of this list", in.Cursor, "query", "cursor")
	}
	if err != nil {
		return nil, a.refused(err)
	}
	out := &keysOutput{}
	b := &out.Body
	b.Layer, b.Prefix, b.Keys, b.Count = l.Name, in.Prefix, append([]string{}, page.IDs...), len(page.IDs)
	if page.Next != "" {
		b.NextCursor = &page.Next
	}
	return out, nil
}

type hotInput struct {
	Layer string `query:"layer" maxLength:"100"`
	Limit int    `query:"limit" default:"20" minimum:"1" maximum:"500"`
}

// HotKey is one of the most asked; the true count lies between both.
type HotKey struct {
	Layer      string `json:"layer"`
	Identifier string `json:"identifier"`
	AtLeast    uint64 `json:"asked_at_least"`
	AtMost     uint64 `json:"asked_at_most"`
}

type hotOutput struct {
	Body struct {
		Since time.Time `json:"since" doc:"Reads of this instance since then"`
		Keys  []HotKey  `json:"keys" nullable:"false"`
	}
}

func (a *Admin) hot(_ context.Context, in *hotInput) (*hotOutput, error) {
	if in.Layer != "" {
		if _, err := a.layer(in.Layer, "query", "layer"); err != nil {
			return nil, err
		}
	}
	keys, since, err := a.cache.TopKeys(in.Layer, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &hotOutput{}
	out.Body.Since, out.Body.Keys = since.UTC(), []HotKey{}
	for _, k := range keys {
		out.Body.Keys = append(out.Body.Keys, HotKey{k.Layer, k.ID, k.AtLeast, k.AtMost})
	}
	return out, nil
}

type dependencyInput struct {
	Name string `path:"name" doc:"Such as articles, article:42, source:El Tiempo or layer:content; percent-encoded"`
}

type dependencyOutput struct {
	Body struct {
		Name     string         `json:"name"`
		Total    int            `json:"total" doc:"Current entries that hang on it"`
		Layers   map[string]int `json:"layers" doc:"The same by layer"`
		Examples []EntryName    `json:"examples" nullable:"false" doc:"Up to twenty of them"`
		Complete bool           `json:"complete" doc:"false if the time for counting ran out first"`
	}
}

// EntryName names an entry.
type EntryName struct {
	Layer      string `json:"layer"`
	Identifier string `json:"identifier"`
}

func (a *Admin) dependency(ctx context.Context, in *dependencyInput) (*dependencyOutput, error) {
	name, err := pathText(ctx, "name", in.Name, mostName)
	if err != nil {
		return nil, err
	}
	reach, err := a.cache.Purge(ctx, []string{name}, cache.PurgeOptions{DryRun: true})
	if err != nil {
		return nil, a.refused(err, "path", "name")
	}
	out := &dependencyOutput{}
	b := &out.Body
	b.Name, b.Total, b.Layers, b.Complete, b.Examples = name, reach.Total(), reach.Layers, reach.Complete, examplesOf(reach)
	return out, nil
}

func examplesOf(p cache.Purged) []EntryName {
	out := []EntryName{}
	for _, e := range p.Examples {
		out = append(out, EntryName{e.Layer, e.ID})
	}
	return out
}

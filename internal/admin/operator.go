package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"openlearn/internal/httpapi"
)

// This file is the administration for callers inside the program: the same operations as the routes, with the same rules,
// answers and rows in the trail.

// Caller is who asks, as the audit trail names them.
type Caller struct{ Actor, Remote, RequestID string }

// As makes a context whose operations are the caller's.
func As(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{actor: c.Actor, remote: c.Remote, requestID: c.RequestID})
}

// Scope is what an invalidation is of.
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

// Invalidation asks for one. Layer is needed for entries, patterns and layers; Name is the identifier, pattern, article
// number, newspaper or dependency that the scope speaks of.
type Invalidation struct {
	Scope  Scope
	Layer  string
	Name   string
	DryRun bool
}

const mostName, mostIdentifier = 512, 1024 // characters, as the routes have it

// Invalidate does what the route for the scope does. Errors that a client may read are *httpapi.Error.
func (a *Admin) Invalidate(ctx context.Context, q Invalidation) (Reach, error) {
	most := mostName
	if q.Scope == ScopeEntry {
		most = mostIdentifier
	}
	if q.Scope != ScopeLayer && q.Scope != ScopeAll {
		if n := utf8.RuneCountInString(q.Name); n == 0 || n > most {
			return Reach{}, httpapi.Value(fmt.Sprintf("a name of 1 to %d characters is needed", most), q.Name, "body", string(q.Scope))
		}
	}
	switch q.Scope {
	case ScopeEntry, ScopePattern, ScopeLayer:
		in := &invalidateInput{}
		in.Body.Layer, in.Body.DryRun = q.Layer, q.DryRun
		switch q.Scope {
		case ScopeEntry:
			in.Body.Identifier = &q.Name
		case ScopePattern:
			in.Body.Pattern = &q.Name
		}
		out, err := a.invalidate(ctx, in)
		if err != nil {
			return Reach{}, err
		}
		return out.Body.Reach, nil
	case ScopeArticle:
		id, err := strconv.ParseInt(q.Name, 10, 64)
		if err != nil {
			return Reach{}, httpapi.Value("an article is named by its number", q.Name, "body", "article")
		}
		out, err := a.invalidateArticle(ctx, &articleInput{DryRunOnly: DryRunOnly{DryRun: DryRun{q.DryRun}}, ID: id})
		if err != nil {
			return Reach{}, err
		}
		return out.Body.Reach, nil
	case ScopeSource:
		out, err := a.invalidateSource(ctx, &sourceInput{DryRunOnly: DryRunOnly{DryRun: DryRun{q.DryRun}}, Name: q.Name})
		if err != nil {
			return Reach{}, err
		}
		return out.Body.Reach, nil
	case ScopeDependency:
		in := &dependencyBody{DryRun: DryRun{q.DryRun}}
		in.Body.Dependency = q.Name
		out, err := a.invalidateDependency(ctx, in)
		if err != nil {
			return Reach{}, err
		}
		return out.Body.Reach, nil
	case ScopeAll:
		out, err := a.invalidateAll(ctx, &DryRunOnly{DryRun: DryRun{q.DryRun}})
		if err != nil {
			return Reach{}, err
		}
		return out.Body.Reach, nil
	}
	return Reach{}, httpapi.Value("unknown scope", string(q.Scope), "body", "scope")
}

// Warmed is what became of a warming.
type Warmed struct {
	Layer   string
	Cached  int // entries that are there now; of a dry run, that would be loaded or are there
	Already int // of a dry run: those among them that are there already
	Skipped []Skipped
	DryRun  bool
	Audited bool
}

// Warm has the server load identifiers of a layer. A dry run says which of them are there already.
func (a *Admin) Warm(ctx context.Context, layer string, ids []string, dry bool) (Warmed, error) {
	in := &warmInput{DryRun: DryRun{dry}}
	in.Body.Layer = layer
	for _, id := range ids {
		in.Body.Items = append(in.Body.Items, WarmItem{Identifier: &id})
	}
	switch l, err := a.layer(layer, "body", "layer"); {
	case err != nil:
		return Warmed{}, err
	case a.opt.Loaders[l.Name] == nil:
		return Warmed{}, httpapi.Value("the server cannot load this layer's entries itself", layer, "body", "layer")
	case len(ids) == 0 || len(ids) > mostItems:
		return Warmed{}, httpapi.Value(fmt.Sprintf("1 to %d identifiers are needed", mostItems), len(ids), "body", "items")
	}
	for i, id := range ids { // forms are not validated as bodies are
		if err := checkText(id, "body", "items", i); err != nil {
			return Warmed{}, err
		}
	}
	out, err := a.warm(ctx, in)
	if err != nil {
		return Warmed{}, err
	}
	b := &out.Body
	w := Warmed{Layer: b.Layer, Cached: b.ItemsCached, Skipped: b.Skipped, DryRun: b.DryRun, Audited: b.Audited}
	if dry {
		w.Already = b.ItemsCached - len(b.WouldFill)
	}
	return w, nil
}

// Key shows what is stored under an identifier. An entry that is stored but no longer current comes with Exists false;
// nothing at all is a 404.
func (a *Admin) Key(ctx context.Context, layer, id string) (KeyEntry, error) {
	if id == "" {
		return KeyEntry{}, httpapi.NewError(http.StatusUnprocessableEntity, "An identifier is needed")
	}
	out, err := a.key(ctx, &keyInput{layer, id})
	if err != nil {
		return KeyEntry{}, err
	}
	return out.Body, nil
}

// KeyPage is a page of a layer's stored identifiers; Next is "" at the end of the walk.
type KeyPage struct {
	Keys []string
	Next string
}

// Keys lists a layer's identifiers that begin with prefix, about limit at a time.
func (a *Admin) Keys(ctx context.Context, layer, prefix, cursor string, limit int) (KeyPage, error) {
	if err := checkText(prefix, "query", "prefix"); err != nil {
		return KeyPage{}, err
	}
	out, err := a.keys(ctx, &keysInput{layer, prefix, cursor, limit})
	if err != nil {
		return KeyPage{}, err
	}
	p := KeyPage{Keys: out.Body.Keys}
	if out.Body.NextCursor != nil {
		p.Next = *out.Body.NextCursor
	}
	return p, nil
}

// Hot lists the most asked keys of this instance.
func (a *Admin) Hot(ctx context.Context, layer string, limit int) ([]HotKey, error) {
	out, err := a.hot(ctx, &hotInput{layer, limit})
	if err != nil {
		return nil, err
	}
	return out.Body.Keys, nil
}

// Trail is a page of the audit trail, newest first; next is the cursor of older ones, "" at the end.
func (a *Admin) Trail(ctx context.Context, cursor string, limit int) (rows []AuditEntry, next string, err error) {
	out, err := a.auditTrail(ctx, &auditInput{limit, cursor})
	if err != nil {
		return nil, "", err
	}
	if out.Body.NextCursor != nil {
		next = *out.Body.NextCursor
	}
	return out.Body.Items, next, nil
}

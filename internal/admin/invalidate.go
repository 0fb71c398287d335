package admin

import (
	"context"
	"strings"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
)

// Reach is what an invalidation reached. It takes effect before anything is counted: what follows is the reckoning.
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

func reachOf(p cache.Purged, dry, recorded bool) Reach {
	return Reach{
		Layers: p.Layers, Reclaimed: p.Freed, Examples: examplesOf(p), Dependencies: p.Dependencies, Complete: p.Complete, DryRun: dry, Audited: recorded,
	}
}

// nothingNamed is said where a name is the caller's own: whatever hangs on it is invalid now, and nothing did.
const nothingNamed = "nothing that is current was reached: the name may be misspelt, or nothing of it is cached"

// operate runs an invalidation, with a row in the trail unless it is a dry run.
func (a *Admin) operate(ctx context.Context, operation string, target any, dry bool, do func(cache.PurgeOptions) (cache.Purged, error)) (cache.Purged, Reach, error) {
	run := func() (cache.Purged, error) { return do(cache.PurgeOptions{DryRun: dry}) }
	var p cache.Purged
	var err error
	recorded := false
	if dry {
		p, err = run()
	} else {
		p, recorded, err = a.audited(ctx, operation, target, run)
	}
	return p, reachOf(p, dry, recorded), a.refused(err, "body")
}

// named adds the note to the reach of an invalidation by name.
func (r Reach) named() Reach {
	if len(r.Layers) == 0 && r.Complete {
		r.Note = nothingNamed
	}
	return r
}

// DryRun may be given with every invalidation.
type DryRun struct {
	DryRun bool `query:"dry_run" doc:"Change nothing, and say what would be reached"`
}

// DryRunOnly is for routes whose path says all the rest: a dry run may be asked for in the body too, as everywhere, and
// whatever else stands there is refused. A dry run that is overlooked is an invalidation.
type DryRunOnly struct {
	DryRun
	Body *DryRunBody
}

// DryRunBody is an optional body.
type DryRunBody struct {
	DryRun bool `json:"dry_run,omitempty" doc:"Change nothing, and say what would be reached"`
}

func (d *DryRunOnly) dry() bool { return d.DryRun.DryRun || d.Body != nil && d.Body.DryRun }

type invalidateInput struct {
	DryRun
	Body struct {
		Layer      string  `json:"layer" maxLength:"100" example:"content"`
		Identifier *string `json:"identifier,omitempty" minLength:"1" maxLength:"1024" doc:"One entry and its variants by parameters; taken literally"`
		Pattern    *string `json:"pattern,omitempty" minLength:"1" maxLength:"512" doc:"Entries of the layer whose identifiers match: * is any text, ? any one character, \\ takes away their meaning; sets of characters are not known, [ is written \\["`
		DryRun     bool    `json:"dry_run,omitempty"`
	}
}

type invalidateOutput struct {
	Body struct {
		Status          string `json:"status"`
		Operation       string `json:"operation" enum:"layer_invalidation,single_invalidation,pattern_invalidation"`
		Layer           string `json:"layer"`
		Identifier      string `json:"identifier,omitempty"`
		Pattern         string `json:"pattern,omitempty"`
		KeysInvalidated int    `json:"keys_invalidated" doc:"Entries that were current until now"`
		Reach
	}
}

func (a *Admin) invalidate(ctx context.Context, in *invalidateInput) (*invalidateOutput, error) {
	q := &in.Body
	l, err := a.layer(q.Layer, "body", "layer")
	if err != nil {
		return nil, err
	}
	out := &invalidateOutput{}
	b := &out.Body
	b.Status, b.Layer = "success", l.Name
	var do func(cache.PurgeOptions) (cache.Purged, error)
	switch {
	case q.Pattern != nil && q.Identifier != nil:
		return nil, httpapi.Value("either an identifier or a pattern", *q.Pattern, "body", "pattern")
	case q.Pattern != nil:
		if err := checkText(*q.Pattern, "body", "pattern"); err != nil {
			return nil, err
		}
		glob, err := globOf(*q.Pattern)
		if err != nil {
			return nil, httpapi.Value(err.Error(), *q.Pattern, "body", "pattern")
		}
		b.Operation, b.Pattern = "pattern_invalidation", *q.Pattern
		// Whoever knows the keys writes them out; outside the layer's own, a prefix matches nothing.
		pattern := strings.TrimPrefix(glob, a.cache.KeyPrefix(l.Name))
		do = func(o cache.PurgeOptions) (cache.Purged, error) { return a.cache.PurgePattern(ctx, l.Name, pattern, o) }
	case q.Identifier != nil:
		if err := checkText(*q.Identifier, "body", "identifier"); err != nil {
			return nil, err
		}
		b.Operation, b.Identifier = "single_invalidation", *q.Identifier
		do = func(o cache.PurgeOptions) (cache.Purged, error) {
			return a.cache.PurgeEntry(ctx, l.Name, b.Identifier, o)
		}
	default:
		b.Operation = "layer_invalidation"
		do = func(o cache.PurgeOptions) (cache.Purged, error) {
			return a.cache.Purge(ctx, []string{cache.LayerDep(l.Name)}, o)
		}
	}
	target := map[string]string{"layer": b.Layer}
	if b.Identifier != "" {
		target["identifier"] = b.Identifier
	}
	if b.Pattern != "" {
		target["pattern"] = b.Pattern
	}
	p, reach, err := a.operate(ctx, b.Operation, target, in.DryRun.DryRun || q.DryRun, do)
	if b.KeysInvalidated = p.Total(); b.Operation != "layer_invalidation" {
		reach = reach.named()
	}
	b.Reach = reach
	return out, err
}

type articleInput struct {
	DryRunOnly
	ID int64 `path:"article_id"`
}

// ArticleReach counts what an article's invalidation reached, in the original's words.
type ArticleReach struct {
	Detail    int `json:"article_detail"`
	Lists     int `json:"article_lists"`
	Analytics int `json:"analytics"`
	NLP       int `json:"nlp_analysis"`
	Responses int `json:"http_responses"`
}

type articleOutput struct {
	Body struct {
		Status      string       `json:"status"`
		ArticleID   int64        `json:"article_id"`
		Invalidated ArticleReach `json:"invalidated" doc:"Of layers article, content, analytics, nlp_analysis and http_response; layers has all"`
		TotalKeys   int          `json:"total_keys"`
		Reach
	}
}

func (a *Admin) invalidateArticle(ctx context.Context, in *articleInput) (*articleOutput, error) {
	deps, err := a.opt.Archive.ArticleDeps(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	p, reach, err := a.operate(ctx, "article_invalidation", map[string]int64{"article_id": in.ID}, in.dry(), a.purge(ctx, deps))
	out := &articleOutput{}
	b := &out.Body
	b.Status, b.ArticleID, b.TotalKeys, b.Reach = "success", in.ID, p.Total(), reach.named()
	i, names := &b.Invalidated, a.opt.Layers
	i.Detail, i.Lists, i.Analytics = p.Layers[names.Article], p.Layers[names.Lists], p.Layers[names.Analytics]
	i.NLP, i.Responses = p.Layers[names.Analyses], p.Layers[names.Responses]
	return out, err
}

func (a *Admin) purge(ctx context.Context, deps []string) func(cache.PurgeOptions) (cache.Purged, error) {
	return func(o cache.PurgeOptions) (cache.Purged, error) { return a.cache.Purge(ctx, deps, o) }
}

type sourceInput struct {
	DryRunOnly
	Name string `path:"source_name" doc:"Exact name, percent-encoded"`
}

// SourceReach counts what a newspaper's invalidation reached, in the original's words.
type SourceReach struct {
	Config    int `json:"source_config"`
	Articles  int `json:"source_articles"`
	Responses int `json:"http_responses"`
}

type sourceOutput struct {
	Body struct {
		Status      string      `json:"status"`
		SourceName  string      `json:"source_name"`
		Invalidated SourceReach `json:"invalidated" doc:"Of layers source; article and content; http_response; layers has all"`
		TotalKeys   int         `json:"total_keys"`
		Reach
	}
}

func (a *Admin) invalidateSource(ctx context.Context, in *sourceInput) (*sourceOutput, error) {
	name, err := pathText(ctx, "source_name", in.Name, mostName)
	if err != nil {
		return nil, err
	}
	deps, err := a.opt.Archive.SourceDeps(ctx, name)
	if err != nil {
		return nil, err
	}
	p, reach, err := a.operate(ctx, "source_invalidation", map[string]string{"source_name": name}, in.dry(), a.purge(ctx, deps))
	out := &sourceOutput{}
	b := &out.Body
	b.Status, b.SourceName, b.TotalKeys, b.Reach = "success", name, p.Total(), reach.named()
	i, names := &b.Invalidated, a.opt.Layers
	i.Config, i.Articles, i.Responses = p.Layers[names.Source], p.Layers[names.Article]+p.Layers[names.Lists], p.Layers[names.Responses]
	return out, err
}

type allOutput struct {
	Body struct {
		Status      string         `json:"status"`
		Warning     string         `json:"warning"`
		Invalidated map[string]int `json:"invalidated" doc:"By layer, all of them"`
		TotalKeys   int            `json:"total_keys"`
		Reach
	}
}

func (a *Admin) invalidateAll(ctx context.Context, in *DryRunOnly) (*allOutput, error) {
	p, reach, err := a.operate(ctx, "full_invalidation", struct{}{}, in.dry(), func(o cache.PurgeOptions) (cache.Purged, error) {
		var layers []string
		for _, l := range a.cache.LayerTable() {
			layers = append(layers, cache.LayerDep(l.Name))
		}
		return a.cache.Purge(ctx, layers, o)
	})
	out := &allOutput{}
	b := &out.Body
	b.Status, b.Warning, b.TotalKeys, b.Reach = "success", "All cache layers invalidated", p.Total(), reach
	if in.dry() {
		b.Warning = "All cache layers would be invalidated"
	}
	b.Invalidated = map[string]int{}
	for _, l := range a.cache.LayerTable() {
		b.Invalidated[l.Name] = p.Layers[l.Name]
	}
	return out, err
}

type dependencyBody struct {
	DryRun
	Body struct {
		Dependency string `json:"dependency" minLength:"1" maxLength:"512" example:"source:El Tiempo"`
		DryRun     bool   `json:"dry_run,omitempty"`
	}
}

type invalidatedDependency struct {
	Body struct {
		Status          string `json:"status"`
		Operation       string `json:"operation"`
		Dependency      string `json:"dependency"`
		KeysInvalidated int    `json:"keys_invalidated"`
		Reach
	}
}

func (a *Admin) invalidateDependency(ctx context.Context, in *dependencyBody) (*invalidatedDependency, error) {
	name := in.Body.Dependency
	if err := checkText(name, "body", "dependency"); err != nil {
		return nil, err
	}
	if layer, ok := strings.CutPrefix(name, "layer:"); ok {
		if _, err := a.layer(layer, "body", "dependency"); err != nil {
			return nil, err
		}
	}
	p, reach, err := a.operate(ctx, "dependency_invalidation", map[string]string{"dependency": name}, in.DryRun.DryRun || in.Body.DryRun, a.purge(ctx, []string{name}))
	out := &invalidatedDependency{}
	b := &out.Body
	b.Status, b.Operation, b.Dependency, b.KeysInvalidated, b.Reach = "success", "dependency_invalidation", name, p.Total(), reach.named()
	return out, err
}

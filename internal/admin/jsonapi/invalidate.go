package jsonapi

import (
	"context"
	"strconv"

	"openlearn/internal/admin"
	"openlearn/internal/httpapi"
)

// DryRun may be given with every invalidation.
type DryRun struct {
	DryRun bool `query:"dry_run" doc:"Change nothing, and say what would be reached"`
}

// DryRunOnly is for routes whose path says everything else. A dry run may be requested in the body too, as everywhere, and
// any other member is refused: a dry run that is overlooked is an invalidation.
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
		admin.Reach
	}
}

func (f *face) invalidate(ctx context.Context, in *invalidateInput) (*invalidateOutput, error) {
	out := &invalidateOutput{}
	b := &out.Body
	b.Status, b.Layer, b.Operation = "success", in.Body.Layer, "layer_invalidation"
	q := admin.Invalidation{Scope: admin.ScopeLayer, Layer: in.Body.Layer, DryRun: in.DryRun.DryRun || in.Body.DryRun}
	switch pattern, id := in.Body.Pattern, in.Body.Identifier; {
	case pattern != nil && id != nil:
		return nil, httpapi.Value("either an identifier or a pattern", *pattern, "body", "pattern")
	case pattern != nil:
		b.Operation, b.Pattern = "pattern_invalidation", *pattern
		q.Scope, q.Name = admin.ScopePattern, *pattern
	case id != nil:
		b.Operation, b.Identifier = "single_invalidation", *id
		q.Scope, q.Name = admin.ScopeEntry, *id
	}
	reach, err := f.admin.Invalidate(ctx, q)
	b.Reach, b.KeysInvalidated = reach, reach.Entries()
	return out, answer(err, "body")
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
		admin.Reach
	}
}

func (f *face) invalidateArticle(ctx context.Context, in *articleInput) (*articleOutput, error) {
	reach, err := f.admin.Invalidate(ctx, admin.Invalidation{Scope: admin.ScopeArticle, Name: strconv.FormatInt(in.ID, 10), DryRun: in.dry()})
	out := &articleOutput{}
	b := &out.Body
	b.Status, b.ArticleID, b.TotalKeys, b.Reach = "success", in.ID, reach.Entries(), reach
	i, names := &b.Invalidated, f.admin.LayerNames()
	i.Detail, i.Lists, i.Analytics = reach.Layers[names.Article], reach.Layers[names.Lists], reach.Layers[names.Analytics]
	i.NLP, i.Responses = reach.Layers[names.Analyses], reach.Layers[names.Responses]
	return out, answer(err, "body")
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
		admin.Reach
	}
}

func (f *face) invalidateSource(ctx context.Context, in *sourceInput) (*sourceOutput, error) {
	name, err := pathText(ctx, "source_name", in.Name, admin.MostName)
	if err != nil {
		return nil, err
	}
	reach, err := f.admin.Invalidate(ctx, admin.Invalidation{Scope: admin.ScopeSource, Name: name, DryRun: in.dry()})
	out := &sourceOutput{}
	b := &out.Body
	b.Status, b.SourceName, b.TotalKeys, b.Reach = "success", name, reach.Entries(), reach
	i, names := &b.Invalidated, f.admin.LayerNames()
	i.Config, i.Articles, i.Responses = reach.Layers[names.Source], reach.Layers[names.Article]+reach.Layers[names.Lists], reach.Layers[names.Responses]
	return out, answer(err, "body")
}

type allOutput struct {
	Body struct {
		Status      string         `json:"status"`
		Warning     string         `json:"warning"`
		Invalidated map[string]int `json:"invalidated" doc:"By layer, all of them"`
		TotalKeys   int            `json:"total_keys"`
		admin.Reach
	}
}

func (f *face) invalidateAll(ctx context.Context, in *DryRunOnly) (*allOutput, error) {
	reach, err := f.admin.Invalidate(ctx, admin.Invalidation{Scope: admin.ScopeAll, DryRun: in.dry()})
	out := &allOutput{}
	b := &out.Body
	b.Status, b.Warning, b.TotalKeys, b.Reach = "success", "All cache layers invalidated", reach.Entries(), reach
	if in.dry() {
		b.Warning = "All cache layers would be invalidated"
	}
	b.Invalidated = map[string]int{}
	for name := range f.admin.Layers() {
		b.Invalidated[name] = reach.Layers[name]
	}
	return out, answer(err, "body")
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
		admin.Reach
	}
}

func (f *face) invalidateDependency(ctx context.Context, in *dependencyBody) (*invalidatedDependency, error) {
	name := in.Body.Dependency
	reach, err := f.admin.Invalidate(ctx, admin.Invalidation{Scope: admin.ScopeDependency, Name: name, DryRun: in.DryRun.DryRun || in.Body.DryRun})
	out := &invalidatedDependency{}
	b := &out.Body
	b.Status, b.Operation, b.Dependency, b.KeysInvalidated, b.Reach = "success", "dependency_invalidation", name, reach.Entries(), reach
	return out, answer(err, "body")
}

package jsonapi

import (
	"context"
	"net/http"
	"time"

	"openlearn/internal/admin"
)

type keyInput struct {
	Layer      string `path:"layer"`
	Identifier string `path:"identifier" doc:"As /keys lists it, percent-encoded; a variant by parameters ends in their hash"`
}

type keyOutput struct {
	Status int
	Body   admin.KeyEntry
}

func (f *face) key(ctx context.Context, in *keyInput) (*keyOutput, error) {
	id, err := pathText(ctx, "identifier", in.Identifier, admin.MostIdentifier)
	if err != nil {
		return nil, err
	}
	e, err := f.admin.Key(ctx, in.Layer, id)
	if err != nil {
		return nil, answer(err, "path")
	}
	out := &keyOutput{http.StatusOK, e}
	if !e.Exists {
		out.Status = http.StatusNotFound
	}
	return out, nil
}

type existsOutput struct {
	Body struct {
		Layer      string `json:"layer"`
		Identifier string `json:"identifier"`
		Exists     bool   `json:"exists" doc:"A read would be given it"`
	}
}

func (f *face) exists(ctx context.Context, in *keyInput) (*existsOutput, error) {
	id, err := pathText(ctx, "identifier", in.Identifier, admin.MostIdentifier)
	if err != nil {
		return nil, err
	}
	out := &existsOutput{}
	out.Body.Layer, out.Body.Identifier = in.Layer, id
	if out.Body.Exists, err = f.admin.Exists(ctx, in.Layer, id); err != nil {
		return nil, answer(err, "path")
	}
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

func (f *face) keys(ctx context.Context, in *keysInput) (*keysOutput, error) {
	page, err := f.admin.Keys(ctx, in.Layer, in.Prefix, in.Cursor, in.Limit)
	if err != nil {
		return nil, answer(err, "query")
	}
	out := &keysOutput{}
	b := &out.Body
	b.Layer, b.Prefix, b.Keys, b.Count, b.NextCursor = in.Layer, in.Prefix, page.Keys, len(page.Keys), notEmpty(page.Next)
	return out, nil
}

type hotInput struct {
	Layer string `query:"layer" maxLength:"100"`
	Limit int    `query:"limit" default:"20" minimum:"1" maximum:"500"`
}

type hotOutput struct {
	Body struct {
		Since time.Time      `json:"since" doc:"Reads of this instance since then"`
		Keys  []admin.HotKey `json:"keys" nullable:"false"`
	}
}

func (f *face) hot(_ context.Context, in *hotInput) (*hotOutput, error) {
	keys, since, err := f.admin.Hot(in.Layer, in.Limit)
	if err != nil {
		return nil, answer(err, "query")
	}
	out := &hotOutput{}
	out.Body.Since, out.Body.Keys = since, keys
	return out, nil
}

type dependencyInput struct {
	Name string `path:"name" doc:"Such as articles, article:42, source:El Tiempo or layer:content; percent-encoded"`
}

type dependencyOutput struct {
	Body struct{ admin.Dependents }
}

func (f *face) dependency(ctx context.Context, in *dependencyInput) (*dependencyOutput, error) {
	name, err := pathText(ctx, "name", in.Name, admin.MostName)
	if err != nil {
		return nil, err
	}
	out := &dependencyOutput{}
	if out.Body.Dependents, err = f.admin.Dependents(ctx, name); err != nil {
		return nil, answer(err, "path")
	}
	return out, nil
}

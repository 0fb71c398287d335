// Package httpapi is what handlers share: typed operations with validation and OpenAPI (huma on Echo), the error shape,
// canonical queries, cursors, the admin guard and the documentation pages.
package httpapi

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// Options describe the API as a whole.
type Options struct {
	Title, Version, Description string
	// PublicURL is the base of absolute links, without a trailing slash.
	PublicURL string
	// Admin guards operations that change or reveal what is not public.
	Admin Guard
}

// API is where domains register their operations.
type API struct {
	huma.API
	PublicURL string
	// BasePath is the path of PublicURL, "" at the root: paths in answers begin with it.
	BasePath string
	guard    Guard
}

// New mounts an API on e, with its OpenAPI document and documentation pages.
func New(e *echo.Echo, o Options) *API {
	cfg := huma.DefaultConfig(o.Title, o.Version)
	cfg.Info.Description = o.Description
	// No create hooks: they add $schema and Link to every answer. No built-in pages: they load scripts from elsewhere.
	cfg.CreateHooks, cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = nil, "", "", ""
	cfg.Formats = map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"adminKey":    {Type: "apiKey", In: "header", Name: "X-API-Key"},
		"adminBearer": {Type: "http", Scheme: "bearer"},
		"userBearer":  {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
		"userCookie":  {Type: "apiKey", In: "cookie", Name: AccessCookie},
	}
	if o.Admin.Hosts == nil {
		o.Admin.Hosts = localHostGuard()
	}
	cfg.Servers = []*huma.Server{{URL: o.PublicURL}}
	a := &API{API: humaecho.New(e, cfg), PublicURL: o.PublicURL, BasePath: BasePath(o.PublicURL), guard: o.Admin}
	a.UseMiddleware(unreadRefusals(a.API), canonicalQuery(a.API))
	e.HTTPErrorHandler = HandleEchoError
	mountDocs(e, a.API, a.BasePath)
	return a
}

// AdminOnly marks an operation that needs an account with the role admin, or the admin key.
func (a *API) AdminOnly(op huma.Operation) huma.Operation {
	op.Security = []map[string][]string{{"adminKey": {}}, {"adminBearer": {}}, {"userBearer": {}}, {"userCookie": {}}}
	op.Middlewares = append(huma.Middlewares{refuseWith(a.API, a.guard.Check), refuseUnclear(a.API), refuseBody(a.API)}, op.Middlewares...)
	return op
}

// Opt is an optional query parameter whose absence differs from its zero value.
type Opt[T any] struct {
	Value T
	Set   bool
}

// Schema documents the parameter as its value's type.
func (o Opt[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// Receiver is where huma stores the parsed value.
func (o *Opt[T]) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet records whether the parameter was given.
func (o *Opt[T]) OnParamSet(set bool, _ any) { o.Set = set }

// Ptr is nil for a parameter that was not given.
func (o Opt[T]) Ptr() *T {
	if !o.Set {
		return nil
	}
	v := o.Value
	return &v
}

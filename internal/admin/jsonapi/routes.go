// Package jsonapi serves the cache's administration to programs, below /api/cache: it reads requests, calls the operations of
// package admin, and gives their results the original's form.
package jsonapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/admin"
	"openlearn/internal/httpapi"
)

type face struct{ admin *admin.Admin }

// Register mounts the routes. Figures are public, under our own host names; whatever shows values or names, or changes anything, needs the admin key.
func Register(api *httpapi.API, a *admin.Admin) {
	f := &face{a}
	public := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{"cache"}}
	}
	figures := func(path, id, summary string) huma.Operation { return api.HostGuarded(public(path, id, summary)) }
	now := func(op huma.Operation) huma.Operation {
		op.Middlewares = append(op.Middlewares, notStored)
		return op
	}
	huma.Register(api, now(figures("/api/cache/health", "cache-health", "Health of the cache, 0 to 100, with its parts")), f.health)
	huma.Register(api, figures("/api/cache/stats", "cache-stats", "What the cache has done, by layer"), f.stats)
	huma.Register(api, figures("/api/cache/layers", "cache-layers", "The layers and their lifetimes"), f.layers)
	huma.Register(api, figures("/api/cache/metrics", "cache-metrics", "All figures of the cache in one"), f.metrics)
	huma.Register(api, figures("/api/cache/performance/comparison", "cache-performance", "Cached and uncached times, as measured"), f.comparison)
	for _, at := range []struct{ path, id string }{{"/health/cache", "health-cache"}, {"/api/health/cache", "api-health-cache"}} {
		op := public(at.path, at.id, "Health of the cache, 0 to 100, with its parts")
		op.Tags = []string{"health"}
		huma.Register(api, now(op), f.health)
	}

	guarded := func(method, path, id, summary string, errors ...int) huma.Operation {
		op := api.AdminOnly(huma.Operation{
			Method: method, Path: "/api/cache" + path, OperationID: id, Summary: summary, Tags: []string{"cache"}, MaxBodyBytes: 4 << 20,
			Errors: append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}, errors...),
		})
		op.Middlewares = append(op.Middlewares, remember)
		return op
	}
	get := func(path, id, summary string, errors ...int) huma.Operation {
		return guarded(http.MethodGet, path, id, summary, errors...)
	}
	post := func(path, id, summary string, errors ...int) huma.Operation {
		return guarded(http.MethodPost, path, id, summary, errors...)
	}
	huma.Register(api, get("/key/{layer}/{identifier}", "cache-key", "What is stored under a key, and whether what it depends on still holds", http.StatusNotFound), f.key)
	huma.Register(api, get("/exists/{layer}/{identifier}", "cache-exists", "Whether a current entry is stored", http.StatusNotFound), f.exists)
	huma.Register(api, get("/keys", "cache-keys", "List a layer's keys, a page at a time", http.StatusNotFound), f.keys)
	huma.Register(api, get("/hot", "cache-hot", "The most asked keys of this instance", http.StatusNotFound), f.hot)
	huma.Register(api, get("/dependencies/{name}", "cache-dependency", "What hangs on a dependency"), f.dependency)
	huma.Register(api, get("/warming", "cache-warming", "What keeps entries warm, what it foresees, and what it did"), f.warming)
	huma.Register(api, get("/audit", "cache-audit", "Who invalidated and warmed what"), f.auditTrail)

	huma.Register(api, post("/invalidate", "cache-invalidate", "Invalidate a layer, an entry of it with its variants, or what matches a pattern in it"), f.invalidate)
	huma.Register(api, post("/invalidate/article/{article_id}", "cache-invalidate-article", "Invalidate everything that shows an article"), f.invalidateArticle)
	huma.Register(api, post("/invalidate/source/{source_name}", "cache-invalidate-source", "Invalidate everything that shows a newspaper or its articles"), f.invalidateSource)
	huma.Register(api, post("/invalidate/all", "cache-invalidate-all", "Invalidate every layer"), f.invalidateAll)
	huma.Register(api, post("/invalidate/dependency", "cache-invalidate-dependency", "Invalidate everything that hangs on a dependency"), f.invalidateDependency)
	huma.Register(api, post("/warm", "cache-warm", "Fill the cache: the server loads what it can, the rest is supplied"), f.warm)
	huma.Register(api, post("/performance/probe", "cache-probe", "Measure an endpoint cached and uncached, now", http.StatusConflict), f.probe)
}

// notStored keeps an answer out of every cache: it says how things are now.
func notStored(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	next(ctx)
}

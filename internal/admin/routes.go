package admin

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
)

// Register mounts the routes. Figures are public, under our own host names; whatever shows values or names, or changes anything, needs the admin key.
func (a *Admin) Register(api *httpapi.API) {
	public := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{"cache"}}
	}
	figures := func(path, id, summary string) huma.Operation { return api.HostGuarded(public(path, id, summary)) }
	now := func(op huma.Operation) huma.Operation {
		op.Middlewares = append(op.Middlewares, notStored)
		return op
	}
	huma.Register(api, now(figures("/api/cache/health", "cache-health", "Health of the cache, 0 to 100, with its parts")), a.health)
	huma.Register(api, figures("/api/cache/stats", "cache-stats", "What the cache has done, by layer"), a.stats)
	huma.Register(api, figures("/api/cache/layers", "cache-layers", "The layers and their lifetimes"), a.layers)
	huma.Register(api, figures("/api/cache/metrics", "cache-metrics", "All figures of the cache in one"), a.metrics)
	huma.Register(api, figures("/api/cache/performance/comparison", "cache-performance", "Cached and uncached times, as measured"), a.comparison)
	for _, at := range []struct{ path, id string }{{"/health/cache", "health-cache"}, {"/api/health/cache", "api-health-cache"}} {
		op := public(at.path, at.id, "Health of the cache, 0 to 100, with its parts")
		op.Tags = []string{"health"}
		huma.Register(api, now(op), a.health)
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
	huma.Register(api, get("/key/{layer}/{identifier}", "cache-key", "What is stored under a key, and whether what it depends on still holds", http.StatusNotFound), a.key)
	huma.Register(api, get("/exists/{layer}/{identifier}", "cache-exists", "Whether a current entry is stored", http.StatusNotFound), a.exists)
	huma.Register(api, get("/keys", "cache-keys", "List a layer's keys, a page at a time", http.StatusNotFound), a.keys)
	huma.Register(api, get("/hot", "cache-hot", "The most asked keys of this instance", http.StatusNotFound), a.hot)
	huma.Register(api, get("/dependencies/{name}", "cache-dependency", "What hangs on a dependency"), a.dependency)
	huma.Register(api, get("/warming", "cache-warming", "What keeps entries warm, what it foresees, and what it did"), a.warming)
	huma.Register(api, get("/audit", "cache-audit", "Who invalidated and warmed what"), a.auditTrail)

	huma.Register(api, post("/invalidate", "cache-invalidate", "Invalidate a layer, an entry of it with its variants, or what matches a pattern in it"), a.invalidate)
	huma.Register(api, post("/invalidate/article/{article_id}", "cache-invalidate-article", "Invalidate everything that shows an article"), a.invalidateArticle)
	huma.Register(api, post("/invalidate/source/{source_name}", "cache-invalidate-source", "Invalidate everything that shows a newspaper or its articles"), a.invalidateSource)
	huma.Register(api, post("/invalidate/all", "cache-invalidate-all", "Invalidate every layer"), a.invalidateAll)
	huma.Register(api, post("/invalidate/dependency", "cache-invalidate-dependency", "Invalidate everything that hangs on a dependency"), a.invalidateDependency)
	huma.Register(api, post("/warm", "cache-warm", "Fill the cache: the server loads what it can, the rest is supplied"), a.warm)
	huma.Register(api, post("/performance/probe", "cache-probe", "Measure an endpoint cached and uncached, now", http.StatusConflict), a.probe)
}

// notStored keeps an answer out of every cache: it says how things are now.
func notStored(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	next(ctx)
}

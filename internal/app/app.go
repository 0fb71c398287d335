package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/admin"
	"openlearn/internal/admin/console"
	"openlearn/internal/analysis"
	"openlearn/internal/articles"
	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/httpapi"
	"openlearn/internal/outbox"
	"openlearn/internal/postgres"
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/source"
	"openlearn/internal/tracing"
	"openlearn/internal/warming"
)

// APIVersion is the version of the API, which the original began at 1.0.0.
const APIVersion = "1.0.0"

// auditRate is the share of hits that the coherence audit compares with the database: one in five hundred costs a fifth of
// a per cent of the queries that the cache saves.
const auditRate = 0.002

// App is the whole service in one process, wired.
type App struct {
	Articles *articles.Service
	Analysis *analysis.Service

	cfg      Config
	log      *slog.Logger
	db       *postgres.DB
	redis    *redis.Client
	cache    *cache.Cache
	outbox   *outbox.Relay
	admin    *admin.Admin
	trail    *admin.Retention
	scraping *scraping.Metrics
	warmer   *warming.Warmer  // nil = nothing is warmed
	tracing  *tracing.Tracing // nil = off
	console  *console.Console
	guesses  *httpapi.Guesses
	registry *prometheus.Registry
	metrics  *admin.Snapshot[exposition]
	handler  http.Handler
	untold   atomic.Int64 // writes of a command whose invalidation was pending when it went on
	admitted classes
	draining atomic.Bool // Serve lets requests in flight finish; readiness says so
}

// New wires the service. Nothing has to be reachable yet: PostgreSQL and Redis may come later, and readiness says so.
// Close must follow.
func New(ctx context.Context, cfg Config, log *slog.Logger) (*App, error) {
	a := &App{cfg: cfg, log: log, registry: prometheus.NewRegistry()}
	a.guesses = httpapi.NewGuesses(a.registry, log, nil)
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	ro, err := cfg.redisOptions()
	if err != nil {
		return nil, err
	}
	if err := a.startTracing(ctx); err != nil {
		return nil, err
	}
	a.db, err = postgres.Open(ctx, postgres.Config{
		URL: cfg.DatabaseURL, MaxConns: cfg.DatabasePoolSize, ConnectTimeout: cfg.ConnectTimeout,
		Tracer: a.queryTracer(newQueryMetrics(a.registry)),
	}, log)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.registry.MustRegister(&databaseFigures{pool: a.db.Pool})
	a.redis = redis.NewClient(ro)
	a.outbox = outbox.New(outbox.Options{DB: a.db, Dependencies: dependencies, NewDatabase: a.newDatabase, Registerer: a.registry, Logger: log})
	gate := a.outbox.MayServe
	if cfg.uncached {
		gate = func() bool { return false }
	}
	layers := cfg.layers
	if layers == nil {
		if layers, err = layerTable(); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	a.cache, err = cache.New(cache.Options{
		Redis: a.redis, Layers: layers, Registerer: a.registry, Logger: log, Gate: gate, Settled: a.outbox.Settled,
		Tracer:    a.cacheTracer(),
		AuditRate: cfg.auditRate,
	})
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.cache.Start(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.outbox.Start(ctx, a.cache)
	a.admitted = newClasses(cfg.DatabasePoolSize, a.registry)
	a.Articles = articles.NewService(articles.NewStore(a.db.Gorm).Admit(a.admitted.searches), a.cache, a.outbox)
	a.Analysis = analysis.NewService(analysis.NewStore(a.db.Gorm), a.cache, a.outbox)
	a.admin = a.newAdmin()
	a.trail = admin.NewRetention(admin.RetentionOptions{DB: a.db.Gorm, Keep: time.Duration(cfg.AuditRetentionDays) * 24 * time.Hour, Logger: log})
	defs, err := source.NewDefinitions()
	if err == nil {
		a.scraping, err = scraping.NewMetrics(a.registry, defs)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.warmer = a.newWarmer()
	if a.handler, err = a.routes(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if a.warmer != nil {
		a.warmer.Start(ctx)
	}
	return a, nil
}

// routes mounts every domain on one Echo.
func (a *App) routes() (http.Handler, error) {
	catalogue, err := source.NewCatalogue()
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	guard, err := a.guard(a.cfg.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	api := httpapi.New(e, httpapi.Options{
		Title: "OpenLearn Colombia", Version: APIVersion, PublicURL: a.cfg.PublicURL,
		Description: "Colombian news and open data, analysed, for learners of Spanish.",
		Admin:       guard,
	})
	registerRoot(api)
	(&health{db: a.db, cache: a.redis, draining: &a.draining}).register(api)
	articles.Register(api, a.Articles)
	analysis.Register(api, a.Analysis)
	a.admin.Register(api)
	if err := a.mountConsole(e); err != nil {
		return nil, err
	}
	scraping.Register(api, catalogue, archiveFigures{a.Articles})
	var responses echo.MiddlewareFunc
	var shown func(id int64)
	if a.warmer != nil {
		shown = a.warmer.See
	}
	if !a.cfg.uncached {
		if responses, err = a.cacheResponses(api); err != nil {
			return nil, err
		}
	}
	useMiddleware(e, a.cfg, a.log, a.registry, a.tracing, shown, responses, a.admitted.middleware)
	a.metrics = admin.NewSnapshot(a.cfg.figuresGood, expose(a.registry))
	e.GET("/metrics", metricsPage(a.metrics, a.log))
	return httpapi.AnswerUnread(headAsGet(e)), nil
}

// databaseKey is where Redis says which database it mirrors. If it is evicted the caches start anew once, for nothing.
const databaseKey = "openlearn:database"

// newDatabase makes sure that nothing is served which was cached of another database than this one.
func (a *App) newDatabase(ctx context.Context, identity string) error {
	mirrored, err := a.redis.Get(ctx, databaseKey).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("which database is cached: %w", err)
	}
	if mirrored == identity {
		return nil
	}
	if err := a.cache.InvalidateAll(ctx); err != nil {
		return fmt.Errorf("another database: %w", err)
	}
	if err := a.redis.Set(ctx, databaseKey, identity, 0).Err(); err != nil {
		return fmt.Errorf("which database is cached: %w", err)
	}
	a.log.Info("the caches start anew: they were of another database, or of none")
	return nil
}

// cacheResponses is the HTTP cache for every public read. Health is looked at, never stored.
func (a *App) cacheResponses(api *httpapi.API) (echo.MiddlewareFunc, error) {
	routes := slices.Concat(articles.Cached(api, a.Articles), analysis.Cached(api, a.Analysis), scraping.Cached(api, a.Articles.FigureDeps()))
	responses, err := httpcache.NewService(httpcache.ServiceOptions{Cache: a.cache, Routes: routes, Registerer: a.registry, Logger: a.log, Started: startedBy})
	if err != nil {
		return nil, err
	}
	return responses.Middleware(), nil
}

// Handler is the service without a listener.
func (a *App) Handler() http.Handler { return a.handler }

// Close stops background work and closes connections.
func (a *App) Close() error {
	var errs []error
	if a.console != nil {
		a.console.Close()
	}
	if a.admin != nil {
		a.admin.Close()
	}
	if a.metrics != nil {
		a.metrics.Close()
	}
	if a.warmer != nil {
		a.warmer.Close()
	}
	if a.trail != nil {
		a.trail.Close()
	}
	if a.outbox != nil {
		a.outbox.Close()
	}
	if a.cache != nil {
		errs = append(errs, a.cache.Close())
	}
	if a.redis != nil {
		errs = append(errs, a.redis.Close())
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	a.stopTracing()
	return errors.Join(errs...)
}

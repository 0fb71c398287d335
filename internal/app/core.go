package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/articles"
	"openlearn/internal/cache"
	"openlearn/internal/cdn"
	"openlearn/internal/government"
	"openlearn/internal/jobs"
	"openlearn/internal/outbox"
	"openlearn/internal/postgres"
	"openlearn/internal/tracing"
)

// auditRate is the share of hits that the coherence audit compares with the database: one in five hundred costs a fifth of
// a percent of the queries that the cache saves.
const auditRate = 0.002

// core is what every command uses: PostgreSQL, Redis, the cache, the outbox and the domains. It serves nothing, and by
// itself runs only what keeps the cache coherent.
type core struct {
	domains

	cfg      Config
	log      *slog.Logger
	registry *prometheus.Registry
	tracing  *tracing.Tracing // nil = off
	db       *postgres.DB
	queries  *queryMetrics
	redis    *redis.Client
	cache    *cache.Cache
	outbox   *outbox.Relay
	feed     *outbox.Feed // of what CDNs are told
	purges   *cdn.Queue
	jobs     *jobs.Client
	admitted classes
	untold   atomic.Int64 // writes of a command whose invalidation was pending when it went on
	closers  closers
}

// newCore wires a core. PostgreSQL and Redis need not be reachable yet. Close must follow, even after an error.
func newCore(ctx context.Context, cfg Config, log *slog.Logger) (*core, error) {
	c := &core{cfg: cfg, log: log, registry: prometheus.NewRegistry()}
	c.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	c.admitted = newClasses(cfg.Database.MaxConns, c.registry)
	for _, start := range []func(context.Context) error{c.startTracing, c.openDatabase, c.openCache, c.openJobs, c.openDomains, c.registerJobs} {
		if err := start(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Close ends everything in reverse order.
func (c *core) Close() error { return c.closers.close() }

func (c *core) openDatabase(ctx context.Context) (err error) {
	cfg := c.cfg.Database
	c.queries = newQueryMetrics(c.registry)
	cfg.Tracer = c.queryTracer(c.queries)
	if c.db, err = postgres.Open(ctx, cfg, c.log); err != nil {
		return err
	}
	c.closers.add(c.db.Close)
	c.registry.MustRegister(&databaseFigures{pool: c.db.Pool, stored: articles.NewStore(c.db.Gorm).LastStored})
	return nil
}

// openCache starts the cache and the outbox's relay, which refer to each other: pending changes close the cache's gate, and
// the relay invalidates in the cache.
func (c *core) openCache(ctx context.Context) error {
	options, err := c.cfg.Redis.options()
	if err != nil {
		return err
	}
	c.redis = redis.NewClient(options)
	c.closers.add(c.redis.Close)
	c.feed = outbox.NewFeed(outbox.FeedOptions{Pool: c.db.Pool, Region: cdn.Region, Rules: publicFacts()})
	c.purges = cdn.NewQueue(c.db.Pool, c.feed, cacheName)
	c.outbox = outbox.New(outbox.Options{DB: c.db, Rules: facts(), NewDatabase: c.newDatabase, Registerer: c.registry, Logger: c.log})
	test := c.cfg.testing
	gate := c.outbox.MayServe
	if test.uncached {
		gate = func() bool { return false }
	}
	table := test.layers
	if table == nil {
		if table, err = layers(); err != nil {
			return err
		}
	}
	rate := test.auditRate
	if rate == 0 {
		rate = auditRate
	}
	c.cache, err = cache.New(cache.Options{
		Redis: c.redis, Layers: table, Registerer: c.registry, Logger: c.log, Gate: gate, Settled: c.outbox.Settled,
		Tracer: c.cacheTracer(), Now: test.now, AuditRate: max(rate, 0), MaxTTL: government.MaxTTL,
	})
	if err != nil {
		return err
	}
	c.closers.add(c.cache.Close)
	if err := c.cache.Start(ctx); err != nil {
		return err
	}
	c.outbox.Start(ctx, c.cache)
	c.closers.addFunc(c.outbox.Close)
	return nil
}

// openJobs opens the client for background jobs, which domains insert and run.
func (c *core) openJobs(ctx context.Context) (err error) {
	o := c.cfg.testing.jobs
	o.Database, o.PoolSize, o.Registerer, o.Logger = c.cfg.Database, c.cfg.Jobs.PoolSize, c.registry, c.log
	c.jobs, err = jobs.Open(ctx, o)
	if err != nil {
		return err
	}
	c.closers.add(c.jobs.Close)
	return nil
}

// registerJobs registers the domains' background work. A service or `openlearn work` starts the workers.
func (c *core) registerJobs(context.Context) error {
	c.closers.add(c.jobs.Close) // closed before everything that running jobs need
	return c.jobs.Register(c.workers()...)
}

// databaseKey holds the identity of the database that Redis mirrors. If it is evicted the caches are emptied once
// unnecessarily.
const databaseKey = "openlearn:database"

// newDatabase makes sure that nothing cached from another database is served.
func (c *core) newDatabase(ctx context.Context, identity string) error {
	mirrored, err := c.redis.Get(ctx, databaseKey).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("which database is cached: %w", err)
	}
	if mirrored == identity {
		return nil
	}
	if err := c.cache.InvalidateAll(ctx); err != nil {
		return fmt.Errorf("another database: %w", err)
	}
	if err := c.purges.PurgeAll(ctx); err != nil {
		return fmt.Errorf("another database: %w", err)
	}
	if err := c.redis.Set(ctx, databaseKey, identity, 0).Err(); err != nil {
		return fmt.Errorf("which database is cached: %w", err)
	}
	c.log.Info("the caches start anew: they were of another database, or of none")
	return nil
}

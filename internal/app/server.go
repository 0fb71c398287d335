package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"openlearn/internal/admin"
	"openlearn/internal/admin/console"
	"openlearn/internal/admin/jsonapi"
	"openlearn/internal/cache/httpcache/echocache"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/cdn"
	"openlearn/internal/guard"
	"openlearn/internal/httpapi"
	"openlearn/internal/periodic"
	"openlearn/internal/warming"
)

// APIVersion is the version of the API, which the original began at 1.0.0.
const APIVersion = "1.0.0"

// Server is the service in one process: a core with HTTP, the administration and its console, and warming on top.
type Server struct {
	*core

	admin     *admin.Admin
	requests  *requestTimes
	retention *admin.Retention
	warmer    *warming.Warmer // nil = nothing is warmed
	console   *console.Console
	guesses   *httpapi.Guesses
	limits    *guard.Limiter // nil = requests are not limited
	anonymous *guard.Tier
	known     *guard.Tier
	hook      *cdn.Hook // nil = no CDN is told of changes
	metrics   *admin.Snapshot[exposition]
	router    *echo.Echo
	handler   http.Handler
	running   []*periodic.Runner
	draining  atomic.Bool // Serve lets requests in flight finish; readiness says so
}

// New wires the service. PostgreSQL and Redis need not be reachable yet; until they are, readiness says so. Close must
// follow.
func New(ctx context.Context, cfg Config, log *slog.Logger) (*Server, error) {
	c, err := newCore(ctx, cfg, log)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s := &Server{core: c}
	s.guesses = httpapi.NewGuesses(c.registry, log, nil)
	s.guesses.Share(guard.NewGuesses(c.redis, cfg.Limits.Within).Wrong)
	s.Keys.Watch(s.guesses)
	s.requests = newRequestTimes(c.registry)
	if err := s.openLimits(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := s.openCDN(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.admin = s.newAdmin()
	c.closers.addFunc(s.admin.Close)
	s.retention = admin.NewRetention(admin.RetentionOptions{DB: c.db.Gorm, Keep: cfg.Admin.Retention(), Logger: log})
	s.warmer = s.newWarmer()
	if s.handler, err = s.routes(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.start(ctx)
	return s, nil
}

// start starts the background work: periodic work of every service, and jobs.
func (s *Server) start(ctx context.Context) {
	for _, j := range s.periodic() {
		s.running = append(s.running, periodic.Start(ctx, j))
	}
	s.closers.addFunc(s.stopPeriodic)
	s.jobs.Start(ctx)
}

// stopPeriodic waits for the running passes. It may be called more than once.
func (s *Server) stopPeriodic() {
	for _, r := range s.running {
		r.Close()
	}
}

// routes mounts everything on one Echo.
func (s *Server) routes() (http.Handler, error) {
	e := echo.New()
	s.router = e
	e.HideBanner, e.HidePort = true, true
	admins, err := s.guard(s.cfg.Server.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	api := httpapi.New(e, httpapi.Options{
		Title: "OpenLearn Colombia", Version: APIVersion, PublicURL: s.cfg.Server.PublicURL,
		Description: "Colombian news and open data, analysed, for learners of Spanish.",
		Admin:       admins,
	})
	registerRoot(api)
	(&health{db: s.db, cache: s.redis, draining: &s.draining}).register(api)
	s.mount(api)
	jsonapi.Register(api, s.admin)
	if err := s.mountConsole(e); err != nil {
		return nil, err
	}
	cached := s.cached(api)
	if err := s.describe(api, cached); err != nil {
		return nil, err
	}
	var responses echo.MiddlewareFunc
	var shown func(id int64)
	if s.warmer != nil {
		shown = s.warmer.See
	}
	if !s.cfg.testing.uncached {
		if responses, err = s.cacheResponses(cached); err != nil {
			return nil, err
		}
	}
	useMiddleware(e, s.cfg.Server, s.log, s.requests, s.registry, s.tracing, shown, responses, httpapi.Identifying(s.identifiers()...), s.limited(admins), s.admitted.middleware)
	s.registry.MustRegister(gatheredAt())
	s.metrics = admin.NewSnapshot(s.cfg.testing.figuresGood, expose(s.registry))
	s.closers.addFunc(s.metrics.Close)
	e.GET("/metrics", metricsPage(s.metrics, s.log))
	trusted, err := httpapi.ParseProxies(s.cfg.Server.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("TRUSTED_PROXIES: %w", err)
	}
	served := httpapi.NewProxies(trusted, s.log).Handler(httpapi.AnswerUnread(headAsGet(e)))
	return httpapi.Mount(httpapi.BasePath(s.cfg.Server.PublicURL), rootsOf(e.Routes()), served), nil
}

// cacheName is the name of our HTTP caches in Cache-Status.
const cacheName = "openlearn"

// cacheResponses is the HTTP cache for every public read. Health is never stored.
func (s *Server) cacheResponses(cached []service.Route) (echo.MiddlewareFunc, error) {
	responses, err := service.New(service.Options{
		Cache: s.cache, Routes: cached, Registerer: s.registry, Logger: s.log, Started: startedBy, Name: cacheName, Now: s.cfg.testing.now, Scope: s.cfg.Server.PublicURL,
		CredentialFields: []string{httpapi.KeyHeader}, CredentialCookies: []string{httpapi.AccessCookie}, Tags: s.tagging(),
	})
	if err != nil {
		return nil, err
	}
	return s.tellGroups(echocache.Middleware(responses)), nil
}

// Handler is the service without a listener.
func (s *Server) Handler() http.Handler { return s.handler }

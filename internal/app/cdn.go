package app

import (
	"context"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/cache/httpcache/tags"
	"openlearn/internal/cdn"
	"openlearn/internal/guard"
	"openlearn/internal/outbox"
	"openlearn/internal/periodic"
	"openlearn/internal/postgres"
)

// openCDN makes the hook that tells a CDN of changes, if there is one.
func (s *Server) openCDN(ctx context.Context) error {
	cfg := s.cfg.CDN
	if cfg.PurgeURL == "" {
		return nil
	}
	database := s.cfg.Database
	database.MaxConns, database.Name = 2, "openlearn cdn"
	pool, err := postgres.OpenPool(ctx, database)
	if err != nil {
		return fmt.Errorf("the CDN's hook: %w", err)
	}
	s.closers.addFunc(pool.Close)
	s.hook = cdn.NewHook(cdn.Options{
		Pool: pool, Feed: s.feed, All: cacheName, URL: cfg.PurgeURL, Secret: cfg.PurgeSecret, Again: s.cfg.testing.purgeAgain,
		Registerer: s.registry, Logger: s.log,
	})
	return nil
}

// cdnJobs are the hook, and what keeps the feed of changes bounded where nobody reads it.
func (s *Server) cdnJobs() []periodic.Job {
	jobs := []periodic.Job{{Name: "CDN feed", First: time.Minute, Every: time.Minute, Pass: s.purges.Tend, Logger: s.log}}
	if s.hook != nil {
		jobs = append(jobs, s.hook.Job())
	}
	return jobs
}

// tagging is what caches outside are told of answers; nil = nothing.
func (s *Server) tagging() *service.Tagging {
	cfg := s.cfg.CDN
	if !cfg.Tagged() {
		return nil
	}
	t := &service.Tagging{All: cacheName, Personal: guard.Fields}
	if cfg.MaxAge > 0 {
		t.Hold = func() time.Duration {
			if s.hook != nil && !s.hook.Reliable() {
				return 0
			}
			return cfg.MaxAge
		}
	}
	return t
}

// mostGroups is how many groups a cache must take note of in one field (RFC 9875 §2).
const mostGroups = 32

// tellGroups has answers to writes name the groups of answers that they have changed (Cache-Group-Invalidation, RFC 9875), for
// caches on the way: next is what tags answers.
func (s *Server) tellGroups(next echo.MiddlewareFunc) echo.MiddlewareFunc {
	if !s.cfg.CDN.Tagged() {
		return next
	}
	return func(handle echo.HandlerFunc) echo.HandlerFunc {
		handle = next(handle)
		return func(c echo.Context) error {
			if rules.SafeMethod(c.Request().Method) {
				return handle(c)
			}
			ctx, heard := outbox.Listen(c.Request().Context())
			c.SetRequest(c.Request().WithContext(ctx))
			c.Response().Before(func() {
				if list := tags.Purge(heard.Deps()); len(list) > mostGroups {
					c.Response().Header().Set("Cache-Group-Invalidation", tags.Strings([]string{cacheName}))
				} else if len(list) > 0 {
					c.Response().Header().Set("Cache-Group-Invalidation", tags.Strings(list))
				}
			})
			return handle(c)
		}
	}
}

// toldOutside is what tells a CDN of an operator's invalidation, nil where answers are not tagged.
func (s *Server) toldOutside() func(ctx context.Context, deps []string) error {
	if !s.cfg.CDN.Tagged() {
		return nil
	}
	return s.purges.Purge
}

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/admin"
)

// runWork runs a process with workers only: the background part of `serve`, for running the two on different machines.
func runWork(ctx context.Context, cmd *call) (err error) {
	cfg, err := LoadConfig()
	if err != nil {
		return usageError{err.Error()}
	}
	log := NewLogger(cmd.stderr, cfg.Log.Level)
	if err := migrateWhenUp(ctx, cfg.Database, log); err != nil {
		return err
	}
	// Close ends the work, not the signal: jobs under way get some time.
	c, err := newCore(context.WithoutCancel(ctx), cfg, log)
	defer func() { err = errors.Join(err, c.Close()) }()
	if err != nil {
		return err
	}
	if !c.jobs.Works() {
		return usageError{"work: SCRAPER_WORKERS is 0: there is nothing to do"}
	}
	if addr := cfg.Scraping.MetricsAddr; addr != "" {
		at, err := c.serveMetrics(ctx, addr)
		if err != nil {
			return fmt.Errorf("WORK_METRICS_ADDR: %w", err)
		}
		log.Info("serving /metrics", "addr", at.String())
	}
	c.jobs.Start(context.WithoutCancel(ctx))
	log.Info("working", "passes_at_a_time", cfg.Scraping.Workers)
	<-ctx.Done()
	log.Info("stopping: jobs under way may end")
	return nil
}

// serveMetrics serves /metrics, and nothing else, on an address until the core is closed.
func (c *core) serveMetrics(ctx context.Context, addr string) (net.Addr, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c.registry.MustRegister(gatheredAt())
	figures := admin.NewSnapshot(c.cfg.testing.figuresGood, expose(c.registry))
	c.closers.addFunc(figures.Close)
	e := echo.New()
	e.GET("/metrics", metricsPage(figures, c.log))
	server := &http.Server{Handler: e, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	c.closers.add(func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	})
	return l.Addr(), nil
}

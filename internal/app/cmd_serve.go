package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"openlearn/internal/postgres"
)

func runServe(ctx context.Context, c *call) (err error) {
	cfg, err := LoadConfig()
	if err != nil {
		return usageError{err.Error()}
	}
	defer paceCollector(ctx).Close()
	log := NewLogger(c.stderr, cfg.Log.Level)
	if err := migrateWhenUp(ctx, cfg.Database, log); err != nil {
		return err
	}
	// Background work goes on while requests are drained: Close ends it, not the signal.
	s, err := New(context.WithoutCancel(ctx), cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Server.Addr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR: %w", err)
	}
	return s.Serve(ctx, l)
}

// migrateWhenUp migrates, and gives a database that is still starting a minute to come up. A server that refuses us will do so
// in a minute, too.
func migrateWhenUp(ctx context.Context, cfg postgres.Config, log *slog.Logger) error {
	patience, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		n, err := postgres.Migrate(ctx, cfg.Owner())
		if err == nil {
			if n > 0 {
				log.Info("migrated the database", "applied", n)
			}
			return nil
		}
		if postgres.Refused(err) {
			return fmt.Errorf("PostgreSQL refuses DATABASE_URL: %w", err)
		}
		if !postgres.Unavailable(err) {
			return err
		}
		log.Warn("PostgreSQL cannot be reached yet", "retry_in", wait, "error", err)
		select {
		case <-patience.Done():
			return fmt.Errorf("PostgreSQL could not be reached: %w", err)
		case <-time.After(wait):
		}
	}
}

// runHealthcheck is the container's probe: the image has no shell and no curl.
func runHealthcheck(ctx context.Context, _ *call) error {
	var cfg serverConfig
	if err := loadParts(&cfg); err != nil {
		return usageError{err.Error()}
	}
	at, err := reachable(cfg.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/health/ready", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", res.Status)
	}
	return nil
}

// reachable is where a service that listens on addr can be asked from its own host.
func reachable(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", usageError{"HTTP_ADDR: expected host:port or :port"}
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

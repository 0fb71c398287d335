package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"openlearn/internal/cache/httpcache/cork"
)

// Serve answers on l until ctx ends. Then it becomes unready, goes on answering for DRAIN_DELAY, lets requests in flight
// finish, and returns nil. The Server stays open.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(s.console.StopStreams) // otherwise they would never end
	failed := make(chan error, 1)
	most := connectionLimit(s.cfg)
	l = connectionsOf(srv, l, most)
	go func() { failed <- srv.Serve(l) }()
	s.log.Info("serving", "address", l.Addr().String(), "public_url", s.cfg.Server.PublicURL, "connections_at_most", most)
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	if s.cfg.Server.DrainDelay > 0 {
		s.log.Info("unready, until balancers have noticed", "for", s.cfg.Server.DrainDelay)
		select {
		case err := <-failed:
			return fmt.Errorf("serve on %s: %w", l.Addr(), err)
		case <-time.After(s.cfg.Server.DrainDelay):
		}
	}
	s.jobs.Drain() // concurrently with the requests: Close waits for running jobs
	s.log.Info("draining requests", "at_most", s.cfg.Server.ShutdownTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Server.ShutdownTimeout)
	defer cancel()
	err := srv.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests still running after %s: %w", s.cfg.Server.ShutdownTimeout, err), srv.Close())
	}
	if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// connectionsOf bounds a server's connections. The bound wraps the connections that send answers in one piece, which must
// be directly on the kernel's.
func connectionsOf(srv *http.Server, l net.Listener, most int) net.Listener {
	return limitConnections(srv, cork.Wrap(srv, l), most)
}

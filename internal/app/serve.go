package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"openlearn/internal/cache/httpcache"
)

// Serve answers on l until ctx ends. Then it is unready, goes on answering for DRAIN_DELAY, lets requests in flight
// finish, and returns nil. The App is still open.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           a.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(a.console.StopStreams) // they would never end by themselves
	failed := make(chan error, 1)
	most := connectionLimit(a.cfg)
	l = connectionsOf(srv, l, most)
	go func() { failed <- srv.Serve(l) }()
	a.log.Info("serving", "address", l.Addr().String(), "public_url", a.cfg.PublicURL, "connections_at_most", most)
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	a.draining.Store(true)
	if a.cfg.DrainDelay > 0 {
		a.log.Info("unready, until balancers have noticed", "for", a.cfg.DrainDelay)
		select {
		case err := <-failed:
			return fmt.Errorf("serve on %s: %w", l.Addr(), err)
		case <-time.After(a.cfg.DrainDelay):
		}
	}
	a.log.Info("draining requests", "at_most", a.cfg.ShutdownTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.ShutdownTimeout)
	defer cancel()
	err := srv.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests still running after %s: %w", a.cfg.ShutdownTimeout, err), srv.Close())
	}
	if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// connectionsOf bounds a server's connections, around those that send answers in one piece: these must be right on the
// kernel's.
func connectionsOf(srv *http.Server, l net.Listener, most int) net.Listener {
	return limitConnections(srv, httpcache.Whole(srv, l), most)
}

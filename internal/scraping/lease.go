package scraping

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Over all processes (workers, and `openlearn scrape` beside them) there is one pass per source at a time. The process that
// makes it holds a lease in PostgreSQL and renews it. If it is killed the lease runs out, and another may begin.

// errLeaseLost is why a pass ends if its lease could not be renewed in time: another process may begin one.
var errLeaseLost = errors.New("scraping: the source's lease could not be renewed")

// hold takes the source's lease. The context that it returns ends when the lease is lost; release gives it back and must be
// called. The error is ErrRunning if another process has the lease.
func (s *Service) hold(ctx context.Context, id string) (held context.Context, release func(), err error) {
	store := s.cfg.Store
	if store == nil {
		return ctx, func() {}, nil
	}
	began := time.Now()
	ok, err := store.Lease(ctx, id, s.holder, s.cfg.Lease)
	if err != nil {
		return ctx, nil, err
	}
	if !ok {
		return ctx, nil, fmt.Errorf("by another process: %w", ErrRunning)
	}
	held, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.renew(held, cancel, id, began)
	}()
	return held, func() {
		cancel(nil)
		<-ended
		bound, done := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer done()
		if err := store.Release(bound, id, s.holder); err != nil { // it expires anyway
			s.cfg.Logger.WarnContext(ctx, "scraping: the source's lease was not given back", "source", id, "error", err)
		}
	}, nil
}

// askTimeout bounds one query of the state of sources.
const askTimeout = 5 * time.Second

// renew keeps the lease until ctx ends. A lease that may have expired by this process's clock counts as lost.
func (s *Service) renew(ctx context.Context, cancel context.CancelCauseFunc, id string, renewed time.Time) {
	every := time.NewTicker(s.cfg.Lease / 4)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		began := time.Now()
		bound, done := context.WithTimeout(ctx, min(askTimeout, s.cfg.Lease/4))
		ok, err := s.cfg.Store.Lease(bound, id, s.holder, s.cfg.Lease)
		done()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && ok:
			renewed = began
		case err == nil, time.Since(renewed) > s.cfg.Lease*3/4:
			cancel(errLeaseLost)
			return
		}
	}
}

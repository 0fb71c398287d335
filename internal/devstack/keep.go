package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// patience says how a server that ended by itself is started again: after first, then twice as long each time, until it
// has ended or failed more than tries times in a row. A server that has run for steady counts as healthy again.
type patience struct {
	first, steady time.Duration
	tries         int
}

func usualPatience() patience {
	return patience{first: 500 * time.Millisecond, steady: time.Minute, tries: 6} // half a minute of waits
}

// Keep watches both servers and restarts one that ends by itself, on the same port and data. It returns nil when ctx
// ends, and an error when a server could not be kept running. Until it has returned, it alone may start and stop them.
func (s *Stack) Keep(ctx context.Context) error { return s.keep(ctx, usualPatience()) }

func (s *Stack) keep(ctx context.Context, p patience) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, 2)
	watched := []kept{
		{"PostgreSQL", s.Postgres.home.dir, func() *process { return s.Postgres.proc }, s.Postgres.Start},
		{"Redis", s.Redis.home.dir, func() *process { return s.Redis.proc }, s.Redis.Start},
	}
	for _, k := range watched {
		go func() {
			defer cancel() // if one server is lost, the other is no longer kept
			results <- k.keep(ctx, p, s.logger)
		}()
	}
	return errors.Join(<-results, <-results)
}

// kept is one server that is to be kept running.
type kept struct {
	name, dir string
	process   func() *process
	start     func(context.Context) error
}

func (k kept) keep(ctx context.Context, p patience, log *slog.Logger) error {
	began, failures, wait := time.Now(), 0, p.first
	for {
		proc := k.process()
		select {
		case <-proc.exited:
		case <-ctx.Done():
			return nil
		}
		if time.Since(began) >= p.steady {
			failures, wait = 0, p.first
		}
		said := lastLines(k.dir) // the next start overwrites the log
		if failures++; failures > p.tries {
			return fmt.Errorf("%s ended %d times in a row, at last by %s; it said:\n%s", k.name, failures, proc.ending(), said)
		}
		log.Error("a private server ended by itself, and is started again", "server", k.name, "how", proc.ending(), "said", said, "in", wait)
		for {
			if !pause(ctx, wait) {
				return nil
			}
			wait *= 2
			began = time.Now()
			err := k.start(ctx)
			if err == nil {
				log.Info("the private server is up again", "server", k.name, "took", time.Since(began))
				break
			}
			if ctx.Err() != nil {
				return nil
			}
			if failures++; failures > p.tries {
				return fmt.Errorf("%s ended by itself and could not be started again: %w", k.name, err)
			}
			log.Error("a private server could not be started again yet", "server", k.name, "error", err, "retry_in", wait)
		}
	}
}

// pause returns false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

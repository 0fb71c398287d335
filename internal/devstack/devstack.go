// Package devstack starts a private PostgreSQL and a private Redis from the binaries that are installed on the machine,
// and stops them again. `openlearn dev` and the tests share it, so developers and tests run on the same servers.
//
// Private means: never the system's instances. Both listen on loopback only, ask for a random password, keep their data
// in a directory of their own, and run as an unprivileged user when the caller is root.
//
// The servers are children in process groups of their own, so that Ctrl-C in a terminal reaches the caller alone, who can
// drain requests before it stops them. They never outlive the caller, however it ends: a watchdog (see watchdog.go)
// notices its death and stops them.
package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

// Options says which stack to start. The zero value is a temporary stack.
type Options struct {
	// Dir keeps the data of both servers between runs. Empty means temporary: data goes to the system's temporary
	// directory without fsync and is removed on Stop, or when the caller dies.
	Dir string
	// RedisConf is the configuration text Redis starts from; empty means the project's deploy/redis.conf.
	RedisConf string
	// Databases is the number of Redis' logical databases; 0 leaves it to the configuration (Redis' default is 16).
	Databases int
	// Logger logs what is started and where; nil means silence.
	Logger *slog.Logger
}

// Stack is a running PostgreSQL and a running Redis.
type Stack struct {
	Postgres *Postgres
	Redis    *Redis

	logger *slog.Logger
}

// Check says with a *MissingError which of the servers' programs are not installed.
func Check() error { return thisMachine().check() }

// Start starts both servers and returns when both answer. ctx bounds the start only: the servers run until Stop.
// A *MissingError says which binaries are not installed.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	type started[T any] struct {
		server T
		err    error
	}
	redis := make(chan started[*Redis], 1)
	go func() {
		server, err := StartRedis(ctx, RedisOptions{
			Dir: sub(o.Dir, "redis"), Conf: o.RedisConf, Databases: o.Databases, Logger: o.Logger,
		})
		redis <- started[*Redis]{server, err}
	}()
	pg, pgErr := StartPostgres(ctx, PostgresOptions{Dir: sub(o.Dir, "postgres"), Logger: o.Logger})
	rd := <-redis
	s := &Stack{Postgres: pg, Redis: rd.server, logger: loggerOr(o.Logger)}
	if err := errors.Join(pgErr, rd.err); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("start the private PostgreSQL and Redis: %w", err), s.Stop(stopCtx))
	}
	return s, nil
}

// DatabaseURL is the postgres:// address of the database `openlearn`, password included.
func (s *Stack) DatabaseURL() string { return s.Postgres.URL() }

// RedisURL is the redis:// address of logical database 0, password included.
func (s *Stack) RedisURL() string { return s.Redis.URL() }

// Stop stops both servers and waits until they are gone; past ctx's end they are killed. A temporary stack's data is
// removed. Stopping twice is harmless.
func (s *Stack) Stop(ctx context.Context) error {
	var errs []error
	if s.Redis != nil {
		errs = append(errs, s.Redis.Stop(ctx))
	}
	if s.Postgres != nil {
		errs = append(errs, s.Postgres.Stop(ctx))
	}
	return errors.Join(errs...)
}

func sub(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

func loggerOr(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

// Config says which database to use, with which limits.
type Config struct {
	// URL is a libpq connection string, postgres://user:password@host:port/database.
	URL string `envconfig:"DATABASE_URL" file:"true"`
	// MigrationURL is the connection string for the same database as the role that owns the schema; "" = URL.
	MigrationURL string `envconfig:"MIGRATION_DATABASE_URL" file:"true"`
	// MaxConns bounds the pool (default 20).
	MaxConns int32 `envconfig:"DATABASE_POOL_SIZE" default:"20"`
	// ConnectTimeout bounds one connection attempt (default 5 s).
	ConnectTimeout time.Duration `envconfig:"CONNECT_TIMEOUT" default:"5s"`
	// StatementTimeout is the server-side bound of one statement (default 15 s), so that a forgotten deadline cannot
	// hold a connection for ever.
	StatementTimeout time.Duration `ignored:"true"`
	// LockTimeout is the server-side bound of one wait for a lock (default 2 s).
	LockTimeout time.Duration `ignored:"true"`
	// AcquireTimeout bounds a wait for a connection of the pool (default 1 s); ErrBusy after it.
	AcquireTimeout time.Duration `ignored:"true"`
	// SlowStatement is how long a gorm statement may take before it is logged as a warning (default 1 s).
	SlowStatement time.Duration `ignored:"true"`
	// Name is the application name of the connections in the server's views (default openlearn).
	Name string `ignored:"true"`
	// Tracer, if set, sees every query (metrics, traces).
	Tracer pgx.QueryTracer `ignored:"true"`
}

// Validate reports which variables are wrong.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(name, want string) { errs = append(errs, fmt.Errorf("%s: expected %s", name, want)) }
	const address = "postgres://user:password@host:5432/database"
	if !plausible(c.URL) {
		wrong("DATABASE_URL", address)
	}
	if c.MigrationURL != "" && !plausible(c.MigrationURL) {
		wrong("MIGRATION_DATABASE_URL", address)
	}
	if c.MaxConns < 2 {
		wrong("DATABASE_POOL_SIZE", "2 or more")
	}
	if c.ConnectTimeout <= 0 {
		wrong("CONNECT_TIMEOUT", "a positive duration such as 5s")
	}
	return errors.Join(errs...)
}

// Owner is the connection string for migrations.
func (c *Config) Owner() string { return cmp.Or(c.MigrationURL, c.URL) }

func plausible(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host != ""
}

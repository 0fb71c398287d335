package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"openlearn/migrations"
)

// MigrationState is one migration as `openlearn migrate status` shows it.
type MigrationState struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero while pending
}

// ErrNewerSchema is what a program gets from a database that a newer one has migrated. Its queries might be wrong there.
var ErrNewerSchema = errors.New("a newer program is needed")

// Migrate applies the pending migrations, under a session lock so that several instances may start at once, and returns how
// many were applied; ErrNewerSchema if the database is ahead. It uses a connection of its own, without the statement timeout of
// the serving pool.
func Migrate(ctx context.Context, url string) (int, error) {
	n := 0
	err := withGoose(url, func(p *goose.Provider) error {
		done, err := p.Up(ctx)
		if n = len(done); err != nil {
			return err
		}
		// Afterwards, as GetVersions takes no lock and might make goose's table beside another instance. A database that is
		// ahead has nothing pending.
		have, known, err := p.GetVersions(ctx)
		if err == nil && have > known {
			err = fmt.Errorf("the database has migration %d, this program knows them up to %d: %w", have, known, ErrNewerSchema)
		}
		return err
	})
	return n, err
}

// MigrateDown reverts the latest migration and returns its file name, "" when none is applied.
func MigrateDown(ctx context.Context, url string) (string, error) {
	name := ""
	err := withGoose(url, func(p *goose.Provider) error {
		r, err := p.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if r != nil && r.Source != nil {
			name = r.Source.Path
		}
		return err
	})
	return name, err
}

// MigrationStatus lists every migration, oldest first.
func MigrationStatus(ctx context.Context, url string) ([]MigrationState, error) {
	var out []MigrationState
	err := withGoose(url, func(p *goose.Provider) error {
		states, err := p.Status(ctx)
		for _, s := range states {
			out = append(out, MigrationState{Version: s.Source.Version, Name: s.Source.Path, AppliedAt: s.AppliedAt})
		}
		return err
	})
	return out, err
}

func withGoose(url string, do func(*goose.Provider) error) (err error) {
	cc, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("postgres: DATABASE_URL is not a valid connection string (expected postgres://user:password@host:5432/name)")
	}
	cc.ConnectTimeout = 5 * time.Second
	cc.RuntimeParams["application_name"] = "openlearn migrate"
	db := sql.OpenDB(stdlib.GetConnector(*cc))
	defer func() { err = errors.Join(err, db.Close()) }()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("postgres: migration lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, fs.FS(migrations.FS),
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("postgres: read migrations: %w", err)
	}
	if err := do(p); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

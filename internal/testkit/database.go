package testkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/devstack"
	"openlearn/internal/postgres"
	"openlearn/migrations"
)

// Database is the URL of a fresh, migrated database that only this test uses; it is dropped when the test ends, even if
// someone is still connected.
func Database(t testing.TB) string {
	t.Helper()
	from, err := templateOnce()
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	return create(t, from.server, from.name)
}

// EmptyDatabase is Database without the migrations.
func EmptyDatabase(t testing.TB) string {
	t.Helper()
	shared, err := postgresOnce()
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	return create(t, shared.url, "template1")
}

func create(t testing.TB, server, from string) string {
	t.Helper()
	name := unique("openlearn_test")
	dsn, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	if err := execute(server, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(from)); err != nil {
		t.Fatalf("testkit: clone %s: %v", from, err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+quote(name)+" WITH (FORCE)"); err != nil {
			t.Errorf("testkit: drop the test's database: %v", err)
		}
	})
	return dsn
}

// postgresOnce is this process's server, as a user who may create databases.
var postgresOnce = sync.OnceValues(func() (server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if dsn := os.Getenv("TEST_DATABASE_URL"); dsn != "" {
		return server{url: dsn}, nil
	}
	if containers() {
		return postgresContainer(ctx)
	}
	// Nobody stops it: the watchdog does when this process ends.
	private, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{})
	if err != nil {
		return server{}, err
	}
	return server{url: private.URL()}, nil
})

// template is a migrated database that tests are cloned from.
type template struct{ server, name string }

// templateOnce finds or makes the template for exactly these migrations. On a server that several test processes share,
// the first one makes it, under another name until it is whole, while the others wait for an advisory lock.
var templateOnce = sync.OnceValues(func() (template, error) {
	shared, err := postgresOnce()
	if err != nil {
		return template{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	sum, err := fingerprint()
	if err != nil {
		return template{}, err
	}
	t := template{server: shared.url, name: "openlearn_template_" + sum}
	return t, t.ensure(ctx)
})

// advisoryKey is an arbitrary number that only this project uses on a shared server.
const advisoryKey = 0x6f706c65

func (t template) ensure(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, t.server)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", advisoryKey); err != nil {
		return fmt.Errorf("lock the template: %w", err)
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", t.name).Scan(&there); err != nil || there {
		return err
	}
	fresh := unique("openlearn_migrating")
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+quote(fresh)); err != nil {
		return fmt.Errorf("make the template: %w", err)
	}
	dsn, err := withDatabase(t.server, fresh)
	if err != nil {
		return err
	}
	if _, err := postgres.Migrate(ctx, dsn); err != nil {
		_, dropErr := conn.Exec(ctx, "DROP DATABASE "+quote(fresh)+" WITH (FORCE)")
		return errors.Join(fmt.Errorf("migrate the template: %w", err), dropErr)
	}
	// If nobody can connect to it, nothing can prevent cloning it.
	for _, statement := range []string{
		"ALTER DATABASE " + quote(fresh) + " WITH ALLOW_CONNECTIONS false",
		"ALTER DATABASE " + quote(fresh) + " RENAME TO " + quote(t.name),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("finish the template: %w", err)
		}
	}
	return nil
}

// fingerprint names a set of migrations: 64 bits of SHA-256 over their names and texts.
func fingerprint() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(migrations.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.FS, path)
		fmt.Fprintf(hash, "%s\x00%d\x00%s", path, len(text), text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

// execute runs one statement on a connection of its own.
func execute(server, statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		return "", errors.New("TEST_DATABASE_URL is no URL of the form postgres://user:password@host:5432/name")
	}
	u.Path = "/" + name
	return u.String(), nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

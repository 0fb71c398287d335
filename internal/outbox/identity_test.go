package outbox

import (
	"context"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func migrate(t *testing.T, dsn string) {
	t.Helper()
	_, err := postgres.Migrate(t.Context(), dsn)
	must(t, err)
}

// tool runs one of PostgreSQL's programs, the newest version installed.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	must(t, err)
	if path, err := exec.LookPath(name); err == nil && len(found) == 0 {
		found = []string{path}
	}
	if len(found) == 0 {
		t.Skipf("%s is not installed", name)
	}
	if out, err := exec.CommandContext(t.Context(), slices.Max(found), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// identityOf asks as an instance that starts now would.
func identityOf(t *testing.T, dsn string) (identity string) {
	t.Helper()
	f := newFixture(t, dsn)
	f.opt.NewDatabase = func(_ context.Context, is string) error { identity = is; return nil }
	must(t, f.see(t.Context()))
	must(t, f.db.Close())
	return identity
}

// TestARestoredDatabaseIsAnother, whatever the dump brought along.
func TestARestoredDatabaseIsAnother(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	dsn := pg.URLOf("restored")
	admin := beside(t, pg.URL())
	run := func(c *pgx.Conn, sql string) {
		t.Helper()
		_, err := c.Exec(t.Context(), sql)
		must(t, err)
	}
	run(admin, "CREATE DATABASE restored")
	migrate(t, dsn)
	dump := filepath.Join(t.TempDir(), "dump")
	tool(t, "pg_dump", "--format=custom", "--file="+dump, dsn)
	seen := []string{identityOf(t, dsn)}
	if again := identityOf(t, dsn); again != seen[0] {
		t.Fatalf("%q, then %q: it is not stable", seen[0], again)
	}
	// The parts of an identity: its name, the database's number, its outbox's, the cluster, the timeline.
	for _, c := range []struct {
		name    string
		changes []int
		restore func()
	}{
		{"database made anew", []int{0, 1, 2}, func() {
			run(admin, "DROP DATABASE restored WITH (FORCE)")
			run(admin, "CREATE DATABASE restored")
			tool(t, "pg_restore", "--dbname="+dsn, dump)
		}},
		{"tables made anew", []int{0, 2}, func() { tool(t, "pg_restore", "--clean", "--dbname="+dsn, dump) }},
		{"rows alone", []int{0}, func() {
			c := beside(t, dsn)
			run(c, "TRUNCATE cache_region, cache_database, goose_db_version")
			tool(t, "pg_restore", "--data-only", "--disable-triggers", "--dbname="+dsn, dump)
		}},
	} {
		before := name(t, dsn)
		c.restore()
		is := identityOf(t, dsn)
		if after := name(t, dsn); after != before {
			t.Errorf("%s: the dump brought %s, not %s: nothing is proved", c.name, after, before)
		}
		if slices.Contains(seen, is) {
			t.Errorf("%s: taken for the database that was there before: %s", c.name, is)
		}
		was := strings.Split(seen[len(seen)-1], ":")
		for part, now := range strings.Split(is, ":") {
			if (now != was[part]) != slices.Contains(c.changes, part) {
				t.Errorf("%s: part %d was %s and is %s", c.name, part, was[part], now)
			}
		}
		seen = append(seen, is)
	}
}

// name is the part of the identity that travels with a dump.
func name(t *testing.T, dsn string) (id string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer c.Close(context.Background())
	must(t, c.QueryRow(t.Context(), "SELECT id::text FROM cache_database").Scan(&id))
	return id
}

// TestAnyRoleMayAskForTheIdentity: the service's role need not be the owner, and the owner need not see the cluster.
func TestAnyRoleMayAskForTheIdentity(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	migrate(t, pg.URL())
	admin := beside(t, pg.URL())
	for _, sql := range []string{
		"CREATE ROLE served LOGIN PASSWORD 'served'", "GRANT SELECT, UPDATE, DELETE ON cache_outbox TO served", "CREATE ROLE owner",
		"GRANT SELECT ON cache_database TO owner",
	} {
		_, err := admin.Exec(t.Context(), sql)
		must(t, err)
	}
	u, err := url.Parse(pg.URL())
	must(t, err)
	u.User = url.UserPassword("served", "served")
	parts := strings.Split(identityOf(t, u.String()), ":")
	if len(parts) != 5 || slices.Contains(parts, "") {
		t.Errorf("identity %q: a part is missing", parts)
	}
	for _, sql := range []string{
		"REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", "GRANT CREATE ON SCHEMA public TO owner",
		"ALTER FUNCTION cache_database_identity() OWNER TO owner",
	} {
		_, err := admin.Exec(t.Context(), sql)
		must(t, err)
	}
	without := strings.Split(identityOf(t, u.String()), ":")
	if want := append(slices.Clone(parts[:3]), "", parts[4]); !slices.Equal(without, want) {
		t.Errorf("where the cluster may not be asked for: %q, want %q", without, want)
	}
}

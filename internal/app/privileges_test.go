package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

// as is an address with another user, and another database if one is given.
func as(t *testing.T, address, user, password, database string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	if database != "" {
		u.Path = "/" + database
	}
	return u.String()
}

// splitRoles makes an empty database with the roles of deploy/init/roles.sql under other names, because roles belong to the
// server.
func splitRoles(t *testing.T) (owner, service string) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	super := testkit.Database(t)
	ctx := context.Background()
	db, err := pgx.Connect(ctx, super)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	if err := db.QueryRow(ctx, `SELECT current_database() || '_split'`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	run := func(sql string) {
		t.Helper()
		if _, err := db.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	run(`CREATE DATABASE ` + name)
	t.Cleanup(func() {
		run(`DROP DATABASE ` + name + ` WITH (FORCE)`)
		run(`DROP ROLE ` + name + `_owner`)
		run(`DROP ROLE ` + name)
		_ = db.Close(ctx)
	})
	script, err := os.ReadFile("../../deploy/init/roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(super)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	cmd := exec.CommandContext(t.Context(), psql, "--no-psqlrc", "--quiet", u.String())
	cmd.Stdin = strings.NewReader(strings.NewReplacer("openlearn_owner", name+"_owner", "ROLE openlearn ", "ROLE "+name+" ", "TO openlearn;", "TO "+name+";").Replace(string(script)))
	cmd.Env = append(os.Environ(), "OWNER_PASSWORD=owner-password", "SERVICE_PASSWORD=service-password")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("roles.sql: %v\n%s", err, out)
	}
	return as(t, super, name+"_owner", "owner-password", name), as(t, super, name, "service-password", name)
}

// TestTheServiceNeedsNoOwnership: one role migrates and another serves, and the second cannot do what it may not.
func TestTheServiceNeedsNoOwnership(t *testing.T) {
	t.Parallel()
	owner, service := splitRoles(t)
	if n, err := postgres.Migrate(t.Context(), owner); err != nil || n < 6 {
		t.Fatalf("%d migrations, %v", n, err)
	}
	if n, err := postgres.Migrate(t.Context(), service); err != nil || n != 0 { // as `serve` does
		t.Errorf("nothing is pending: %d, %v", n, err)
	}
	cfg := testConfigOn(t, service, testkit.RedisURL(t))
	a := newTestApp(t, func(c *Config) { *c = cfg })
	a.awaitGate()
	id := a.create("Uno", "El Tiempo", "")
	path := fmt.Sprintf("/api/articles/%d", id)
	a.get(path)
	a.admin("PATCH", path, `{"title": "Dos"}`, 200)
	if r := a.get(path); !strings.Contains(string(r.body), "Dos") {
		t.Errorf("after a change: %s", r.body)
	}
	a.admin("POST", "/api/cache/invalidate/all", "", 200)
	a.admin("DELETE", path, "", 204)

	db, err := pgx.Connect(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	for _, sql := range []string{
		`DROP TABLE scraped_content`, `TRUNCATE scraped_content`, `ALTER TABLE scraped_content DISABLE TRIGGER record_update`, `CREATE TABLE mine (id int)`,
		`DROP FUNCTION record_change() CASCADE`, `CREATE ROLE other`, `SET session_replication_role = replica`, `COPY scraped_content TO PROGRAM 'true'`,
	} {
		if _, err := db.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "SQLSTATE 42501") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	as, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer as.Close(context.Background())
	if _, err := as.Exec(t.Context(), `CREATE TABLE later (id bigserial, x int)`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `INSERT INTO later (x) VALUES (1)`); err != nil {
		t.Errorf("a table of a later migration: %v", err)
	}
}

// TestTheServiceNeedsNoDangerousCommands: the user of deploy/init/users.acl can do everything that the service needs in
// Redis, and nothing that would harm it.
func TestTheServiceNeedsNoDangerousCommands(t *testing.T) {
	t.Parallel()
	server := testkit.RedisServer(t)
	super := redis.NewClient(must(redis.ParseURL(server.URL()))(t))
	defer super.Close()
	lines, err := os.ReadFile("../../deploy/init/users.acl")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("cache-password"))
	for line := range strings.Lines(strings.ReplaceAll(string(lines), "PASSWORD_SHA256", hex.EncodeToString(sum[:]))) {
		words := []any{"ACL", "SETUSER"}
		for _, w := range strings.Fields(line)[1:] {
			words = append(words, w)
		}
		if words[2] == "default" {
			continue // from this test: it reads the log
		}
		if err := super.Do(t.Context(), words...).Err(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	address := as(t, server.URL(), "openlearn", "cache-password", "")
	a, id := withArticle(t, "Uno", "El Tiempo", func(c *Config) { c.Redis.URL = address })
	path := fmt.Sprintf("/api/articles/%d", id)
	a.get(path)
	a.get("/api/articles?limit=5")
	a.admin("PATCH", path, `{"title": "Dos"}`, 200)
	a.get("/metrics")
	for _, route := range []string{"/stats", "/metrics", "/layers", "/hot", "/keys?layer=article", "/key/article/1", "/dependencies/articles", "/audit", "/performance/comparison"} {
		if r := a.get("/api/cache"+route, "X-API-Key", testAdminKey); r.StatusCode >= 500 {
			t.Errorf("%s: %d", route, r.StatusCode)
		}
	}
	a.get("/health/cache")
	a.admin("POST", "/api/cache/invalidate", `{"layer": "content", "pattern": "*"}`, 200)
	a.admin("POST", "/api/cache/invalidate/all", "", 200)
	log, err := super.ACLLog(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range log {
		t.Errorf("the service was refused: %+v", *e)
	}

	own := redis.NewClient(must(redis.ParseURL(address))(t))
	defer own.Close()
	for _, command := range []string{"FLUSHALL", "FLUSHDB", "CONFIG GET maxmemory", "CONFIG SET maxmemory 1", "DEBUG SLEEP 0", "KEYS *", "SCRIPT FLUSH", "SHUTDOWN NOSAVE", "ACL LIST", "MONITOR", "REPLICAOF no one", "SAVE", "CLIENT KILL TYPE normal", "MODULE LIST", "SWAPDB 0 1", "FUNCTION LIST"} {
		words := []any{}
		for w := range strings.FieldsSeq(command) {
			words = append(words, w)
		}
		// Redis refuses DEBUG to everyone before it checks the user.
		if err := own.Do(t.Context(), words...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") && words[0] != "DEBUG" {
			t.Errorf("%s: %v", command, err)
		}
	}
	health := redis.NewClient(must(redis.ParseURL(as(t, server.URL(), "health", "any", "")))(t))
	defer health.Close()
	if err := health.Ping(t.Context()).Err(); err != nil {
		t.Errorf("ping as health: %v", err)
	}
	if err := health.Get(t.Context(), "x").Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("get as health: %v", err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestSecretsComeFromFiles: no password needs to be in the environment.
func TestSecretsComeFromFiles(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"DATABASE_URL": "postgres://u:p@localhost/db", "REDIS_PASSWORD": "r", "ADMIN_API_KEY": testAdminKey} {
		if err := os.WriteFile(dir+"/"+name, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, "")
		t.Setenv(name+"_FILE", dir+"/"+name)
	}
	t.Setenv("REDIS_USERNAME", "openlearn")
	c, err := LoadConfig()
	if err != nil || c.Database.URL != "postgres://u:p@localhost/db" || c.Database.Owner() != c.Database.URL || c.Guard.Key != testAdminKey {
		t.Fatalf("%v", err)
	}
	if o, err := c.Redis.options(); err != nil || o.Username != "openlearn" || o.Password != "r" {
		t.Errorf("Redis: %v", err)
	}
}

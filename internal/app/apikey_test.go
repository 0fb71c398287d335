package app

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"openlearn/internal/guard"
	"openlearn/internal/httpapi"
	"openlearn/internal/testkit"
)

// newKey makes a key and waits until nothing is being invalidated.
func (a *testApp) newKey(role httpapi.Role) (string, guard.Key) {
	a.t.Helper()
	text, k, pending, err := a.Keys.Create(a.t.Context(), "a machine", role, time.Time{})
	if err != nil || pending {
		a.t.Fatal(pending, err)
	}
	return text, k
}

// TestAPIKeys: a machine has its role's rights and a user's limits; a revoked key is refused by the next request on every
// instance, whoever revoked it and however.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, limitedTo(1000, 1000))
	b := newTestApp(t, limitedTo(1000, 1000, func(c *Config) { c.Database.URL, c.Redis.URL = a.cfg.Database.URL, a.cfg.Redis.URL }))
	a.awaitGate()
	b.awaitGate()
	for role, want := range map[httpapi.Role]int{httpapi.Admin: 200, httpapi.Analyst: 403, httpapi.Learner: 403} {
		key, made := a.newKey(role)
		for _, x := range []*testApp{a, b} {
			for _, headers := range [][]string{{"X-API-Key", key}, {"Authorization", "Bearer " + key}} {
				if r := x.get("/api/cache/hot", headers...); r.StatusCode != want {
					t.Errorf("%s: %d, want %d: %s", role, r.StatusCode, want, r.body)
				}
				if r := x.get("/api/articles", headers...); r.StatusCode != 200 || field(t, r, "X-RateLimit-Limit-Minute") != 300 {
					t.Errorf("%s: %d, limit %s", role, r.StatusCode, r.Header.Get("X-RateLimit-Limit-Minute"))
				}
			}
		}
		if _, pending, err := a.Keys.Revoke(t.Context(), made.ID); err != nil || pending {
			t.Fatal(pending, err)
		}
		for _, x := range []*testApp{a, b} {
			if r := x.get("/api/cache/hot", "X-API-Key", key); r.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, revoked: %d", role, r.StatusCode)
			}
		}
	}
	key, made := a.newKey(httpapi.Admin)
	if r := b.get("/api/cache/hot", "X-API-Key", key); r.StatusCode != 200 {
		t.Errorf("%d", r.StatusCode)
	}
	if _, err := a.db.Pool.Exec(t.Context(), `UPDATE api_keys SET revoked_at = now() WHERE id = $1`, made.ID); err != nil {
		t.Fatal(err)
	}
	a.settle()
	for _, x := range []*testApp{a, b} {
		if r := x.get("/api/cache/hot", "X-API-Key", key); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("revoked with SQL: %d", r.StatusCode)
		}
	}
}

// TestAPIKeysWithoutRedis: they are looked up in PostgreSQL, and a key revoked meanwhile is accepted nowhere, also not by a
// Redis that is back, or that refuses writes.
func TestAPIKeysWithoutRedis(t *testing.T) {
	t.Parallel()
	server := testkit.RedisServer(t)
	a := newTestApp(t, func(c *Config) { c.Redis.URL = server.URL() })
	b := newTestApp(t, func(c *Config) { c.Database.URL, c.Redis.URL = a.cfg.Database.URL, server.URL() })
	a.awaitGate()
	b.awaitGate()
	var keys [2]string
	var made [2]guard.Key
	for i := range keys {
		keys[i], made[i] = a.newKey(httpapi.Admin)
	}
	check := func(when string, i, want int) {
		t.Helper()
		for _, x := range []*testApp{a, b} {
			if r := x.get("/api/cache/audit", "X-API-Key", keys[i]); r.StatusCode != want {
				t.Errorf("%s: key %d: %d, want %d", when, i, r.StatusCode, want)
			}
		}
	}
	check("before", 0, 200)
	check("before", 1, 200)
	rdb := a.redis
	if err := rdb.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Keys.Revoke(t.Context(), made[0].ID); err != nil {
		t.Fatal(err)
	}
	check("Redis refuses writes", 0, 401)
	check("Redis refuses writes", 1, 200)
	if err := rdb.ConfigSet(t.Context(), "min-replicas-to-write", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Keys.Revoke(t.Context(), made[1].ID); err != nil {
		t.Fatal(err)
	}
	check("Redis hangs", 1, 401)
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	check("Redis is back", 1, 401)
	a.awaitGate()
	check("Redis is back", 0, 401)
}

// TestKeysThatAreNotValid: expired and invented ones, which count as guesses, and whose texts are told nowhere.
func TestKeysThatAreNotValid(t *testing.T) {
	t.Parallel()
	a, said := loggedApp(t, limitedTo(1000, 1000))
	soon, _, _, err := a.Keys.Create(t.Context(), "short", httpapi.Admin, time.Now().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the key has expired", func() bool {
		return a.get("/api/cache/hot", "X-API-Key", soon).StatusCode != http.StatusOK
	})
	key, _ := a.newKey(httpapi.Admin)
	guess := guard.KeyPrefix + strings.Repeat("x", 43)
	statuses := map[int]int{}
	for i := range 30 {
		path := []string{"/api/cache/hot", "/api/articles"}[i%2]
		statuses[a.get(path, "X-API-Key", guess).StatusCode]++
	}
	if statuses[429] < 20 || statuses[401] > 5 {
		t.Errorf("30 guesses: %v", statuses)
	}
	if r := a.get("/api/cache/hot", "X-API-Key", key); r.StatusCode != 200 {
		t.Errorf("a right key: %d", r.StatusCode)
	}
	shown := said.String() + string(a.get("/metrics").body)
	if keys, err := a.redis.Keys(t.Context(), "*").Result(); err != nil {
		t.Error(err)
	} else {
		for _, k := range keys {
			v, _ := a.redis.Dump(t.Context(), k).Result()
			shown += k + v
		}
	}
	for _, secret := range []string{key[8:], soon[8:], guess[4:]} {
		if strings.Contains(shown, secret) {
			t.Errorf("a key is told: %s", secret)
		}
	}
	for _, wrong := range []struct {
		name    string
		role    httpapi.Role
		expires time.Time
	}{{"", httpapi.Admin, time.Time{}}, {strings.Repeat("ñ", 101), httpapi.Admin, time.Time{}}, {"a\nb", httpapi.Admin, time.Time{}}, {"x", "root", time.Time{}}, {"x", httpapi.Admin, time.Now().Add(-time.Hour)}} {
		if _, _, _, err := a.Keys.Create(t.Context(), wrong.name, wrong.role, wrong.expires); err == nil {
			t.Errorf("%+v is a key", wrong)
		}
	}
}

// TestAPIKeyCommand goes through a key's life as an operator does.
func TestAPIKeyCommand(t *testing.T) { //nolint:paralleltest // it sets the environment
	a := newTestApp(t)
	a.awaitGate()
	t.Setenv("DATABASE_URL", a.cfg.Database.URL)
	t.Setenv("REDIS_URL", a.cfg.Redis.URL)
	run := func(args ...string) (out, errs string, err error) {
		var o, e bytes.Buffer
		err = Run(t.Context(), "test", append([]string{"apikey"}, args...), &o, &e)
		return o.String(), e.String(), err
	}
	key, told, err := run("create", "--name", "harvester", "--role", "admin", "--expires", "90d")
	key = strings.TrimSpace(key)
	if err != nil || !strings.HasPrefix(key, guard.KeyPrefix) || strings.Contains(told, key) {
		t.Fatalf("%q %q %v", key, told, err)
	}
	if r := a.get("/api/cache/hot", "X-API-Key", key); r.StatusCode != 200 {
		t.Errorf("the new key: %d", r.StatusCode)
	}
	if err := a.Keys.Jobs()[0].Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, _, err := run("list")
	if err != nil || !strings.Contains(list, "harvester") || !strings.Contains(list, "valid") || strings.Contains(list, key) || !strings.Contains(list, time.Now().UTC().Format("2006-01-02")) {
		t.Errorf("%s %v", list, err)
	}
	lines, _, err := run("list", "--json")
	if err != nil || !strings.Contains(lines, `"role":"admin"`) || strings.Contains(lines, key) {
		t.Errorf("%s %v", lines, err)
	}
	all, err := a.Keys.List(t.Context())
	if err != nil || len(all) != 1 || all[0].UsedAt == nil {
		t.Fatalf("%+v %v", all, err)
	}
	if out, _, err := run("revoke", fmt.Sprint(all[0].ID)); err != nil || !strings.Contains(out, "harvester") {
		t.Errorf("%s %v", out, err)
	}
	if r := a.get("/api/cache/hot", "X-API-Key", key); r.StatusCode != 401 {
		t.Errorf("the revoked key: %d", r.StatusCode)
	}
	if list, _, err := run("list"); err != nil || !strings.Contains(list, "revoked") {
		t.Errorf("%s %v", list, err)
	}
	for _, wrong := range [][]string{{}, {"make"}, {"create"}, {"create", "--name", "x", "--role", "root"}, {"create", "--name", "x", "--expires", "soon"}, {"revoke"}, {"revoke", "one"}} {
		if _, _, err := run(wrong...); err == nil || ExitCode(err) != 2 {
			t.Errorf("apikey %v: %v", wrong, err)
		}
	}
	if _, _, err := run("revoke", "99"); err == nil || ExitCode(err) != 1 {
		t.Errorf("a key that is not there: %v", err)
	}
}

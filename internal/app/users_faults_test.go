package app

import (
	"net/http"
	"testing"

	"openlearn/internal/devstack"
	"openlearn/internal/testkit"
)

// TestRevokedWhileRedisFails: Redis refuses writes, or is away. What is revoked then is refused by every instance from the moment
// that the revocation is answered, although both had it in their caches; and who is not revoked is served from PostgreSQL.
func TestRevokedWhileRedisFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(t *testing.T, a *testApp, server *devstack.Redis){
		"Redis refuses writes": func(t *testing.T, a *testApp, _ *devstack.Redis) {
			for _, set := range [][]any{{"maxmemory-policy", "noeviction"}, {"maxmemory", "1"}} {
				if err := a.redis.Do(t.Context(), "CONFIG", "SET", set[0], set[1]).Err(); err != nil {
					t.Fatal(err)
				}
			}
		},
		"Redis is away": func(t *testing.T, _ *testApp, server *devstack.Redis) {
			if err := server.Pause(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := server.Resume(); err != nil {
					t.Error(err)
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testkit.RedisServer(t)
			a := newTestApp(t, func(c *Config) { c.Redis.URL = server.URL() })
			b := newTestApp(t, func(c *Config) { c.Database, c.Redis = a.cfg.Database, a.cfg.Redis })
			a.awaitGate()
			b.awaitGate()
			p, stays := a.member("ana@example.org"), a.member("eva@example.org")
			gone, kept := "Bearer "+p.cookie("/", "access_token"), "Bearer "+stays.cookie("/", "access_token")
			me := func(on *testApp, bearer string) int {
				return on.get("/api/auth/me", "Authorization", bearer).StatusCode
			}
			for range 3 {
				for _, bearer := range []string{gone, kept} {
					if me(a, bearer) != 200 || me(b, bearer) != 200 {
						t.Fatal("the tokens do not work before")
					}
				}
			}
			fail(t, a, server)
			r := a.do(http.MethodPost, "/api/auth/logout", "", "Authorization", gone)
			if r.StatusCode != http.StatusOK {
				t.Fatalf("logout: %d %s", r.StatusCode, r.body)
			}
			for range 5 {
				if ga, gb := me(a, gone), me(b, gone); ga != 401 || gb != 401 {
					t.Fatalf("what was revoked gives %d and %d", ga, gb)
				}
			}
			if ka, kb := me(a, kept), me(b, kept); ka != 200 || kb != 200 {
				t.Errorf("what was not revoked gives %d and %d", ka, kb)
			}
		})
	}
}

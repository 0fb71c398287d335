package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

// TestAStoredChangeIsNeverShownStale: Redis answers but refuses writes, so entries cannot be invalidated. The change is
// answered once no instance shows the old state, and the answer says so.
func TestAStoredChangeIsNeverShownStale(t *testing.T) {
	t.Parallel()
	rd := testkit.RedisServer(t)
	a, id := withArticle(t, "antes", "S", func(c *Config) { c.Redis.URL = rd.URL() })
	b := newTestApp(t, func(c *Config) { c.Database.URL, c.Redis.URL = a.cfg.Database.URL, rd.URL() })
	b.awaitGate()
	path := fmt.Sprint("/api/articles/", id)
	for _, x := range []*testApp{a, b} {
		testkit.Eventually(t, "hits", func() bool { return x.get(path).Header.Get("X-Cache") == "HIT" })
	}
	o, err := redis.ParseURL(rd.URL())
	if err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(o)
	defer admin.Close()
	set := func(maxmemory string) {
		t.Helper()
		if err := admin.ConfigSet(t.Context(), "maxmemory", maxmemory).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := admin.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	set("1")
	for i := range 3 {
		title := fmt.Sprint("después ", i)
		r := a.admin(http.MethodPatch, path, fmt.Sprintf(`{"title": %q}`, title), http.StatusOK)
		if got := r.Header.Get("X-Invalidation"); got != "pending" {
			t.Errorf("X-Invalidation %q", got)
		}
		for range 5 {
			for _, x := range []*testApp{a, b} {
				if r := x.get(path); !strings.Contains(string(r.body), title) {
					t.Errorf("after the answer: %s %.200s", r.Header.Get("X-Cache"), r.body)
				}
			}
		}
	}
	if n := metric(t, a, "cache_outbox_pending_total"); n != 3 {
		t.Errorf("cache_outbox_pending_total %v", n)
	}
	set("0")
	testkit.Eventually(t, "hits again", func() bool {
		r := b.get(path)
		if !strings.Contains(string(r.body), "después 2") {
			t.Fatalf("once Redis takes writes: %.200s", r.body)
		}
		return r.Header.Get("X-Cache") == "HIT"
	})
	if got := a.admin(http.MethodDelete, path, "", http.StatusNoContent).Header.Get("X-Invalidation"); got != "" {
		t.Errorf("X-Invalidation %q of a change that caches were told of", got)
	}
}

// TestAStoredChangeThatNobodyCanVouchForIsA503: it says what is stored and when to come back.
func TestAStoredChangeThatNobodyCanVouchForIsA503(t *testing.T) {
	t.Parallel()
	pg, rd := testkit.Postgres(t), testkit.RedisServer(t)
	if _, err := postgres.Migrate(t.Context(), pg.URL()); err != nil {
		t.Fatal(err)
	}
	a := newTestApp(t, func(c *Config) { c.Database.URL, c.Redis.URL = pg.URL(), rd.URL() })
	a.awaitGate()
	if err := rd.Pause(); err != nil {
		t.Fatal(err)
	}
	answer := make(chan reply, 1)
	go func() {
		answer <- a.do(http.MethodPost, "/api/articles", `{"source": "S", "title": "uno", "content": "uno dos tres"}`, "X-API-Key", testAdminKey)
	}()
	testkit.Eventually(t, "it is committed", func() bool {
		var n int
		err := a.db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM scraped_content").Scan(&n)
		return err == nil && n == 1
	})
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	r := <-answer
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || r.Header.Get("X-Invalidation") != "pending" ||
		r.Header.Get("Location") != "https://api.example.org/api/articles/1" || !strings.Contains(string(r.body), "The change is stored") {
		t.Errorf("%d %v %s", r.StatusCode, r.Header, r.body)
	}
	if err := rd.Resume(); err != nil {
		t.Fatal(err)
	}
}

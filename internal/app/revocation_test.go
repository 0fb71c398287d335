package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"openlearn/internal/devstack"
	"openlearn/internal/testkit"
	"openlearn/internal/users"
)

// newModel starts two instances on one PostgreSQL and one Redis, with accounts that nobody has registered yet.
func newModel(t *testing.T, accounts int) (*model, []*account, *devstack.Redis) {
	t.Helper()
	server := testkit.RedisServer(t)
	change := func(c *Config) {
		c.Redis.URL = server.URL()
		c.testing.limits = users.DefaultLimits
		c.testing.limits.Signup.Most = 1_000_000
	}
	a := newTestApp(t, change)
	b := newTestApp(t, change, func(c *Config) { c.Database = a.cfg.Database })
	a.awaitGate()
	b.awaitGate()
	root := a.member("root@example.org")
	a.sql(`UPDATE users SET role = 'admin' WHERE email_key = 'root@example.org'`)
	a.settle()
	m := &model{
		t: t, instances: []*testApp{a, b}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}, root: root.cookie("/", "access_token"),
		defaults: root.want(http.StatusOK, http.MethodGet, "/api/preferences", "").json(t).(map[string]any),
	}
	t.Cleanup(m.client.CloseIdleConnections)
	all := make([]*account, accounts)
	for i := range all {
		all[i] = &account{email: fmt.Sprintf("p%d@example.org", i)}
		all[i].standing.Store(&standing{})
		all[i].claims.Store(&[]*claim{})
	}
	return m, all, server
}

// run changes and reads until it is stopped.
func (m *model) run(all []*account, readers int) (stop func()) {
	ctx, cancel := context.WithCancel(m.t.Context())
	var wg sync.WaitGroup
	for _, u := range all {
		wg.Go(func() { m.work(ctx, u) })
	}
	for range readers {
		wg.Go(func() {
			for ctx.Err() == nil {
				m.read(ctx, all)
				time.Sleep(time.Millisecond) // the machine has others to serve
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// until waits for changes to be acknowledged. It gives up on a violation, and on a world that stands still.
func (m *model) until(changes int64) {
	m.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for from := m.changes.Load(); m.changes.Load() < from+changes && len(m.violations()) == 0; {
		if time.Now().After(deadline) {
			m.t.Fatalf("%d of %d changes, %d unsure", m.changes.Load()-from, changes, m.unsure.Load())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// untilServed goes on with the changes until enough reads were served. Which reads those are is left to chance, so a number of changes
// promises none; a service that serves nobody fails.
func (m *model) untilServed(when string, enough func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !enough() && len(m.violations()) == 0; {
		if time.Now().After(deadline) {
			m.t.Fatalf("%s: too few were served: %d of %d reads, %d of them judged", when, m.served.Load(), m.reads.Load(), m.judged.Load())
		}
		m.until(1)
	}
}

// mishap is something that happens to Redis, and its end.
type mishap struct {
	name       string
	begin, end func() error
}

func mishaps(ctx context.Context, m *model, server *devstack.Redis) []mishap {
	set := func(pairs ...string) func() error {
		return func() error {
			for i := 0; i < len(pairs); i += 2 {
				if err := m.instances[0].redis.ConfigSet(ctx, pairs[i], pairs[i+1]).Err(); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return []mishap{
		{"Redis refuses writes", set("maxmemory-policy", "noeviction", "maxmemory", "1"), set("maxmemory", "0", "maxmemory-policy", "allkeys-lru")},
		{"Redis hangs", server.Pause, server.Resume},
		{"Redis refuses connections", server.Kill, func() error { return server.Start(ctx) }},
		{"Redis wants a replica", set("min-replicas-to-write", "1"), set("min-replicas-to-write", "0")},
		{"Redis stops and starts", func() error { return server.Shutdown(ctx) }, func() error { return server.Start(ctx) }},
	}
}

// TestNothingRevokedIsAccepted: three accounts' rights end and change in every way that there is, by the API of two instances and in
// psql, while others use their tokens on both; Redis is well, refuses writes, hangs, and is away. Nothing is accepted that was
// revoked before the request began, no right is refused that is in force, and no setting is stale. One round, or as long as
// OPENLEARN_VERIFY says.
func TestNothingRevokedIsAccepted(t *testing.T) {
	t.Parallel()
	m, all, server := newModel(t, 3)
	limit := time.Now()
	if text := os.Getenv("OPENLEARN_VERIFY"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("OPENLEARN_VERIFY: %v", err)
		}
		limit = limit.Add(min(d, 25*time.Minute)) // the admin's token lives for half an hour
	}
	stop := m.run(all, 3)
	defer stop()
	for round := 0; round == 0 || time.Now().Before(limit); round++ {
		m.until(int64(len(changes())) + 6) // of three accounts that shuffle them: of many ways
		for _, bad := range mishaps(t.Context(), m, server) {
			before := m.served.Load()
			if err := bad.begin(); err != nil {
				t.Fatal(err)
			}
			m.until(4)
			m.untilServed(bad.name, func() bool { return m.served.Load() > before })
			if err := bad.end(); err != nil {
				t.Fatal(err)
			}
			if wrong := m.violations(); len(wrong) > 0 {
				t.Fatalf("%s, round %d:\n%v", bad.name, round, wrong)
			}
			for _, a := range m.instances {
				a.awaitGate()
			}
			m.until(2)
		}
	}
	m.untilServed("all in all", func() bool { return m.judged.Load() >= 500 && m.served.Load() >= 100 })
	stop()
	if wrong := m.violations(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	t.Logf("%d reads, of which %d had one right answer and %d found a right in force; %d changes, and %d of which nobody knows",
		m.reads.Load(), m.judged.Load(), m.served.Load(), m.changes.Load(), m.unsure.Load())
}

// TestTheModelOfRevocationsBites: without the triggers on the tables of accounts, what was revoked goes on being accepted, and the
// same readers notice.
func TestTheModelOfRevocationsBites(t *testing.T) {
	t.Parallel()
	m, all, _ := newModel(t, 2)
	for _, table := range []string{"users", "user_sessions", "user_preferences"} {
		m.instances[0].sql(`ALTER TABLE ` + table + ` DISABLE TRIGGER USER`)
	}
	stop := m.run(all, 3)
	defer stop()
	m.until(200)
	if len(m.violations()) == 0 {
		t.Error("nothing was noticed")
	}
}

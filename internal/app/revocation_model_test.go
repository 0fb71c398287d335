package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The model of who may do what. A change makes what it touches uncertain before it begins, and certain once it was acknowledged.
// A read looks at the model before and after: if nothing was uncertain or changed between, there is one right answer.

// claim is a token that somebody holds.
type claim struct {
	bearer, session string
	state           atomic.Int32
}

// States of a claim. One that is dead stays so.
const (
	alive int32 = iota
	uncertain
	dead
)

// standing is what an account is, beside its tokens. A new one replaces it.
type standing struct {
	certain bool
	role    string
	goal    int // of its preferences
}

// account is one of the model.
type account struct {
	email string
	id    int64

	standing atomic.Pointer[standing]
	claims   atomic.Pointer[[]*claim] // the newest last; some dead ones among them
}

// held are the claims that are alive, the newest first.
func (u *account) held() (all []*claim) {
	for _, c := range *u.claims.Load() {
		if c.state.Load() == alive {
			all = append([]*claim{c}, all...)
		}
	}
	return all
}

// mostClaims bounds the claims that readers try.
const mostClaims = 8

func (u *account) hold(c *claim) {
	all := append(append([]*claim{}, *u.claims.Load()...), c)
	all = all[max(0, len(all)-mostClaims):]
	u.claims.Store(&all)
}

// model is the world of one test: two instances, accounts, and what was found.
type model struct {
	t         testing.TB
	instances []*testApp
	client    *http.Client
	root      string         // an admin's token
	defaults  map[string]any // preferences

	reads, judged, served atomic.Int64 // all, those with one right answer, and those that found a right in force
	changes               atomic.Int64 // acknowledged
	unsure                atomic.Int64 // changes of which nobody knows

	mu    sync.Mutex
	wrong []string
}

func (m *model) violation(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *model) violations() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.wrong...)
}

// ask sends a request to one of the instances.
func (m *model) ask(ctx context.Context, on int, method, path, body, bearer string) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, m.instances[on].base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := m.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// read tries one claim of one account on one instance, and judges the answer.
func (m *model) read(ctx context.Context, all []*account) {
	u := all[rand.IntN(len(all))]
	claims := *u.claims.Load()
	if len(claims) == 0 {
		return
	}
	c, on := claims[rand.IntN(len(claims))], rand.IntN(len(m.instances))
	path := []string{"/api/auth/verify-token", "/api/preferences", "/api/users?limit=1"}[rand.IntN(3)]
	before, state := u.standing.Load(), c.state.Load()
	status, body, err := m.ask(ctx, on, http.MethodGet, path, "", c.bearer)
	after, stateAfter := u.standing.Load(), c.state.Load()
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		m.violation("%s: %v", path, err)
		return
	}
	m.reads.Add(1)
	said := fmt.Sprintf("%s of %s on instance %d: %d %.200s", path, u.email, on, status, body)
	if status == http.StatusServiceUnavailable {
		return // which grants nothing
	}
	switch {
	case state == dead:
		m.judged.Add(1)
		if status != http.StatusUnauthorized && status != http.StatusForbidden {
			m.violation("a revoked token is accepted: %s", said)
		}
	case state == alive && stateAfter == alive:
		m.judged.Add(1)
		if before != after || !before.certain {
			if status == http.StatusUnauthorized {
				m.violation("a good token is refused: %s", said)
			}
			return
		}
		m.served.Add(1)
		m.judge(before, path, status, body, said)
	}
}

// judge looks at the answer to a good token of an account that did not change meanwhile.
func (m *model) judge(is *standing, path string, status int, body []byte, said string) {
	want := http.StatusOK
	if strings.HasPrefix(path, "/api/users") && is.role != "admin" {
		want = http.StatusForbidden
	}
	if status != want {
		m.violation("the role is %s, want %d: %s", is.role, want, said)
	}
	if path != "/api/preferences" || status != http.StatusOK {
		return
	}
	var p struct {
		Learning struct {
			Goal int `json:"dailyVocabGoal"`
		} `json:"learning"`
	}
	if err := json.Unmarshal(body, &p); err != nil || p.Learning.Goal != is.goal {
		m.violation("the goal is %d: %v, %d of %s", is.goal, err, p.Learning.Goal, said)
	}
}

// pending reports whether a transaction's changes are recorded and not yet applied, and for how long.
func (m *model) pending(ctx context.Context, tx string) (n int, age time.Duration, err error) {
	var seconds float64
	err = m.instances[0].db.Pool.QueryRow(ctx, `SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8 FROM cache_outbox WHERE tx = $1::text::xid8`, tx).Scan(&n, &seconds)
	return n, time.Duration(seconds * float64(time.Second)), err
}

// closedFor is how old a recorded change is at the latest when all gates have closed because of it.
const closedFor = 2 * time.Second

// psql changes rows without the service, and returns when its promise holds: the change is applied, or has been waiting for so
// long that no instance reads its cache.
func (m *model) psql(ctx context.Context, sql string, args ...any) error {
	tx, err := m.instances[0].db.Pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit there is nothing to roll back
	var id string
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT pg_current_xact_id()::text`).Scan(&id); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		n, age, err := m.pending(ctx, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if age > closedFor && !m.instances[0].outbox.MayServe() && !m.instances[1].outbox.MayServe() {
			return nil
		}
		time.Sleep(2 * time.Millisecond) // a pause between looks, as testkit.Eventually makes
	}
	return ctx.Err()
}

package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"openlearn/internal/users/token"
)

// errUnsure: a change may have been made or not.
var errUnsure = errors.New("nobody knows whether it was made")

// change is one way in which rights end or change. ends says which of the claims it ends; it has at least two, the newest first.
type change struct {
	name string
	ends func(held []*claim) []*claim
	do   func(ctx context.Context, m *model, u *account, held []*claim) error
}

func allOf(held []*claim) []*claim     { return held }
func newest(held []*claim) []*claim    { return held[:1] }
func butNewest(held []*claim) []*claim { return held[1:] }

func changes() []change {
	api := func(method, path, body string, by func(m *model, held []*claim) string) func(context.Context, *model, *account, []*claim) error {
		return func(ctx context.Context, m *model, u *account, held []*claim) error {
			if path == "/api/users/%d" || path == "/api/users/%d/sessions" {
				return m.write(ctx, method, fmt.Sprintf(path, u.id), body, by(m, held))
			}
			return m.write(ctx, method, path, body, by(m, held))
		}
	}
	psql := func(sql string, after ...string) func(context.Context, *model, *account, []*claim) error {
		return func(ctx context.Context, m *model, u *account, _ []*claim) error {
			for _, one := range append([]string{sql}, after...) {
				if err := m.psql(ctx, one, u.id); err != nil {
					return err
				}
			}
			return nil
		}
	}
	first := func(_ *model, held []*claim) string { return held[0].bearer }
	admin := func(m *model, _ []*claim) string { return m.root }
	return []change{
		{"logout", newest, api(http.MethodPost, "/api/auth/logout", "", first)},
		{"logout of all", allOf, api(http.MethodPost, "/api/auth/logout-all", "", first)},
		{"another session ended", func(held []*claim) []*claim { return held[1:2] }, func(ctx context.Context, m *model, _ *account, held []*claim) error {
			return m.write(ctx, http.MethodDelete, "/api/auth/sessions/"+held[1].session, "", held[0].bearer)
		}},
		{"password changed", butNewest, func(ctx context.Context, m *model, _ *account, held []*claim) error {
			return m.write(ctx, http.MethodPost, "/api/auth/password-change", `{"current_password":`+asJSON(goodPassword)+`,"new_password":`+asJSON(goodPassword)+`}`, held[0].bearer)
		}},
		{"password reset by a mail", allOf, func(ctx context.Context, m *model, u *account, _ []*claim) error {
			raw := token.Opaque()
			err := m.psql(ctx, `INSERT INTO mail_tokens (hash, user_id, purpose, expires_at) VALUES ($2, $1, 'reset', now() + interval '1 hour')`, u.id, token.Hash(raw))
			if err != nil {
				return err
			}
			return m.write(ctx, http.MethodPost, "/api/auth/password-update", `{"token":`+asJSON(raw)+`,"new_password":`+asJSON(goodPassword)+`}`, "")
		}},
		{"locked by an admin", allOf, api(http.MethodPatch, "/api/users/%d", `{"is_active":false}`, admin)},
		{"sessions ended by an admin", allOf, api(http.MethodDelete, "/api/users/%d/sessions", "", admin)},
		{"deactivated by its owner", allOf, api(http.MethodDelete, "/api/auth/me", "", first)},
		{"deleted by its owner", allOf, api(http.MethodDelete, "/api/users/me/account", "", first)},
		{"role by an admin", nil, role(func(ctx context.Context, m *model, u *account, to string) error {
			return m.write(ctx, http.MethodPatch, fmt.Sprintf("/api/users/%d", u.id), `{"role":`+asJSON(to)+`}`, m.root)
		})},
		{"role in psql", nil, role(func(ctx context.Context, m *model, u *account, to string) error {
			return m.psql(ctx, `UPDATE users SET role = $2 WHERE id = $1`, u.id, to)
		})},
		{"preferences", nil, goal(func(ctx context.Context, m *model, u *account, held []*claim, to int) error {
			p := m.defaults
			p = replaceMember(p, "userId", fmt.Sprint(u.id))
			p["learning"] = replaceMember(p["learning"].(map[string]any), "dailyVocabGoal", to)
			b, err := json.Marshal(p)
			if err != nil {
				return err
			}
			return m.write(ctx, http.MethodPut, "/api/preferences", string(b), held[0].bearer)
		})},
		{"preferences in psql", nil, goal(func(ctx context.Context, m *model, u *account, _ []*claim, to int) error {
			return m.psql(ctx, `UPDATE user_preferences SET settings = jsonb_set(settings, '{learning,dailyVocabGoal}', to_jsonb($2::int)) WHERE user_id = $1`, u.id, to)
		})},
		{"sessions ended in psql", allOf, psql(`UPDATE user_sessions SET ended_at = now() WHERE user_id = $1`)},
		{"sessions deleted in psql", allOf, psql(`DELETE FROM user_sessions WHERE user_id = $1`)},
		{"sessions shortened in psql", allOf, psql(`UPDATE user_sessions SET expires_at = now() WHERE user_id = $1`)},
		{"password changed in psql", allOf, psql(`UPDATE users SET password_hash = password_hash || ' ' WHERE id = $1`, `UPDATE users SET password_hash = trim(password_hash) WHERE id = $1`)},
		{"locked in psql", allOf, psql(`UPDATE users SET is_active = false WHERE id = $1`)},
		{"deleted in psql", allOf, psql(`DELETE FROM users WHERE id = $1`)},
	}
}

func replaceMember(object map[string]any, name string, value any) map[string]any {
	out := map[string]any{}
	for k, v := range object {
		out[k] = v
	}
	out[name] = value
	return out
}

// role makes a change of the role: to another one than there is.
func role(set func(ctx context.Context, m *model, u *account, to string) error) func(context.Context, *model, *account, []*claim) error {
	return func(ctx context.Context, m *model, u *account, _ []*claim) error {
		was := *u.standing.Load()
		to := []string{"learner", "analyst", "admin"}[rand.IntN(3)]
		if was.role == "admin" {
			to = "learner"
		}
		u.standing.Store(&standing{false, was.role, was.goal})
		err := set(ctx, m, u, to)
		if err == nil {
			u.standing.Store(&standing{true, to, was.goal})
		}
		return err
	}
}

func goal(set func(ctx context.Context, m *model, u *account, held []*claim, to int) error) func(context.Context, *model, *account, []*claim) error {
	return func(ctx context.Context, m *model, u *account, held []*claim) error {
		was := *u.standing.Load()
		to := 5 + (was.goal-4)%45
		u.standing.Store(&standing{false, was.role, was.goal})
		err := set(ctx, m, u, held, to)
		if err == nil {
			u.standing.Store(&standing{true, was.role, to})
		}
		return err
	}
}

// write sends a change to one of the instances. A 503 says that it may have been made or not.
func (m *model) write(ctx context.Context, method, path, body, bearer string) error {
	status, answer, err := m.ask(ctx, rand.IntN(len(m.instances)), method, path, body, bearer)
	switch {
	case err != nil:
		return err
	case status == http.StatusServiceUnavailable:
		return errUnsure
	case status >= 300:
		return fmt.Errorf("%s %s: %d %.200s", method, path, status, answer)
	}
	return nil
}

// enter makes what the account needs for the next change: it exists, is not locked, its standing is certain, and it has two tokens.
func (m *model) enter(ctx context.Context, u *account) error {
	var id int64
	var active bool
	var goal *int
	var role string
	err := m.instances[0].db.Pool.QueryRow(ctx, `SELECT coalesce(max(u.id), 0), coalesce(bool_or(is_active), false), coalesce(max(role), ''), max((p.settings #>> '{learning,dailyVocabGoal}')::int)
		FROM users u LEFT JOIN user_preferences p ON p.user_id = u.id WHERE email_key = $1`, u.email).Scan(&id, &active, &role, &goal)
	if err != nil {
		return err
	}
	if id == 0 {
		if err := m.write(ctx, http.MethodPost, "/api/auth/register", `{"email":`+asJSON(u.email)+`,"password":`+asJSON(goodPassword)+`,"full_name":"Ana Ruiz"}`, ""); err != nil {
			return err
		}
		return m.enter(ctx, u)
	}
	u.id = id
	if !active {
		if err := m.psql(ctx, `UPDATE user_sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL`, id); err != nil {
			return err
		}
		if err := m.psql(ctx, `UPDATE users SET is_active = true WHERE id = $1`, id); err != nil {
			return err
		}
	}
	is := u.standing.Load()
	renew := goal == nil || !is.certain
	if renew {
		u.standing.Store(&standing{false, role, is.goal})
	}
	for len(u.held()) < 2 {
		c, err := m.login(ctx, u.email)
		if err != nil {
			return err
		}
		u.hold(c)
	}
	if renew {
		p := replaceMember(m.defaults, "userId", fmt.Sprint(id))
		b, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := m.write(ctx, http.MethodPut, "/api/preferences", string(b), u.held()[0].bearer); err != nil {
			return err
		}
		if err := m.psql(ctx, `UPDATE users SET role = $2 WHERE id = $1`, id, role); err != nil { // certain from now on
			return err
		}
		u.standing.Store(&standing{true, role, int(m.defaults["learning"].(map[string]any)["dailyVocabGoal"].(float64))})
	}
	return nil
}

func (m *model) login(ctx context.Context, email string) (*claim, error) {
	status, body, err := m.ask(ctx, rand.IntN(len(m.instances)), http.MethodPost, "/api/auth/token", `{"username":`+asJSON(email)+`,"password":`+asJSON(goodPassword)+`}`, "")
	if err != nil {
		return nil, err
	}
	if status == http.StatusServiceUnavailable {
		return nil, errUnsure
	}
	var in struct {
		Access string `json:"access_token"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &in) != nil {
		return nil, fmt.Errorf("login of %s: %d %.200s", email, status, body)
	}
	c := &claim{bearer: in.Access}
	err = m.instances[0].db.Pool.QueryRow(ctx, `SELECT s.id::text FROM user_sessions s JOIN users u ON u.id = s.user_id WHERE u.email_key = $1 ORDER BY s.created_at DESC LIMIT 1`, email).Scan(&c.session)
	return c, err
}

// work makes one change after the other of one account, until ctx ends.
func (m *model) work(ctx context.Context, u *account) {
	var next []change
	for ctx.Err() == nil {
		if err := m.enter(ctx, u); err != nil {
			if ctx.Err() == nil && !errors.Is(err, errUnsure) {
				m.violation("%s cannot get in: %v", u.email, err)
				return
			}
			time.Sleep(5 * time.Millisecond) // before trying again
			continue
		}
		if len(next) == 0 {
			next = changes()
			rand.Shuffle(len(next), func(i, j int) { next[i], next[j] = next[j], next[i] })
		}
		c := next[0]
		next = next[1:]
		m.apply(ctx, u, c)
	}
}

// apply makes a change, and lets readers try what it ended.
func (m *model) apply(ctx context.Context, u *account, c change) {
	held := u.held()
	var ending []*claim
	if c.ends != nil {
		ending = c.ends(held)
	}
	for _, one := range ending {
		one.state.Store(uncertain)
	}
	err := c.do(ctx, m, u, held)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, errUnsure):
		m.unsure.Add(1)
		return
	case err != nil:
		m.violation("%s of %s: %v", c.name, u.email, err)
		return
	}
	for _, one := range ending {
		one.state.Store(dead)
	}
	m.changes.Add(1)
	for from := m.reads.Load(); m.reads.Load() < from+12 && ctx.Err() == nil; {
		time.Sleep(time.Millisecond) // while others read
	}
}

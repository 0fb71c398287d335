package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pass is a token that ends during a row. It is judged as an article is: the counter of an answer is 0 if the token was accepted, and 1
// if it was refused.
type pass struct {
	article

	bearer, session string
}

// newPasses makes accounts with one session each, and a refresh token for it.
func (e *env) newPasses(ctx context.Context, n int) ([]*pass, error) {
	rows, err := e.db.Query(ctx, `WITH made AS (
			INSERT INTO users (email, password_hash) SELECT 'p' || i || '.' || $1::text || '@faults.example', '' FROM generate_series(1, $2::int) AS i RETURNING id),
		sessions AS (INSERT INTO user_sessions (user_id, family, expires_at) SELECT id, sha256('x'), now() + interval '1 day' FROM made RETURNING id, user_id),
		tokens AS (INSERT INTO refresh_tokens (hash, session_id, expires_at) SELECT sha256(id::text::bytea), id, now() + interval '1 day' FROM sessions)
		SELECT id::text, user_id FROM sessions`, strconv.Itoa(e.rows), n)
	if err != nil {
		return nil, fmt.Errorf("accounts for the row: %w", err)
	}
	defer rows.Close()
	var out []*pass
	for rows.Next() {
		p := &pass{}
		var user int64
		if err := rows.Scan(&p.session, &user); err != nil {
			return nil, fmt.Errorf("accounts for the row: %w", err)
		}
		p.id = -user // no article's
		out = append(out, p)
	}
	return out, rows.Err()
}

// someFirst is how many tokens are fetched before a fault, which may keep others from being fetched.
const someFirst = 24

// fetch exchanges the refresh token, which is the session's number here, for an access token.
func (l *load) fetch(i int, p *pass) {
	if p.bearer != "" {
		return
	}
	var in struct {
		Access string `json:"access_token"`
	}
	if status, body := l.present(i, http.MethodPost, "/api/auth/refresh", "", `{"refresh_token":"`+p.session+`"}`); status == http.StatusOK && json.Unmarshal(body, &in) == nil {
		p.bearer = in.Access
	}
}

// revoke ends a session, by the API of an instance or with SQL, between uses of its token on both instances.
func (l *load) revoke(ctx context.Context, byAPI bool) {
	l.mu.Lock()
	if l.nextPass >= len(l.passes) {
		l.mu.Unlock()
		return
	}
	n := l.nextPass
	p := l.passes[n]
	l.nextPass++
	l.mu.Unlock()
	if l.fetch(n%2, p); p.bearer == "" {
		return
	}
	for range 2 { // a fill and a hit
		for i := range l.e.instances {
			l.tryPass(i, p, false)
		}
	}
	if !byAPI {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if _, err := l.e.db.Exec(ctx, `UPDATE user_sessions SET ended_at = now(), end_reason = 'faults' WHERE id = $1::text::uuid`, p.session); err != nil {
			return
		}
		p.committed(1, time.Now())
		l.tryAll(p, visible, 100*time.Millisecond, 400*time.Millisecond)
		return
	}
	status, _ := l.present(l.target(n%2), http.MethodPost, "/api/auth/logout", p.bearer, "")
	if status == 0 || status >= 300 {
		return // nobody knows
	}
	p.acknowledge(1)
	l.tryAll(p, 0, 30*time.Millisecond, 200*time.Millisecond)
}

func (l *load) tryAll(p *pass, pauses ...time.Duration) {
	for _, pause := range pauses {
		time.Sleep(pause)
		for i := range l.e.instances {
			l.tryPass(i, p, true)
		}
	}
}

// tryPass tries a token on an instance and judges the answer. Until its session ends it must not be refused.
func (l *load) tryPass(i int, p *pass, mayBeRefused bool) {
	now := time.Now()
	strict, lenient := p.demand(now, *l.gone.Load())
	var counter int64
	switch status, _ := l.present(i, http.MethodGet, "/api/auth/verify-token", p.bearer, ""); status {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		if counter = 1; !mayBeRefused {
			l.rec.wrong(fmt.Sprintf("a good token is refused by instance %d: %d", i, status))
		}
	default:
		return // which grants nothing, and is counted where requests are
	}
	if counter < strict {
		l.rec.judged(staleRead{now, p.id, i, counter, strict, "a token", counter >= lenient})
	}
	p.saw(counter, time.Now())
}

// present makes a request that is not one of the standing load's, whose refusals would count as errors; 0: no answer.
func (l *load) present(i int, method, path, bearer, body string) (status int, answer []byte) {
	req, err := http.NewRequest(method, l.e.instances[i].base()+path, strings.NewReader(body))
	if err != nil {
		l.rec.wrong(err.Error())
		return 0, nil
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := l.clients[i].Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(res.Body); err != nil {
		return 0, nil
	}
	return res.StatusCode, answer
}

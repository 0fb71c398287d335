package console

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

func isOver(s *session) bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	c := testkit.NewClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	s := sessions{now: c.Now, lifetime: time.Hour, by: map[sessionID]*session{}}
	token, one := s.begin(t.Context())
	again, two := s.begin(t.Context())
	if token == again || one.id == two.id {
		t.Fatal("two sessions are one")
	}
	if s.find(token) != one || s.find(again) != two {
		t.Error("an open session is not found")
	}
	for _, wrong := range []string{"", "x", token[1:], token + "A", one.name} {
		if s.find(wrong) != nil {
			t.Errorf("%q opens a session", wrong)
		}
	}
	s.end(t.Context(), one)
	s.end(t.Context(), one) // twice is once
	if s.find(token) != nil || !isOver(one) {
		t.Error("an ended session is open")
	}
	c.Advance(time.Hour)
	if s.find(again) != nil || !isOver(two) {
		t.Error("a session outlives its lifetime")
	}
	if len(s.by) != 0 {
		t.Errorf("%d sessions are kept", len(s.by))
	}
}

// TestSessionsAreBounded: the oldest makes room, and its streams are told.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	c := testkit.NewClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	s := sessions{now: c.Now, lifetime: time.Hour, by: map[sessionID]*session{}}
	first, oldest := s.begin(t.Context())
	for range mostSessions {
		c.Advance(time.Second)
		s.begin(t.Context())
	}
	if len(s.by) != mostSessions || s.find(first) != nil || !isOver(oldest) {
		t.Errorf("%d sessions, the oldest over: %v", len(s.by), isOver(oldest))
	}
	c.Advance(2 * time.Hour)
	s.begin(t.Context())
	if len(s.by) != 1 {
		t.Errorf("%d sessions after all but one have run out", len(s.by))
	}
}

// sharedRows are rows in memory, which can be away.
type sharedRows struct {
	mu   sync.Mutex
	by   map[string]time.Time
	away bool
}

func (r *sharedRows) do(work func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return errors.New("away")
	}
	work()
	return nil
}

func (r *sharedRows) Begin(_ context.Context, hash []byte, until time.Time) error {
	return r.do(func() { r.by[string(hash)] = until })
}

func (r *sharedRows) Open(_ context.Context, hash []byte) (until time.Time, ok bool, err error) {
	err = r.do(func() { until, ok = r.by[string(hash)] })
	return until, ok, err
}

func (r *sharedRows) End(_ context.Context, hash []byte) error {
	return r.do(func() { delete(r.by, string(hash)) })
}

// TestSessionsAreShared: what begins or ends on one instance does on the other; without rows each goes on with what it knows.
func TestSessionsAreShared(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	clock := testkit.NewClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	rows := &sharedRows{by: map[string]time.Time{}}
	instance := func(key string) *sessions {
		return &sessions{now: clock.Now, lifetime: time.Hour, by: map[sessionID]*session{}, key: key, rows: rows}
	}
	a, b, rekeyed := instance("one key"), instance("one key"), instance("another key")
	token, one := a.begin(ctx)
	there := b.open(ctx, token)
	if there == nil || there.name != one.name || !there.expires.Equal(one.expires) || rekeyed.open(ctx, token) != nil {
		t.Fatal("a session is not found on the other instance, or is found under another key")
	}
	if b.open(ctx, token) != there {
		t.Error("it is another session each time")
	}
	for hash := range rows.by {
		if strings.Contains(hash, token) {
			t.Error("the token is stored")
		}
	}
	if !b.end(ctx, there) || a.open(ctx, token) != nil || !isOver(one) || !isOver(there) {
		t.Error("a session goes on where it began")
	}

	// Rows are away: what is known goes on, and new ones begin here alone.
	token, one = a.begin(ctx)
	b.open(ctx, token)
	rows.away = true
	if a.open(ctx, token) != one || b.open(ctx, token) == nil || instance("one key").open(ctx, token) != nil {
		t.Error("without rows the console does not open where the session is known, or opens where it is not")
	}
	alone, it := a.begin(ctx)
	if a.open(ctx, alone) != it || it.shared {
		t.Error("nobody can log in without rows")
	}
	if a.end(ctx, one) || a.open(ctx, token) != nil {
		t.Error("a session that could not be ended everywhere goes on here, or nobody is told")
	}
	rows.away = false
	clock.Advance(rowsRest)
	if a.open(ctx, alone) != it || b.open(ctx, alone) != nil {
		t.Error("a session that began without rows is to go on where it began, and nowhere else")
	}
	if again := a.open(ctx, token); again == nil || !a.end(ctx, again) || b.open(ctx, token) != nil {
		t.Error("what could not be ended cannot be ended later")
	}
	if !a.end(ctx, it) || a.open(ctx, alone) != nil {
		t.Error("a session that began without rows does not end")
	}
}

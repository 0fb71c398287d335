package console

import (
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
	token, one := s.begin()
	again, two := s.begin()
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
	s.end(one)
	s.end(one) // twice is once
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
	first, oldest := s.begin()
	for range mostSessions {
		c.Advance(time.Second)
		s.begin()
	}
	if len(s.by) != mostSessions || s.find(first) != nil || !isOver(oldest) {
		t.Errorf("%d sessions, the oldest over: %v", len(s.by), isOver(oldest))
	}
	c.Advance(2 * time.Hour)
	s.begin()
	if len(s.by) != 1 {
		t.Errorf("%d sessions after all but one have run out", len(s.by))
	}
}

package console

import (
	"fmt"
	"testing"
	"time"
)

// clockwork is a clock that tests set.
type clockwork struct{ at time.Time }

func (c *clockwork) now() time.Time { return c.at }

func newClockwork() *clockwork {
	return &clockwork{time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
}

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
	c := newClockwork()
	s := sessions{now: c.now, lifetime: time.Hour, by: map[sessionID]*session{}}
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
	c.at = c.at.Add(time.Hour)
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
	c := newClockwork()
	s := sessions{now: c.now, lifetime: time.Hour, by: map[sessionID]*session{}}
	first, oldest := s.begin()
	for range mostSessions {
		c.at = c.at.Add(time.Second)
		s.begin()
	}
	if len(s.by) != mostSessions || s.find(first) != nil || !isOver(oldest) {
		t.Errorf("%d sessions, the oldest over: %v", len(s.by), isOver(oldest))
	}
	c.at = c.at.Add(2 * time.Hour)
	s.begin()
	if len(s.by) != 1 {
		t.Errorf("%d sessions after all but one have run out", len(s.by))
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	c := newClockwork()
	a := attempts{now: c.now, by: map[string]*attempt{}}
	for i := range burst {
		if _, ok := a.take("192.0.2.1"); !ok {
			t.Fatalf("try %d is refused", i+1)
		}
	}
	wait, ok := a.take("192.0.2.1")
	if ok || wait <= 0 || wait > oneEvery {
		t.Errorf("one too many: %v, wait %v", ok, wait)
	}
	if _, ok := a.take("192.0.2.2"); !ok {
		t.Error("another address pays for it")
	}
	c.at = c.at.Add(wait)
	if _, ok := a.take("192.0.2.1"); !ok {
		t.Error("refused after the wait it was told")
	}
	if _, ok := a.take("192.0.2.1"); ok {
		t.Error("more than one after the wait")
	}
	a.forgive("192.0.2.1")
	if _, ok := a.take("192.0.2.1"); !ok {
		t.Error("refused after the right key")
	}
	// Its memory is bounded, and those that have rested are forgotten first.
	for i := range 2 * mostAddresses {
		a.take(fmt.Sprint("address ", i))
	}
	if len(a.by) > mostAddresses {
		t.Errorf("%d addresses are kept", len(a.by))
	}
	if _, ok := a.take("new"); ok {
		t.Error("an address more than is kept may try")
	}
	c.at = c.at.Add(burst * oneEvery)
	if _, ok := a.take("new"); !ok {
		t.Error("nothing is ever forgotten")
	}
}

func TestHousehold(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8::1": "2001:db8::/64", "2001:db8::ffff:2": "2001:db8::/64",
		"2001:db8:0:1::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "": "", "pipe": "pipe",
	} {
		if got := household(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

package near

import (
	"strconv"
	"testing"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/fnv1a"
)

func newStore(t *testing.T, bytes int64) *Store {
	t.Helper()
	s, err := New(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheStoreIsBounded(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	s := newStore(t, most)
	for i := range 300 {
		s.Put(strconv.Itoa(i), &Entry{Envelope: envelope.Envelope{Payload: make([]byte, 1000)}}, nil, 1)
	}
	s.Settle()
	if n, w := s.Size(); w > most || w < most/2 || n == 0 {
		t.Errorf("%d entries of %d bytes in a store of %d", n, w, most)
	}
}

func TestAStoreWithoutBytesKeepsNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, -1)
	s.Put("a", &Entry{}, []string{"a:1"}, 1)
	s.Remove("a")
	s.Clear()
	s.Settle()
	if n, w := s.Size(); s.Get("a") != nil || n != 0 || w != 0 {
		t.Errorf("%d entries, %d bytes", n, w)
	}
}

// Without a check an entry is served to its owner alone, while messages are heard, within the bound, before it goes
// stale, and unless a message said that one of its dependencies was invalidated.
func TestWhatIsServedWithoutACheck(t *testing.T) {
	t.Parallel()
	usual := Bound{Owner: 1, Up: 50, Now: 150, Staleness: 100, Wall: 999}
	for name, tc := range map[string]struct {
		bound func(*Bound)
		store func(*Store, *Entry)
		want  bool
	}{
		"current":                        {want: true},
		"another owner":                  {bound: func(b *Bound) { b.Owner = 2 }},
		"the link came up afterwards":    {bound: func(b *Bound) { b.Up = 100 }},
		"past the bound":                 {bound: func(b *Bound) { b.Now = 201 }},
		"confirmed since":                {bound: func(b *Bound) { b.Now = 201 }, store: func(_ *Store, e *Entry) { e.Confirm(101) }, want: true},
		"an older check confirms little": {bound: func(b *Bound) { b.Now = 201 }, store: func(_ *Store, e *Entry) { e.Confirm(99) }},
		"stale":                          {bound: func(b *Bound) { b.Wall = 1000 }},
		"its dependency dropped":         {store: func(s *Store, _ *Entry) { s.Drop(fnv1a.Sum("b:2"), 100) }},
		"dropped before the check":       {store: func(s *Store, _ *Entry) { s.Drop(fnv1a.Sum("b:2"), 99) }, want: true},
		"another dependency dropped":     {store: func(s *Store, _ *Entry) { s.Drop(fnv1a.Sum("b:3"), 100) }, want: true},
		"removed":                        {store: func(s *Store, _ *Entry) { s.Remove("k") }},
		"cleared":                        {store: func(s *Store, _ *Entry) { s.Clear() }},
	} {
		s := newStore(t, 1<<20)
		e := &Entry{Envelope: envelope.Envelope{Soft: 1000}, Owner: 1}
		s.Put("k", e, []string{"a:1", "b:2"}, 100)
		b := usual
		if tc.bound != nil {
			tc.bound(&b)
		}
		if tc.store != nil {
			tc.store(s, e)
		}
		if got := s.Bounded("k", &b) == e; got != tc.want {
			t.Errorf("%s: served %v", name, got)
		}
	}
}

package faults

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// visible is how soon a commit that nobody announced must be visible everywhere.
const visible = time.Second

// article is an article that is written during a row. Its title carries a counter, so that every answer shows how old
// it is.
type article struct {
	id int64

	writing sync.Mutex // one write at a time, so that counters are committed in their order
	tried   int64      // the last counter that a write carried; used by the writer alone

	mu      sync.Mutex
	retired bool   // a write had no clear answer: it may still take effect
	acked   int64  // the last counter that was acknowledged in any way
	floor   int64  // what every read that begins now must show
	marks   []mark // what later reads must show
}

// mark is a counter that reads must show from a moment on.
type mark struct {
	counter int64
	due     time.Time
}

// acknowledge raises the floor at once: the service has answered a write with success.
func (a *article) acknowledge(counter int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acked, a.floor = max(a.acked, counter), max(a.floor, counter)
}

// committed raises the floor a second after a commit that was made beside the service.
func (a *article) committed(counter int64, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acked = max(a.acked, counter)
	a.mark(counter, at.Add(visible))
}

// saw notes that a read showed the counter: whatever the answer to its write was, it is committed.
func (a *article) saw(counter int64, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mark(counter, at.Add(visible))
}

func (a *article) mark(counter int64, due time.Time) {
	if counter <= a.floor || len(a.marks) > 0 && a.marks[len(a.marks)-1].counter >= counter {
		return
	}
	a.marks = append(a.marks, mark{counter, due})
}

func (a *article) retire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retired = true
}

func (a *article) isRetired() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.retired
}

// demand is what an answer to a read that begins at now must show: strictly, and leniently, without the commits that an
// outage of PostgreSQL excuses.
func (a *article) demand(now time.Time, o outage) (strict, lenient int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.marks) > 0 && !a.marks[0].due.After(now) && !o.covers(a.marks[0].due) {
		a.floor = max(a.floor, a.marks[0].counter)
		a.marks = a.marks[1:]
	}
	strict, lenient = a.floor, a.floor
	for _, m := range a.marks {
		if m.due.After(now) {
			continue
		}
		strict = max(strict, m.counter)
		if !o.excuses(m.due, now) {
			lenient = max(lenient, m.counter)
		}
	}
	return strict, lenient
}

// outage is a time in which no instance could ask PostgreSQL: entries are then all there is, and nobody knows what was
// committed just before it. The zero value excuses nothing.
type outage struct{ from, until time.Time }

func (o outage) covers(due time.Time) bool {
	return !o.from.IsZero() && due.After(o.from)
}

// excuses reports whether a read at now need not show a commit that was due after the outage began: until a second
// after its end it need not.
func (o outage) excuses(due, now time.Time) bool {
	return o.covers(due) && due.Before(o.from.Add(2*visible)) && (o.until.IsZero() || now.Before(o.until.Add(visible)))
}

// title makes the title of an article with a counter, and counterOf reads the counter back.
func title(counter int64) string { return "Counter " + strconv.FormatInt(counter, 10) }

func counterOf(title string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(title, "Counter "), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q carries no counter", title)
	}
	return n, nil
}

func TestTheJudge(t *testing.T) {
	t.Parallel()
	now := time.Now()
	after := func(d time.Duration) time.Time { return now.Add(d) }
	check := func(a *article, at time.Time, o outage, strict, lenient int64) {
		t.Helper()
		if s, l := a.demand(at, o); s != strict || l != lenient {
			t.Errorf("%v later: %d and %d are asked for, want %d and %d", at.Sub(now), s, l, strict, lenient)
		}
	}
	a := &article{}
	a.acknowledge(1)
	check(a, now, outage{}, 1, 1)
	a.committed(2, now)
	check(a, after(999*time.Millisecond), outage{}, 1, 1)
	check(a, after(time.Second), outage{}, 2, 2)
	a.saw(3, after(2*time.Second)) // its write was not acknowledged
	check(a, after(2500*time.Millisecond), outage{}, 2, 2)
	check(a, after(3*time.Second), outage{}, 3, 3)
	if a.acked != 2 {
		t.Errorf("acknowledged: %d", a.acked)
	}

	o := outage{from: now, until: after(5 * time.Second)}
	b := &article{}
	b.acknowledge(1)
	b.committed(2, after(-100*time.Millisecond)) // nobody looked between this and the outage
	check(b, after(3*time.Second), o, 2, 1)
	check(b, after(6*time.Second), o, 2, 2)
	b.acknowledge(3) // what the service acknowledged is never excused
	check(b, after(3*time.Second), o, 3, 3)

	c := &article{}
	c.committed(4, after(-2*time.Second)) // everyone had time to look
	check(c, after(time.Second), o, 4, 4)
	for _, bad := range []string{"", "Counter", "Counter x", "other"} {
		if _, err := counterOf(bad); err == nil {
			t.Errorf("%q has a counter", bad)
		}
	}
}

package outbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/postgres"
)

// How a PostgreSQL that does not answer is judged. The verdict of a failed look holds for blindFresh, since the next look may
// have to wait for lateMost. A server that answered late within the last lateMemory is slow, not away.
const (
	blindFresh = 4 * time.Second
	lateMost   = 3 * time.Second
	lateMemory = 5 * time.Second
)

// look is what the last look at the outbox showed, or the one before if it failed.
type look struct {
	at        time.Time // its start; of one that failed, its end
	pending   int64
	claimable int64 // those among them that nobody has claimed
	first     int64 // the lowest pending id
	oldest    time.Duration
	refused   int64     // the lowest id that some instance could not apply; 0 = none
	since     time.Time // since when every look has shown it
	err       error     // there was no look
	away      bool      // it failed because PostgreSQL could not be asked
	lastAway  time.Time
}

// closes reports whether the pending facts close the gate, a given time after the look.
func (l *look) closes(later time.Duration) bool {
	return l.pending > 0 && (l.refused != 0 || l.oldest+later > pendingMost)
}

// MayServe reports whether cached entries may be served: the last look, at most 800 ms old, showed nothing that somebody
// could not apply, and nothing that has been pending for more than 600 ms by now. When PostgreSQL could not be asked,
// serving goes on (see Degraded): entries are all there is. When it answered otherwise (there is no outbox, it is locked),
// something may be announced there that cannot be seen, and nothing is served.
func (r *Relay) MayServe() bool {
	l := r.look.Load()
	if l == nil || r.shut.Load() != nil {
		return false
	}
	age := r.opt.Now().Sub(l.at)
	if l.err != nil {
		return l.away && age <= blindFresh && !l.closes(0)
	}
	return age <= lookFresh && !l.closes(age)
}

// shut is what this instance could not apply: facts up to this id, at this time.
type shut struct {
	at   time.Time
	upTo int64
}

// close closes this instance's gate at once. It reopens with a look that began later and no longer shows those facts: then
// some instance has applied them.
func (r *Relay) close(ids []int64) {
	for {
		old := r.shut.Load()
		next := shut{at: r.opt.Now()}
		if old != nil {
			next.upTo = old.upTo
		}
		for _, id := range ids {
			next.upTo = max(next.upTo, id)
		}
		if r.shut.CompareAndSwap(old, &next) {
			return
		}
	}
}

// gone reports whether a look begun after t shows none of the facts up to an id.
func (l *look) gone(t time.Time, upTo int64) bool {
	return l.err == nil && l.at.After(t) && (l.pending == 0 || l.first > upTo)
}

// Settled asks the outbox whether nothing is pending now; false if it cannot be asked.
func (r *Relay) Settled() bool {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	var empty bool
	err := r.opt.DB.Look.Do(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM cache_outbox WHERE region = $1)`, r.opt.Region).Scan(&empty)
	})
	return err == nil && empty
}

// Degraded reports that entries are served although PostgreSQL could not be asked for what is pending.
func (r *Relay) Degraded() bool {
	l := r.look.Load()
	return l != nil && l.away
}

// Backlog is how many facts the last look showed, and the age of the oldest.
func (r *Relay) Backlog() (pending int64, oldest time.Duration) {
	if l := r.look.Load(); l != nil {
		return l.pending, l.oldest
	}
	return 0, 0
}

// see looks at the outbox and publishes what it saw. If the database does not answer within the timeout, it publishes its
// verdict and still waits for the answer: a late answer means that the server is slow.
func (r *Relay) see(ctx context.Context) error {
	start := r.opt.Now()
	asked := time.Now()
	answer := make(chan look, 1)
	r.asking.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, max(lateMost, r.timeout))
		defer cancel()
		answer <- r.ask(ctx, start)
	})
	doubt, verdict := time.NewTimer(r.timeout*3/5), time.NewTimer(r.timeout)
	defer doubt.Stop()
	defer verdict.Stop()
	judged := false
	for {
		select {
		case l := <-answer:
			switch {
			case ctx.Err() != nil:
				return l.err
			case judged && postgres.Answered(l.err):
				r.late = r.opt.Now()
			case !postgres.Answered(l.err):
				l.away = r.away(ctx, asked, l.err)
			}
			if l.err != nil {
				l.at = r.opt.Now()
			}
			r.publish(l)
			return l.err
		case <-doubt.C:
			r.asking.Go(func() { _ = r.askAgain(ctx) })
		case <-verdict.C:
			judged = true
			r.publish(look{at: r.opt.Now(), err: errSilent, away: r.silent(asked)})
		}
	}
}

var errSilent = errors.New("look at the outbox: no answer yet")

// answered reports that the look reached PostgreSQL, even if it was refused. Other instances could ask then, too.
func (l *look) answered() bool {
	_, unknown := errors.AsType[*unknownDatabase](l.err)
	return unknown || postgres.Answered(l.err)
}

// ask is one look.
func (r *Relay) ask(ctx context.Context, start time.Time) look {
	l := look{at: start} // facts recorded while it runs may be missing from it
	var age float64
	var identity string
	l.err = r.opt.DB.Look.Do(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, lookQuery, r.opt.Region).Scan(&l.pending, &l.claimable, &l.first, &age, &l.refused, &identity)
	})
	// A server whose clock was set back has facts from the future: they count as old.
	l.oldest = time.Duration(math.Abs(age) * float64(time.Second))
	if l.err == nil && identity != r.known && r.opt.NewDatabase != nil {
		if err := r.opt.NewDatabase(ctx, identity); err != nil {
			l.err = &unknownDatabase{err}
		} else {
			r.known = identity
		}
	}
	if l.err != nil {
		l.err = fmt.Errorf("look at the outbox: %w", l.err)
	}
	return l
}

// unknownDatabase hides its cause from postgres.Answered, since it was not PostgreSQL that failed.
type unknownDatabase struct{ cause error }

func (e *unknownDatabase) Error() string { return e.cause.Error() }

// lookQuery asks what is pending and which database this is.
const lookQuery = `
SELECT count(*), count(*) FILTER (WHERE held_until IS NULL OR held_until <= clock_timestamp()), coalesce(min(id), 0),
       coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8, coalesce(min(id) FILTER (WHERE refused), 0),
       cache_database_identity()
FROM cache_outbox WHERE region = $1`

// askAgain asks the other connection for a sign of life.
func (r *Relay) askAgain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout*2/5)
	defer cancel()
	return r.opt.DB.Ping(ctx)
}

// away reports that PostgreSQL cannot be asked: the connection failed, and the other one brings no answer either. A server
// that was slow a moment ago is away all the same if nothing listens at its address any more.
func (r *Relay) away(ctx context.Context, asked time.Time, failed error) bool {
	again := r.askAgain(ctx)
	switch {
	case postgres.Answered(again):
		return false
	case errors.Is(failed, syscall.ECONNREFUSED) && errors.Is(again, syscall.ECONNREFUSED):
		return true
	}
	return r.silent(asked)
}

// silent reports that PostgreSQL has sent nothing since asked, on either connection, and is not known to be slow.
func (r *Relay) silent(asked time.Time) bool {
	db := r.opt.DB
	return !db.Look.HeardSince(asked) && !db.Work.HeardSince(asked) && (r.late.IsZero() || r.opt.Now().Sub(r.late) > lateMemory)
}

// publish makes a look the last one.
func (r *Relay) publish(l look) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.look.Load()
	if last == nil {
		last = &look{}
	}
	l.lastAway = last.lastAway
	if l.away {
		l.lastAway = l.at
	}
	if l.err != nil { // what was pending then may still be
		l.pending, l.claimable, l.first, l.oldest, l.refused, l.since = last.pending, last.claimable, last.first, last.oldest, last.refused, last.since
	} else if l.refused != 0 {
		if l.since = last.since; l.refused != last.refused {
			l.since = r.opt.Now()
		}
	}
	r.look.Store(&l)
	if s := r.shut.Load(); s != nil && l.gone(s.at, s.upTo) {
		r.shut.CompareAndSwap(s, nil)
	}
	close(r.changed)
	r.changed = make(chan struct{})
	if l.err == nil && l.claimable > 0 {
		r.worker.Wake()
	}
}

// next returns a channel that is closed when the next look is published.
func (r *Relay) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

package outbox

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/testkit"
)

// beside returns a connection of the test's own.
func beside(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close(context.Background())) })
	return c
}

// TestALockedOutboxClosesTheGate: PostgreSQL answers, but recorded facts cannot be seen.
func TestALockedOutboxClosesTheGate(t *testing.T) {
	t.Parallel()
	dsn := testkit.Database(t)
	f := started(t, dsn)
	tx, err := beside(t, dsn).Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE cache_outbox`)
	must(t, err)
	locked := time.Now()
	testkit.Eventually(t, "the gate closes", func() bool { return !f.MayServe() })
	t.Logf("closed %v after the lock", time.Since(locked))
	// For as long as it is locked, whatever else the two connections are used for.
	for range 3 {
		last := f.look.Load().at
		testkit.Eventually(t, "another look", func() bool { return f.look.Load().at.After(last) })
		if f.MayServe() || f.Degraded() {
			t.Fatalf("serves %v, degraded %v (%v)", f.MayServe(), f.Degraded(), f.look.Load().err)
		}
	}
	if err := f.db.Ping(t.Context()); err != nil {
		t.Errorf("not ready, because a table is locked: %v", err)
	}
	must(t, tx.Rollback(t.Context()))
	testkit.Eventually(t, "it serves again", f.MayServe)
}

// TestABusyPoolIsNoAbsentDatabase: all of the pool's connections are in use, and a change in psql is seen as always.
func TestABusyPoolIsNoAbsentDatabase(t *testing.T) {
	t.Parallel()
	dsn := testkit.Database(t)
	f := started(t, dsn)
	for range f.db.Pool.Config().MaxConns {
		c, err := f.db.Pool.Acquire(t.Context())
		must(t, err)
		defer c.Release()
	}
	_, err := beside(t, dsn).Exec(t.Context(), insertOne, 7, "S")
	must(t, err)
	testkit.Eventually(t, "the relay applies it", func() bool { return len(f.rec.take()) == 2 })
	testkit.Eventually(t, "it serves, and looks", func() bool { return f.MayServe() && f.Settled() })
	if err := f.db.Ping(t.Context()); err != nil || f.Degraded() {
		t.Errorf("ready: %v, degraded: %v", err, f.Degraded())
	}
}

// TestConnectionsThatWereEndedAreMadeAgain: an administrator ends them, and nobody notices.
func TestConnectionsThatWereEndedAreMadeAgain(t *testing.T) {
	t.Parallel()
	dsn := testkit.Database(t)
	f := newFixture(t, dsn)
	f.timeout, f.hold = 20*lookTimeout, hold // on a busy machine, connecting takes its time
	f.Start(t.Context(), f.rec)
	t.Cleanup(f.Close)
	testkit.Eventually(t, "it serves", f.MayServe)
	must(t, f.db.Ping(t.Context()))
	var ended int
	err := beside(t, dsn).QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'openlearn outbox'`).Scan(&ended)
	if err != nil || ended != 2 {
		t.Fatalf("%d connections ended, want 2: %v", ended, err)
	}
	from := f.look.Load().at
	testkit.Eventually(t, "it looks again", func() bool { l := f.look.Load(); return l.err == nil && l.at.After(from.Add(f.opt.Poll)) })
	if l := f.look.Load(); !l.lastAway.IsZero() {
		t.Error("PostgreSQL was taken for away")
	}
	must(t, f.db.Ping(t.Context()))
}

// line is a TCP connection to a server that can be made slow.
type line struct {
	t     *testing.T
	to    string
	delay atomic.Int64 // ns, of the server's answers
	all   sync.WaitGroup
}

// through returns dsn with the slow line in between.
func through(t *testing.T, dsn string) (*line, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	p := &line{t: t, to: u.Host}
	u.Host = l.Addr().String()
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.carry(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); p.all.Wait() })
	return p, u.String()
}

func (p *line) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	p.all.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		time.Sleep(time.Duration(p.delay.Load()))
		if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// TestASlowPostgresIsNotAway: it answers every look too late to be of use, and accepts commits meanwhile.
func TestASlowPostgresIsNotAway(t *testing.T) {
	t.Parallel()
	slow, dsn := through(t, testkit.Database(t))
	f := started(t, dsn)
	slow.delay.Store(int64(lookFresh + 100*time.Millisecond))
	testkit.Eventually(t, "a look is answered late", func() bool { l := f.look.Load(); return l.err == nil && f.opt.Now().Sub(l.at) > lookFresh })
	for range 200 {
		if f.MayServe() {
			t.Fatalf("serves, degraded %v: %v", f.Degraded(), f.look.Load().err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	slow.delay.Store(0)
	testkit.Eventually(t, "it serves again", f.MayServe)
}

// TestAFrozenPostgresIsAway: it keeps its connections and sends nothing, and readers are served all the time.
func TestAFrozenPostgresIsAway(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	migrate(t, pg.URL())
	f := started(t, pg.URL())
	must(t, f.db.Ping(t.Context()))
	must(t, pg.Pause())
	testkit.Eventually(t, "it notices", f.Degraded)
	refused := 0
	for range 500 {
		if !f.MayServe() {
			refused++
		}
		time.Sleep(10 * time.Millisecond)
	}
	must(t, pg.Resume())
	if refused > 0 {
		t.Errorf("closed at %d of 500 moments while PostgreSQL was frozen", refused)
	}
	testkit.Eventually(t, "it looks again", func() bool { return f.MayServe() && !f.Degraded() })
}

// TestASlowPostgresThatIsGoneIsAway: nothing listens at its address, whatever it did a moment ago.
func TestASlowPostgresThatIsGoneIsAway(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	migrate(t, pg.URL())
	f := newFixture(t, pg.URL())
	must(t, f.see(t.Context()))
	must(t, pg.Kill())
	f.late = time.Now().Add(time.Hour)
	if err := f.see(t.Context()); err == nil || !f.Degraded() || f.look.Load().answered() {
		t.Errorf("%v, degraded %v", err, f.Degraded())
	}
}

// TestWhatWasPendingStaysPending: entries known to be out of date are not served just because PostgreSQL went away too.
func TestWhatWasPendingStaysPending(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	migrate(t, pg.URL())
	a, watcher := started(t, pg.URL()), newFixture(t, pg.URL())
	a.rec.failWith(errRefuses)
	if pending, err := a.insert(1); err != nil || !pending {
		t.Fatalf("pending %v, %v", pending, err)
	}
	must(t, watcher.see(t.Context()))
	must(t, pg.Kill())
	if err := watcher.see(t.Context()); err == nil || !watcher.Degraded() || watcher.MayServe() {
		t.Errorf("%v, degraded %v, serves %v", err, watcher.Degraded(), watcher.MayServe())
	}
	testkit.Eventually(t, "the other notices", a.Degraded)
	if a.MayServe() {
		t.Error("it serves what it could not invalidate")
	}
}

package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"gorm.io/gorm"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// started returns a fixture whose relay runs as it does in the service, and serves.
func started(t *testing.T, url string) *fixture {
	t.Helper()
	f := newFixture(t, url)
	f.timeout, f.hold = lookTimeout, hold
	f.Start(t.Context(), f.rec)
	t.Cleanup(f.Close)
	testkit.Eventually(t, "it serves", f.MayServe)
	return f
}

func (f *fixture) insert(id int) (pending bool, err error) {
	return f.Write(f.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (?, 'A', ?, 't', 'c')`, id, fmt.Sprint("u", id)).Error
	})
}

var errRefuses = errors.New("OOM command not allowed when used memory > 'maxmemory'")

// TestAWriteThatNobodyCanApply: it is acknowledged once no instance serves any more, and no earlier.
func TestAWriteThatNobodyCanApply(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	a, b := started(t, url), started(t, url)
	a.rec.failWith(errRefuses)
	b.rec.failWith(errRefuses)
	pending, err := a.insert(1)
	serves := [2]bool{a.MayServe(), b.MayServe()}
	if err != nil || !pending || serves != [2]bool{} {
		t.Fatalf("pending %v, %v; the instances serve: %v", pending, err, serves)
	}
	if n := testutil.ToFloat64(a.metrics.pending); n != 1 {
		t.Errorf("cache_outbox_pending_total %v", n)
	}
	// While the gates are already closed, a write has nothing to wait for.
	testkit.Eventually(t, "the mark is as old as the bound", func() bool {
		l := a.look.Load()
		return l.refused != 0 && l.at.Sub(l.since) > closedBy
	})
	began := time.Now()
	for i := range 8 {
		if pending, err := a.insert(2 + i); err != nil || !pending || b.MayServe() {
			t.Fatalf("pending %v, %v; the other serves: %v", pending, err, b.MayServe())
		}
	}
	if took := time.Since(began); took > 8*closedBy/2 {
		t.Errorf("8 writes with all gates closed took %v", took)
	}
	a.rec.failWith(nil)
	b.rec.failWith(nil)
	testkit.Eventually(t, "both serve again", func() bool { return a.MayServe() && b.MayServe() && a.waiting() == 0 })
	if n := len(append(a.rec.take(), b.rec.take()...)); n < 10 { // nine articles and their source
		t.Errorf("%d dependencies were invalidated", n)
	}
}

// TestAnotherInstanceApplies what this one cannot, which is cut off from Redis: the write waits for that.
func TestAnotherInstanceApplies(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	a, b := started(t, url), started(t, url)
	a.rec.failWith(errRefuses)
	pending, err := a.insert(1)
	if got := fmt.Sprint(b.rec.take()); err != nil || pending || got != "[scraped_content INSERT 1 source A]" {
		t.Fatalf("pending %v, %v; the other one has applied %s", pending, err, got)
	}
	testkit.Eventually(t, "it serves again: nothing is pending", a.MayServe)
}

// TestAWriteThatNobodyCanVouchFor: PostgreSQL goes away after the commit, so others may go on serving without noticing.
func TestAWriteThatNobodyCanVouchFor(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	_, err := postgres.Migrate(t.Context(), pg.URL())
	must(t, err)
	f := newFixture(t, pg.URL())
	f.timeout = lookTimeout
	f.Start(t.Context(), invalidator(func() error { return errors.Join(errRefuses, pg.Kill()) }))
	t.Cleanup(f.Close)
	testkit.Eventually(t, "it serves", f.MayServe)
	pending, err := f.insert(1)
	if !pending || !errors.Is(err, ErrUnconfirmed) || f.MayServe() {
		t.Errorf("pending %v, %v, serves %v", pending, err, f.MayServe())
	}
	must(t, pg.Start(t.Context()))
	testkit.Eventually(t, "the fact is stored", func() bool {
		var n int
		err := f.db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM cache_outbox").Scan(&n)
		return err == nil && n == 1
	})
}

type invalidator func() error

func (i invalidator) Invalidate(context.Context, ...string) error { return i() }

// TestALookCountsFromItsStart: what is recorded while it runs may be missing from it.
func TestALookCountsFromItsStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	clock := testkit.NewClock(time.Now())
	f.opt.Now = clock.Now
	f.opt.NewDatabase = func(context.Context, string) error {
		clock.Advance(lookFresh - 100*time.Millisecond)
		return nil
	}
	must(t, f.see(t.Context()))
	if !f.MayServe() {
		t.Error("does not serve on a look that began 700 ms ago")
	}
	clock.Advance(150 * time.Millisecond)
	if f.MayServe() {
		t.Error("serves on a look that began 850 ms ago and ended 150 ms ago")
	}
}

// TestRelaysLeaveToWritersWhatIsTheirs: while its writer lives, no fact is applied twice.
func TestRelaysLeaveToWritersWhatIsTheirs(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	instances := []*fixture{newFixture(t, url), newFixture(t, url)}
	const writers, each = 3, 25
	var wg sync.WaitGroup
	for _, f := range instances {
		f.opt.Poll = time.Millisecond // as often as can be
		f.Start(t.Context(), f.rec)
		defer f.Close()
	}
	for i, f := range instances {
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					if pending, err := f.insert(1 + n + each*(w+writers*i)); err != nil || pending {
						t.Errorf("pending %v, %v", pending, err)
					}
				}
			})
		}
	}
	wg.Wait()
	testkit.Eventually(t, "all is deleted", func() bool { return instances[0].waiting() == 0 })
	direct := testutil.ToFloat64(instances[0].metrics.direct) + testutil.ToFloat64(instances[1].metrics.direct)
	again := testutil.ToFloat64(instances[0].metrics.relayed) + testutil.ToFloat64(instances[1].metrics.relayed)
	t.Logf("of %v facts that their writers applied, relays applied %v again", direct, again)
	if direct != 2*writers*each || again != 0 {
		t.Errorf("%v applied by their writers, %v by relays again; want %d and none", direct, again, 2*writers*each)
	}
}

// TestAWriterThatDiedLetsGo: its facts are left to it during the hold, and applied by others afterwards.
func TestAWriterThatDiedLetsGo(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	dead, f := newFixture(t, url), newFixture(t, url)
	commit := func(id int) {
		t.Helper()
		facts, err := dead.commit(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec(`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (?, 'A', ?, 't', 'c')`, id, fmt.Sprint("u", id)).Error
		})
		if err != nil || len(facts) != 1 {
			t.Fatalf("%v, %v", facts, err)
		}
	}
	commit(1)
	if got := f.pass(); len(got) != 0 || f.waiting() != 1 {
		t.Fatalf("%v was taken out of its writer's hands", got)
	}
	dead.hold = 10 * time.Millisecond
	commit(2)
	testkit.Eventually(t, "the other fact is applied", func() bool { return strings.Contains(strings.Join(f.pass(), " "), "INSERT 2") })
	if f.waiting() != 1 {
		t.Errorf("%d facts left, want the one that is still held", f.waiting())
	}
}

// TestTheOwnGateClosesAtOnce and opens with a look that began later and no longer shows what could not be applied.
func TestTheOwnGateClosesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	f.pass()
	f.psql(insertOne, 1, "A")
	var id int64
	must(t, f.db.Pool.QueryRow(t.Context(), "SELECT id FROM cache_outbox").Scan(&id))
	before := look{at: f.opt.Now()}
	f.close([]int64{id})
	if f.MayServe() {
		t.Error("serves")
	}
	f.publish(before)
	if f.MayServe() {
		t.Error("serves after a look that had begun before")
	}
	must(t, f.see(t.Context()))
	if f.MayServe() {
		t.Error("serves although the fact is still there, young as it is")
	}
	f.psql(`DELETE FROM cache_outbox`)
	f.psql(insertOne, 2, "A") // another fact, which nobody has failed to apply
	must(t, f.see(t.Context()))
	if !f.MayServe() {
		t.Error("does not serve although somebody has applied the fact")
	}
}

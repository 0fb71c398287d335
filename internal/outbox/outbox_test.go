package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// recorder is an Invalidator that records its calls, and fails while told to.
type recorder struct {
	mu    sync.Mutex
	deps  []string
	fail  error
	calls int
	first func() // before the first call is answered
}

func (r *recorder) Invalidate(_ context.Context, deps ...string) error {
	r.mu.Lock()
	first := r.first
	r.first = nil
	r.mu.Unlock()
	if first != nil {
		first()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.fail != nil {
		return r.fail
	}
	r.deps = append(r.deps, deps...)
	return nil
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.deps
	r.deps = nil
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *recorder) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// describe makes a fact readable: what the tests compare.
func describe(f Fact) []string {
	if f.Keys == nil {
		return []string{f.Table + " " + f.Operation}
	}
	out := []string{}
	for _, k := range f.Keys {
		out = append(out, fmt.Sprintf("%s %s %s", f.Table, f.Operation, k))
	}
	for kind, values := range f.Labels {
		for _, v := range values {
			out = append(out, kind+" "+v)
		}
	}
	return out
}

var described = Rules{"scraped_content": describe, "content_analysis": describe, "article_revisions": describe}

type fixture struct {
	*Relay
	t   *testing.T
	db  *postgres.DB
	rec *recorder
}

// newFixture is a relay whose passes the test makes by hand.
func newFixture(t *testing.T, url string) *fixture {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url, MaxConns: 4}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	rec := &recorder{}
	r := New(Options{DB: db, Rules: described})
	r.cache, r.timeout, r.hold = rec, 30*time.Second, 30*time.Second // not an outage, only a busy machine
	return &fixture{r, t, db, rec}
}

// psql makes a change past the service.
func (f *fixture) psql(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Pool.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
}

// round is what a started relay does again and again: look, work, look at the outcome.
func (f *fixture) round() error {
	ctx := f.t.Context()
	return errors.Join(f.see(ctx), f.work(ctx), f.see(ctx))
}

func (f *fixture) pass() []string {
	f.t.Helper()
	if err := f.round(); err != nil {
		f.t.Fatal(err)
	}
	return f.rec.take()
}

func (f *fixture) waiting() (n int) {
	f.t.Helper()
	if err := f.db.Pool.QueryRow(f.t.Context(), "SELECT count(*) FROM cache_outbox").Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

const insertOne = `INSERT INTO scraped_content (id, source, source_url, title, content) VALUES ($1::bigint, $2, 'u' || $1, 't', 'c')`

func TestEveryStatementLeavesItsFact(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	for _, c := range []struct {
		sql  string
		want string
	}{
		{`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (1, 'A', 'u1', 't', 'c'), (2, 'B', 'u2', 't', 'c')`, "scraped_content INSERT 1, scraped_content INSERT 2, source A, source B"},
		{`UPDATE scraped_content SET source = 'C' WHERE id = 1`, "scraped_content UPDATE 1, source A, source C"},
		{`UPDATE scraped_content SET id = 9 WHERE id = 2`, "scraped_content UPDATE 2, scraped_content UPDATE 9, source B"},
		{`UPDATE scraped_content SET title = 'x' WHERE id = 12345`, ""},
		{`INSERT INTO scraped_content (source, source_url, title, content) VALUES ('A', 'u1', 't', 'c') ON CONFLICT DO NOTHING`, ""},
		{`INSERT INTO content_analysis (id, content_id) VALUES (5, 9)`, "content_analysis INSERT 5"},
		{`DELETE FROM scraped_content WHERE id = 9`, "content_analysis DELETE 5, scraped_content DELETE 9, source B"},
		{`INSERT INTO scraped_content (source, source_url, title, content) SELECT 'A', 'bulk' || i, 't', 'c' FROM generate_series(1, 10000) AS i`, "scraped_content INSERT"},
		{`UPDATE scraped_content SET title = 'y'`, "scraped_content UPDATE"},
		{`TRUNCATE scraped_content, content_analysis, article_revisions`, "article_revisions TRUNCATE, content_analysis TRUNCATE, scraped_content TRUNCATE"},
	} {
		f.psql(c.sql)
		if n := f.waiting(); n > 3 {
			t.Errorf("%s left %d rows", c.sql, n)
		}
		if got := strings.Join(f.pass(), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
		if n := f.waiting(); n != 0 {
			t.Errorf("%s: %d rows left after the pass", c.sql, n)
		}
	}
}

func TestAtMost500RowsAreNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	insert := `INSERT INTO scraped_content (source, source_url, title, content) SELECT 'A', $2 || i::text, 't', 'c' FROM generate_series(1, $1::int) AS i`
	f.psql(insert, 500, "a")
	if got := f.pass(); len(got) != 501 {
		t.Errorf("500 rows: %d names, want 500 and the source", len(got))
	}
	f.psql(insert, 501, "b")
	if got := f.pass(); len(got) != 1 {
		t.Errorf("501 rows: %v, want the table", got)
	}
}

func TestWriteAppliesAfterItsCommit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	write := func(id int, fail error) (bool, error) {
		return f.Write(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec(`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (?, ?, ?, 't', 'c')`,
				id, fmt.Sprint("S", id), fmt.Sprint("u", id)).Error; err != nil {
				return err
			}
			if got := f.rec.take(); len(got) != 0 {
				t.Errorf("invalidated before the commit: %v", got)
			}
			return fail
		})
	}
	if pending, err := write(1, nil); err != nil || pending {
		t.Fatalf("%v, %v", pending, err)
	}
	if got := fmt.Sprint(f.rec.take()); got != "[scraped_content INSERT 1 source S1]" {
		t.Errorf("invalidated %s", got)
	}
	if got := f.pass(); len(got) != 0 || f.waiting() != 0 {
		t.Errorf("the relay applied %v again, %d rows left", got, f.waiting())
	}
	if _, err := write(2, errors.New("no")); err == nil || f.waiting() != 0 || len(f.rec.take()) != 0 {
		t.Errorf("rolled back: %v, %d rows", err, f.waiting())
	}
}

// TestTheGate checks the gate by the clock and by what looks show.
func TestTheGate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	clock := testkit.NewClock(time.Now())
	f.opt.Now = clock.Now
	if f.MayServe() {
		t.Error("serves before its first look")
	}
	f.pass()
	if !f.MayServe() || !f.Settled() {
		t.Error("does not serve after a look at an empty outbox")
	}
	clock.Advance(lookFresh + time.Millisecond)
	if f.MayServe() {
		t.Error("serves on a look that is too old")
	}
	f.psql(insertOne, 1, "A")
	must(t, f.see(t.Context()))
	if !f.MayServe() || f.Settled() {
		t.Error("a young fact: serve, but not settled")
	}
	clock.Advance(pendingMost)
	if f.MayServe() {
		t.Error("a fact grows old between two looks, and is served past")
	}
	f.psql(`UPDATE cache_outbox SET recorded_at = recorded_at + interval '1 hour'`)
	must(t, f.see(t.Context()))
	if f.MayServe() {
		t.Error("a fact of the future (the server's clock went back) counts as young")
	}
	f.psql(`UPDATE cache_outbox SET recorded_at = clock_timestamp(), refused = true`)
	must(t, f.see(t.Context()))
	if f.MayServe() {
		t.Error("serves although some instance could not apply a fact")
	}
	if got := f.pass(); len(got) != 2 || !f.MayServe() || !f.Settled() || f.waiting() != 0 {
		t.Errorf("applied %v, serves %v", got, f.MayServe())
	}
	// A relay that cannot apply what it has claimed serves nothing itself, and tells the others.
	f.rec.failWith(errors.New("Redis is away"))
	f.psql(insertOne, 2, "A")
	if err := f.round(); err == nil || f.MayServe() {
		t.Errorf("a claim failed: serves %v, %v", f.MayServe(), err)
	}
	if l := f.look.Load(); l.refused == 0 {
		t.Error("others are not told")
	}
	f.rec.failWith(nil)
	must(t, f.round())
	if f.waiting() != 1 {
		t.Error("claimed again at once: others get no chance")
	}
	clock.Advance(time.Second)
	if got := f.pass(); len(got) != 2 || !f.MayServe() {
		t.Errorf("Redis is back: applied %v, serves %v", got, f.MayServe())
	}
}

func TestRelaysShareTheWork(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	a, b := newFixture(t, url), newFixture(t, url)
	const facts = 300 // more than one relay claims at once
	for i := range facts {
		a.psql(insertOne, i+1, "S")
	}
	// Each has claimed facts before either goes on.
	var met, wg sync.WaitGroup
	met.Add(2)
	for _, f := range []*fixture{a, b} {
		f.rec.first = func() {
			met.Done()
			both := make(chan struct{})
			go func() { met.Wait(); close(both) }()
			select {
			case <-both:
			case <-time.After(30 * time.Second):
				t.Error("one relay has all the facts in hand")
			}
		}
	}
	for _, f := range []*fixture{a, b} {
		wg.Go(func() {
			if err := f.round(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	ofA, ofB := len(a.rec.take())-1, len(b.rec.take())-1 // except for the source, which both name
	if ofA < 1 || ofB < 1 || ofA+ofB != facts || a.waiting() != 0 {
		t.Errorf("%d and %d facts applied, %d left; want %d between the two", ofA, ofB, a.waiting(), facts)
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	here, there := newFixture(t, url), newFixture(t, url)
	there.opt.Region = "west"
	here.psql(`INSERT INTO cache_region VALUES ('west')`)
	here.psql(insertOne, 1, "S")
	if got := here.pass(); len(got) != 2 || here.waiting() != 1 {
		t.Errorf("here: %v, %d rows left for the other region", got, here.waiting())
	}
	if got := there.pass(); len(got) != 2 || here.waiting() != 0 {
		t.Errorf("there: %v", got)
	}
}

// TestWithoutAnOutboxNothingIsServed: a database that answers and has no outbox can announce nothing.
func TestWithoutAnOutboxNothingIsServed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	f.pass()
	if !f.MayServe() {
		t.Fatal("does not serve")
	}
	f.psql(`DROP TABLE cache_outbox CASCADE`)
	if err := f.round(); err == nil || f.MayServe() || f.Degraded() {
		t.Errorf("no outbox: serves %v, degraded %v, %v", f.MayServe(), f.Degraded(), err)
	}
}

func TestAnotherDatabaseIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	var told []string
	var fail error
	f.opt.NewDatabase = func(_ context.Context, identity string) error {
		if fail == nil {
			told = append(told, identity)
		}
		return fail
	}
	f.pass()
	f.pass()
	if len(told) != 1 || !f.MayServe() {
		t.Fatalf("told %q, serves %v", told, f.MayServe())
	}
	f.psql(`UPDATE cache_database SET id = gen_random_uuid()`)
	fail = errors.New("Redis is away")
	if err := f.round(); err == nil || f.MayServe() {
		t.Errorf("another database, and nobody could be told: serves %v, %v", f.MayServe(), err)
	}
	fail = nil
	f.pass()
	if len(told) != 2 || told[0] == told[1] || !f.MayServe() {
		t.Errorf("told %q, serves %v", told, f.MayServe())
	}
}

func TestPostgresAway(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	if _, err := postgres.Migrate(t.Context(), pg.URL()); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, pg.URL())
	f.pass()
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := f.round(); err == nil {
		t.Error("a pass without PostgreSQL reports no error")
	}
	if !f.MayServe() || !f.Degraded() || f.Settled() {
		t.Errorf("PostgreSQL away: serves %v, degraded %v; want both", f.MayServe(), f.Degraded())
	}
}

// TestStartedRelay runs the goroutine: a change beside the service is applied without anybody asking.
func TestStartedRelay(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	f.Start(t.Context(), f.rec)
	defer f.Close()
	f.psql(insertOne, 7, "S")
	deadline := time.After(30 * time.Second)
	for {
		if got := f.rec.take(); slices.Contains(got, "scraped_content INSERT 7") {
			return
		}
		select {
		case <-deadline:
			t.Fatal("never relayed")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"openlearn/internal/testkit"
)

// feeding is a fixture with a feed whose clock stands still.
type feeding struct {
	*fixture
	feed  *Feed
	clock *testkit.Clock
	given []string
}

func newFeeding(t *testing.T) *feeding {
	t.Helper()
	f := &feeding{fixture: newFixture(t, testkit.Database(t)), clock: testkit.NewClock(time.Now())}
	f.feed = NewFeed(FeedOptions{Pool: f.db.Pool, Region: "outside", Rules: described, Now: f.clock.Now})
	return f
}

func (f *feeding) join() (first bool) {
	f.t.Helper()
	must(f.t, f.feed.Join(f.t.Context(), func(context.Context, pgx.Tx) error { first = true; return nil }))
	return first
}

func (f *feeding) take() string {
	f.t.Helper()
	f.given = nil
	_, err := f.feed.Take(f.t.Context(), 100, func(_ context.Context, _ pgx.Tx, h Handful) error {
		f.given = append(f.given, h.Deps...)
		if h.Unknown {
			f.given = append(f.given, "anything")
		}
		return nil
	})
	must(f.t, err)
	slices.Sort(f.given)
	return strings.Join(f.given, "; ")
}

// insertBy is insertOne for gorm.
func insertBy(id int) string {
	return fmt.Sprintf(`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (%[1]d, 'S', 'u%[1]d', 't', 'c')`, id)
}

// TestAFeedComesAfterTheCaches: what is handed on has been invalidated before, or every instance that could not do so has
// closed its gate.
func TestAFeedComesAfterTheCaches(t *testing.T) {
	t.Parallel()
	f := newFeeding(t)
	f.psql(insertOne, 1, "S")
	if !f.join() || f.join() {
		t.Error("the first to join is told so, and only it")
	}
	f.pass()
	f.psql(insertOne, 2, "S")
	if got := f.take(); got != "" {
		t.Errorf("handed on %q before it was invalidated", got)
	}
	f.pass() // the relay invalidates, and deletes its fact
	if got := f.take(); got != "scraped_content INSERT 2; source S" {
		t.Errorf("handed on %q; what was before it joined is not its", got)
	}
	if got := f.take(); got != "" || f.waiting() != 0 {
		t.Errorf("handed on twice: %q; %d facts are left", got, f.waiting())
	}
	// Redis cannot be reached: gates close, and then it is handed on even so.
	f.rec.failWith(errors.New("no Redis"))
	f.psql(insertOne, 3, "S")
	if got := f.take(); got != "" {
		t.Errorf("handed on %q at once", got)
	}
	f.clock.Advance(closedBy - time.Millisecond)
	if got := f.take(); got != "" {
		t.Errorf("handed on %q before the gates are closed", got)
	}
	f.clock.Advance(time.Millisecond)
	if got := f.take(); got != "scraped_content INSERT 3; source S" {
		t.Errorf("handed on %q when the gates are closed", got)
	}
	if n := f.waiting(); n != 1 {
		t.Errorf("%d facts wait, want the caches' own", n)
	}
}

// TestAFeedIsInNobodysWay: its facts are neither pending for the caches nor applied by writers, and come with the transaction.
func TestAFeedIsInNobodysWay(t *testing.T) {
	t.Parallel()
	f := newFeeding(t)
	f.join()
	pending, err := f.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(insertBy(5)).Error })
	must(t, err)
	if pending {
		t.Error("pending")
	}
	must(t, f.round())
	if n, _ := f.Backlog(); n != 0 || !f.MayServe() || !f.Settled() {
		t.Errorf("%d pending facts: the feed's count", n)
	}
	refused := errors.New("no")
	if _, err := f.feed.Take(t.Context(), 10, func(context.Context, pgx.Tx, Handful) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if got := f.take(); got != "scraped_content INSERT 5; source S" {
		t.Errorf("after a taker that failed: %q", got)
	}
	_, err = f.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Exec(insertBy(6)).Error, refused)
	})
	if got := f.take(); !errors.Is(err, refused) || got != "" {
		t.Errorf("of a transaction that was rolled back: %q, %v", got, err)
	}
}

// TestAFeedIsCompleteOnceOlderTransactionsAreDone: one that began before it joined may have left no fact for it.
func TestAFeedIsCompleteOnceOlderTransactionsAreDone(t *testing.T) {
	t.Parallel()
	f := newFeeding(t)
	look := func() FeedState {
		t.Helper()
		s, err := f.feed.Look(t.Context())
		must(t, err)
		return s
	}
	if s := look(); s.Joined || s.Complete {
		t.Errorf("before it joined: %+v", s)
	}
	tx, err := beside(t, f.db.Pool.Config().ConnString()).Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), insertOne, 1, "S")
	must(t, err)
	f.join()
	if s := look(); !s.Joined || s.Complete {
		t.Errorf("beside an older transaction: %+v", s)
	}
	must(t, tx.Commit(t.Context()))
	// Transactions of other tests' databases count too.
	testkit.Eventually(t, "it is complete", func() bool { return look().Complete })
	f.psql(insertOne, 2, "S")
	if s := look(); s.Waiting != 1 || s.Oldest <= 0 {
		t.Errorf("%+v", s)
	}
}

// TestAFeedThatNobodyReads is bounded, and ends.
func TestAFeedThatNobodyReads(t *testing.T) {
	t.Parallel()
	f := newFeeding(t)
	f.join()
	for i := range 6 {
		f.psql(insertOne, i, "S")
	}
	f.pass()
	must(t, f.feed.Tend(t.Context(), time.Hour, 6))
	if f.waiting() != 6 {
		t.Fatalf("%d facts", f.waiting())
	}
	must(t, f.feed.Tend(t.Context(), time.Hour, 5))
	if got := f.take(); got != "anything" || f.waiting() != 0 {
		t.Errorf("handed on %q, %d left", got, f.waiting())
	}
	f.psql(insertOne, 7, "S")
	f.pass()
	f.psql(`UPDATE cache_region SET read_at = read_at - interval '61 minutes' WHERE name = 'outside'`)
	must(t, f.feed.Tend(t.Context(), time.Hour, 5))
	if joined, err := f.feed.Joined(t.Context()); err != nil || joined || f.waiting() != 0 {
		t.Errorf("joined %v, %d facts, %v", joined, f.waiting(), err)
	}
	if !f.join() {
		t.Error("who joins again is told that it is the first")
	}
	must(t, f.feed.Tend(t.Context(), time.Hour, 5))
	// Reading says that it is read.
	f.psql(`UPDATE cache_region SET read_at = read_at - interval '61 minutes' WHERE name = 'outside'`)
	_, err := f.feed.Look(t.Context())
	must(t, err)
	must(t, f.feed.Tend(t.Context(), time.Hour, 5))
	if joined, err := f.feed.Joined(t.Context()); err != nil || !joined {
		t.Errorf("ended although it is read: %v", err)
	}
}

func TestARequestHearsWhatItsWritesChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	ctx, heard := Listen(t.Context())
	_, err := f.Write(ctx, func(tx *gorm.DB) error { return tx.Exec(insertBy(5)).Error })
	must(t, err)
	if got := strings.Join(heard.Deps(), "; "); got != "scraped_content INSERT 5; source S" {
		t.Errorf("heard %q", got)
	}
}

package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

// note is the job of these tests.
type note struct {
	Text  string `json:"text" river:"unique"`
	Other int    `json:"other"`
}

func (note) Kind() string { return "test_note" }

// options gives options with short intervals.
func options(url string) Options {
	return Options{
		Database: postgres.Config{URL: url, ConnectTimeout: 2 * time.Second}, Poll: 10 * time.Millisecond, Beat: 20 * time.Millisecond, Lease: 10 * time.Second,
		SoftStop: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
}

// newClient makes a client for notes; with 0 workers it runs none.
func newClient(t testing.TB, o Options, workers int, k KindOptions, work func(context.Context, *Job[note]) error, schedules ...Schedule) *Client {
	t.Helper()
	if k.Timeout == 0 {
		k.Timeout = time.Minute
	}
	if k.Backoff == nil {
		k.Backoff = func(int) time.Duration { return 0 }
	}
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Register(Work{Queue: Queue{"notes", workers}, Kinds: []Kind{Handle(k, work)}, Schedules: schedules}); err != nil {
		t.Fatal(err)
	}
	c.Start(context.WithoutCancel(t.Context()))
	return c
}

func nothing(context.Context, *Job[note]) error { return nil }

func (c *Client) insert(t testing.TB, n note) Inserted {
	t.Helper()
	in, err := c.Insert(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// await waits until a job is in a state.
func (c *Client) await(t testing.TB, id int64, want State) (i Info) {
	t.Helper()
	testkit.Eventually(t, "job "+string(want), func() bool {
		var err error
		if i, err = c.Get(t.Context(), id, "test_note"); err != nil {
			t.Fatal(err)
		}
		return i.State == want
	})
	return i
}

func TestAJobIsDoneByWhoeverHasWorkers(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	got := make(chan note, 1)
	reg := prometheus.NewRegistry()
	o := options(url)
	o.Registerer = reg
	newClient(t, o, 2, KindOptions{}, func(ctx context.Context, j *Job[note]) error {
		j.Conclude(ctx, map[string]int{"done": 3})
		got <- j.Args
		return nil
	})
	inserter := newClient(t, options(url), 0, KindOptions{}, nothing)
	if inserter.Works() {
		t.Error("a client without workers says that it works")
	}
	in := inserter.insert(t, note{"á", 7})
	if in.Duplicate || in.State != Available {
		t.Errorf("inserted: %+v", in)
	}
	if n := <-got; n != (note{"á", 7}) {
		t.Errorf("arguments: %+v", n)
	}
	i := inserter.await(t, in.ID, Completed)
	if string(i.Progress) != `{"done": 3}` || i.Attempt != 1 || i.Ended == nil || i.Begun == nil || len(i.Errors) != 0 || i.Queue != "notes" || i.Worker == "" {
		t.Errorf("%+v, progress %s", i, i.Progress)
	}
	if _, err := inserter.Get(t.Context(), in.ID, "another"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of another kind: %v", err)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`# HELP jobs_attempts_total Attempts at background jobs by this process, by how they ended: done, failed, panicked, cancelled, snoozed or interrupted.
# TYPE jobs_attempts_total counter
jobs_attempts_total{kind="test_note",outcome="done"} 1
jobs_attempts_total{kind="test_note",outcome="failed"} 0
jobs_attempts_total{kind="test_note",outcome="panicked"} 0
`), "jobs_attempts_total"); err != nil {
		t.Error(err)
	}
}

// TestFailuresAreTriedAgain: an error, a panic, then success; and one that never succeeds is given up.
func TestFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int32
	c := newClient(t, options(testkit.Database(t)), 1, KindOptions{Attempts: 3}, func(_ context.Context, j *Job[note]) error {
		switch {
		case j.Args.Text == "hopeless":
			return errors.New("no")
		case j.Args.Text == "senseless":
			return Cancel(errors.New("never"))
		case attempts.Add(1) == 1:
			return errors.New("not yet")
		case attempts.Load() == 2:
			panic("oh")
		}
		return nil
	})
	i := c.await(t, c.insert(t, note{Text: "patience"}).ID, Completed)
	if i.Attempt != 3 || len(i.Errors) != 2 || i.Errors[0].Error != "not yet" || !strings.Contains(i.Errors[1].Error, "oh") {
		t.Errorf("after two failures: %+v", i)
	}
	if i := c.await(t, c.insert(t, note{Text: "hopeless"}).ID, Discarded); i.Attempt != 3 || len(i.Errors) != 3 {
		t.Errorf("given up: %+v", i)
	}
	if i := c.await(t, c.insert(t, note{Text: "senseless"}).ID, Cancelled); i.Attempt != 1 {
		t.Errorf("cancelled: %+v", i)
	}
	for outcome, want := range map[string]float64{outcomeDone: 1, outcomePanicked: 1, outcomeFailed: 4, outcomeCancelled: 1} {
		if n := testutil.ToFloat64(c.metrics.ended.WithLabelValues("test_note", outcome)); n != want {
			t.Errorf("%s: %v, want %v", outcome, n, want)
		}
	}
}

// TestOneAtATime: of a unique kind there is only one unfinished job with the same arguments, whoever inserts.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	goOn := make(chan struct{})
	c := newClient(t, options(url), 2, KindOptions{Unique: true}, func(context.Context, *Job[note]) error { <-goOn; return nil })
	other := newClient(t, options(url), 0, KindOptions{Unique: true}, nothing)
	first := c.insert(t, note{"a", 1})
	c.await(t, first.ID, Running)
	if again := other.insert(t, note{"a", 2}); !again.Duplicate || again.ID != first.ID || again.State != Running {
		t.Errorf("while it runs: %+v, the first was %+v", again, first)
	}
	many, err := other.InsertMany(t.Context(), []Args{note{"a", 3}, note{"b", 3}, note{"b", 4}})
	if err != nil || !many[0].Duplicate || many[1].Duplicate || !many[2].Duplicate || many[2].ID != many[1].ID {
		t.Errorf("many: %+v, %v", many, err)
	}
	close(goOn)
	c.await(t, first.ID, Completed)
	if again := other.insert(t, note{"a", 5}); again.Duplicate {
		t.Errorf("after its end: %+v", again)
	}
}

// TestSchedules: periodic jobs are inserted by one of the processes.
func TestSchedules(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	var done atomic.Int32
	work := func(context.Context, *Job[note]) error { done.Add(1); return nil }
	for range 2 {
		newClient(t, options(url), 1, KindOptions{Unique: true}, work, Schedule{Every: time.Second, Args: note{Text: "tick"}})
	}
	testkit.Eventually(t, "two ticks", func() bool { return done.Load() >= 2 })
}

// TestWaitingJobsCanBegin: RunNow starts a job that waits for its time.
func TestWaitingJobsCanBegin(t *testing.T) {
	t.Parallel()
	c := newClient(t, options(testkit.Database(t)), 1, KindOptions{}, nothing)
	in, err := c.InsertAt(t.Context(), note{Text: "later"}, time.Now().Add(time.Hour))
	if err != nil || in.State != Scheduled {
		t.Fatalf("%+v, %v", in, err)
	}
	if err := c.RunNow(t.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	i := c.await(t, in.ID, Completed)
	if err := c.RunNow(t.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	if again, err := c.Get(t.Context(), in.ID, i.Kind); err != nil || again.State != Completed {
		t.Errorf("one that has ended: %+v, %v", again, err)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	c := newClient(t, options(testkit.Database(t)), 0, KindOptions{}, nothing)
	a, b, d := c.insert(t, note{"a", 1}), c.insert(t, note{"b", 1}), c.insert(t, note{"a", 2})
	kinds := []string{"test_note"}
	for _, test := range []struct {
		name string
		f    Filter
		want []int64
	}{
		{"all", Filter{Kinds: kinds}, []int64{d.ID, b.ID, a.ID}},
		{"another kind", Filter{Kinds: []string{"x"}}, nil},
		{"a page", Filter{Kinds: kinds, Limit: 1, Before: d.ID}, []int64{b.ID}},
		{"by state", Filter{Kinds: kinds, States: []State{Running}}, nil},
		{"by states", Filter{Kinds: kinds, States: []State{Running, Available}, Limit: 1}, []int64{d.ID}},
		{"by arguments", Filter{Kinds: kinds, Like: note{"a", 1}}, []int64{a.ID}},
	} {
		got, err := c.List(t.Context(), test.f)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, i := range got {
			ids = append(ids, i.ID)
		}
		if len(ids) != len(test.want) {
			t.Errorf("%s: %v, want %v", test.name, ids, test.want)
			continue
		}
		for i := range ids {
			if ids[i] != test.want[i] {
				t.Errorf("%s: %v, want %v", test.name, ids, test.want)
			}
		}
	}
}

func TestMistakesAreTold(t *testing.T) {
	t.Parallel()
	c, err := Open(t.Context(), options(testkit.Database(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
	}()
	if _, err := c.Insert(t.Context(), note{}); err == nil || !strings.Contains(err.Error(), "registered") {
		t.Errorf("before Register: %v", err)
	}
	handled := Handle(KindOptions{Timeout: time.Minute}, nothing)
	for name, w := range map[string]Work{
		"no timeout":      {Kinds: []Kind{Handle(KindOptions{}, nothing)}},
		"a kind twice":    {Kinds: []Kind{handled, handled}},
		"a queue's name":  {Queue: Queue{"not a name!", 1}, Kinds: []Kind{handled}},
		"unknown kind":    {Schedules: []Schedule{{Every: time.Minute, Args: note{}}}},
		"never scheduled": {Kinds: []Kind{handled}, Schedules: []Schedule{{Args: note{}}}},
	} {
		c.kinds = map[string]Kind{}
		if err := c.Register(w); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := Open(t.Context(), Options{Database: postgres.Config{URL: "::"}}); err == nil {
		t.Error("a malformed address is taken")
	}
	if err := (&Config{PoolSize: 1}).Validate(); err == nil || !strings.Contains(err.Error(), "JOBS_POOL_SIZE") {
		t.Errorf("a pool of one: %v", err)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	backoff := Exponential(10*time.Second, time.Hour)
	for attempt, want := range map[int]time.Duration{2: 10 * time.Second, 3: time.Minute, 4: 6 * time.Minute, 5: 36 * time.Minute, 6: time.Hour, 60: time.Hour} {
		if got := backoff(attempt); got < want*89/100 || got > want*111/100 {
			t.Errorf("before attempt %d: %v, want about %v", attempt, got, want)
		}
	}
}

// TestTheLogIsQuiet: a message that is repeated with every poll is written once a minute.
func TestTheLogIsQuiet(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := slog.New(quieten(slog.NewTextHandler(&out, nil)))
	for range 3 {
		log.With("a", 1).Error("away")
		log.Error("broken")
		log.Info("news")
	}
	if s := out.String(); strings.Count(s, "away") != 1 || strings.Count(s, "broken") != 1 || strings.Count(s, "news") != 0 {
		t.Errorf("%s", s)
	}
}

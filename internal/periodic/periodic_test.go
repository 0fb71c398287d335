package periodic

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tests wait for signals: this bound only ends a hang, and nothing depends on its length.
const bound = 30 * time.Second

func receive[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(bound):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

func TestPassesFollowEachOther(t *testing.T) {
	t.Parallel()
	passed := make(chan error)
	var running, overlaps atomic.Int32
	r := Start(t.Context(), Job{Name: "count", Every: time.Millisecond, Pass: func(context.Context) error {
		if running.Add(1) > 1 {
			overlaps.Add(1)
		}
		defer running.Add(-1)
		return nil
	}, Passed: func(err error) { passed <- err }})
	for range 5 {
		if err := receive(t, "a pass", passed); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		for range passed { // the runner may be reporting another pass while it is closed
		}
	}()
	r.Close()
	close(passed)
	if overlaps.Load() > 0 {
		t.Error("two passes ran at once")
	}
}

func TestWakeBeginsAPassNow(t *testing.T) {
	t.Parallel()
	passed := make(chan error, 10)
	r := Start(t.Context(), Job{Name: "rare", First: time.Hour, Every: time.Hour, Pass: func(context.Context) error { return nil }, Passed: func(err error) { passed <- err }})
	defer r.Close()
	r.Wake()
	receive(t, "the woken pass", passed)
	r.Wake()
	receive(t, "the second woken pass", passed)
	r.Close()
	if n := len(passed); n != 0 {
		t.Errorf("%d passes that nobody asked for", n)
	}
}

func TestCloseEndsThePassAndRunsLast(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	var order []string
	r := Start(t.Context(), Job{
		Name: "slow", Every: time.Hour,
		Pass: func(ctx context.Context) error {
			close(began)
			<-ctx.Done()
			order = append(order, "pass")
			return ctx.Err()
		},
		Last: func(ctx context.Context) error {
			order = append(order, "last")
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("Last has no bound")
			}
			return ctx.Err()
		},
	})
	receive(t, "the pass", began)
	r.Close()
	r.Close()
	if got := strings.Join(order, " "); got != "pass last" {
		t.Errorf("ran %q, want the pass, then Last", got)
	}
	(*Runner)(nil).Close()
}

func TestFailuresAreLoggedAtTheStartOnceAMinuteAndAtTheEnd(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var now atomic.Int64
	broken := errors.New("out of order")
	job := Job{Name: "flaky", Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return time.Unix(now.Load(), 0) }}
	q := &quiet{}
	for _, step := range []struct {
		at   int64
		err  error
		want string
	}{
		{0, nil, ""},
		{1, broken, "failed"},
		{2, broken, ""},
		{60, broken, ""},
		{61, broken, "failed"},
		{62, context.Canceled, ""},
		{63, nil, "works again"},
		{64, nil, ""},
		{65, broken, "failed"},
	} {
		log.Reset()
		now.Store(step.at)
		q.report(&job, step.err)
		if got := log.String(); (step.want == "") != (got == "") || !strings.Contains(got, step.want) {
			t.Errorf("at %d s, error %v: logged %q, want %q", step.at, step.err, got, step.want)
		}
	}
}

func TestAPanicIsAnErrorOfThatPass(t *testing.T) {
	t.Parallel()
	passed := make(chan error, 10)
	var passes atomic.Int32
	r := Start(t.Context(), Job{Name: "broken", Every: time.Hour, Pass: func(context.Context) error {
		if passes.Add(1) == 1 {
			panic("at the disco")
		}
		return nil
	}, Passed: func(err error) { passed <- err }})
	defer r.Close()
	if err := receive(t, "the first pass", passed); err == nil || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("first pass: %v, want the panic as an error", err)
	}
	r.Wake()
	if err := receive(t, "the second pass", passed); err != nil {
		t.Errorf("second pass: %v", err)
	}
}

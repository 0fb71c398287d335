package jobs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(workerVariable); url != "" {
		playWorker(url)
	}
	testkit.Main(m)
}

// workerVariable turns the test binary into a process that works on notes and never finishes one.
const workerVariable = "OPENLEARN_JOBS_TEST_WORKER"

func playWorker(url string) {
	ctx := context.Background()
	c, err := Open(ctx, options(url))
	if err == nil {
		err = c.Register(Work{Queue: Queue{"notes", 1}, Kinds: []Kind{Handle(KindOptions{Timeout: time.Hour}, func(ctx context.Context, j *Job[note]) error {
			fmt.Println("working on", j.Args.Text)
			<-ctx.Done()
			return ctx.Err()
		})}})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	c.Start(ctx)
	select {}
}

// TestAKilledProcess: after kill -9 of the process that works on a job another process gets this job, and only this one,
// long before the job's own timeout.
func TestAKilledProcess(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), workerVariable+"="+url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill := func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // we know how it ended
		}
	}
	defer kill()
	inserter := newClient(t, options(url), 0, KindOptions{Timeout: time.Hour}, nothing)
	in := inserter.insert(t, note{Text: "it"})
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(said, "working on it") {
		t.Fatalf("%q, %v", said, err)
	}
	held := inserter.await(t, in.ID, Running).Worker
	kill()
	o := options(url)
	o.Lease = 500 * time.Millisecond
	began := make(chan struct{})
	goOn := make(chan struct{})
	c := newClient(t, o, 2, KindOptions{Timeout: time.Hour}, func(_ context.Context, j *Job[note]) error {
		if j.Args.Text == "mine" {
			close(began)
			<-goOn
		}
		return nil
	})
	mine := c.insert(t, note{Text: "mine"})
	<-began
	i := c.await(t, in.ID, Completed)
	if i.Attempt != 2 || i.Worker == held || i.Worker != c.id || len(i.Errors) != 1 || !strings.Contains(i.Errors[0].Error, "died") {
		t.Errorf("taken over: %+v", i)
	}
	if n := testutil.ToFloat64(c.metrics.rescued); n != 1 {
		t.Errorf("%v jobs taken over, want 1", n)
	}
	close(goOn)
	if i := c.await(t, mine.ID, Completed); i.Attempt != 1 {
		t.Errorf("the job of a living process was taken from it: %+v", i)
	}
}

// TestAPoisonousJob: a job that kills every worker is eventually discarded.
func TestAPoisonousJob(t *testing.T) {
	t.Parallel()
	c := newClient(t, options(testkit.Database(t)), 0, KindOptions{Attempts: 1}, nothing)
	in := c.insert(t, note{Text: "poison"})
	if _, err := c.pool.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{somebody}'`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.pool.Exec(t.Context(), rescue, 1000); err != nil {
		t.Fatal(err)
	}
	if i := c.await(t, in.ID, Discarded); i.Ended == nil || len(i.Errors) != 1 {
		t.Errorf("%+v", i)
	}
}

// TestAGracefulStop: a job that does not end in time goes to another process at once and loses no attempt.
func TestAGracefulStop(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	began := make(chan struct{})
	first := newClient(t, options(url), 1, KindOptions{Attempts: 1}, func(ctx context.Context, _ *Job[note]) error {
		close(began)
		<-ctx.Done()
		return fmt.Errorf("the work: %w", ctx.Err())
	})
	in := first.insert(t, note{})
	<-began
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if n := testutil.ToFloat64(first.metrics.ended.WithLabelValues("test_note", outcomeInterrupted)); n != 1 {
		t.Errorf("interrupted: %v", n)
	}
	second := newClient(t, options(url), 1, KindOptions{Attempts: 1}, nothing)
	if i := second.await(t, in.ID, Completed); i.Attempt != 1 || len(i.Errors) != 0 {
		t.Errorf("%+v", i)
	}
	var left int
	if err := second.pool.QueryRow(t.Context(), `SELECT count(*) FROM job_workers WHERE id = $1`, first.id).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d entries of a process that has left, %v", left, err)
	}
}

// TestPostgreSQLIsAway: if PostgreSQL is away at the start, workers begin when it is back; later, a process that cannot
// give a sign of life gives up its jobs, and does them again when it can.
func TestPostgreSQLIsAway(t *testing.T) {
	t.Parallel()
	server := testkit.Postgres(t)
	if _, err := postgresMigrate(t, server.URL()); err != nil {
		t.Fatal(err)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := options(server.URL())
	o.Lease = 600 * time.Millisecond
	began, ended := make(chan int, 9), make(chan error, 9)
	c := newClient(t, o, 1, KindOptions{}, func(ctx context.Context, j *Job[note]) error {
		began <- j.Attempt
		if len(ended) > 0 {
			return nil
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	})
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := c.insert(t, note{})
	<-began
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Resume() }() // in case the test ended early
	if err := <-ended; !errors.Is(err, errLeaseLost) {
		t.Errorf("given up because of %v", err)
	}
	ended <- nil // from now on jobs end at once
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	c.await(t, in.ID, Completed)
	<-began
}

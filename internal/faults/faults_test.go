package faults

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) {
	playService()
	redis.SetLogger(silentRedis{})
	testkit.Main(m)
}

type silentRedis struct{}

func (silentRedis) Printf(context.Context, string, ...any) {}

// TestAFewFaults is the short form: the cheap rows, briefly, on this test binary, race detector included.
func TestAFewFaults(t *testing.T) {
	t.Parallel()
	if asked() {
		t.Skip("the whole is asked for")
	}
	testkit.OwnServers(t)
	e := newEnv(t, "", 100, brief)
	only := selected(t)
	for _, r := range rows() {
		if r.short && only.MatchString(r.name) {
			e.try(t, r)
		}
	}
	if n := e.races(); n > 0 {
		t.Errorf("%d data races; the log of an instance has them", n)
	}
}

// TestFaults is `make faults`: every row at full length, and docs/reliability.md.
//
//	OPENLEARN_FAULTS         the binary
//	OPENLEARN_FAULTS_REPORT  where the page goes; it is written only if no row is left out
//	FAULTS                   a regular expression: the rows to run
//	SOAK                     how long the soak takes
func TestFaults(t *testing.T) {
	if !asked() {
		t.Skip("OPENLEARN_FAULTS is not set: see make faults")
	}
	only, tm := selected(t), long
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if tm.soak, err = time.ParseDuration(text); err != nil {
			t.Fatalf("SOAK: %v", err)
		}
	}
	binary, err := filepath.Abs(inRoot(os.Getenv("OPENLEARN_FAULTS")))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	e := newEnv(t, binary, 3000, tm)
	var outcomes []*outcome
	whole := true
	for _, r := range rows() {
		if !only.MatchString(r.name) {
			whole = false
			continue
		}
		if o := e.try(t, r); o != nil {
			outcomes = append(outcomes, o)
		}
	}
	page := report(outcomes, time.Since(began))
	t.Log("\n" + page)
	path := os.Getenv("OPENLEARN_FAULTS_REPORT")
	if !whole || path == "" {
		return
	}
	if err := os.WriteFile(inRoot(path), []byte(page), 0o644); err != nil {
		t.Error(err)
	}
}

// inRoot resolves a path that is relative to the module's directory.
func inRoot(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root(), path)
}

// selected matches the rows that FAULTS names, or all of them if it is not set.
func selected(t *testing.T) *regexp.Regexp {
	t.Helper()
	only, err := regexp.Compile(os.Getenv("FAULTS"))
	if err != nil {
		t.Fatalf("FAULTS: %v", err)
	}
	return only
}

func asked() bool { return os.Getenv("OPENLEARN_FAULTS") != "" }

// try runs a row and fails the test for what is wrong with it.
func (e *env) try(t *testing.T, r row) (o *outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), r.lasting(e.timing)+5*time.Minute)
	defer cancel()
	began := time.Now()
	o, err := e.run(ctx, r)
	if err != nil {
		// The next row needs an intact environment.
		t.Fatalf("%s: %v", r.name, err)
	}
	t.Logf("%v %s", time.Since(began).Round(100*time.Millisecond), o.line())
	for _, v := range o.violations {
		t.Errorf("%s: %s", r.name, v)
	}
	return o
}

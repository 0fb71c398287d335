// Package testkit gives tests real servers: a PostgreSQL database of their own, migrated, a Redis of their own, and the
// reference data that some tests read.
//
// The environment says where the servers come from:
//   - TEST_DATABASE_URL, TEST_REDIS_URL: those servers (the user must be allowed to create databases; Redis' logical
//     databases are used and flushed).
//   - TESTCONTAINERS=1: containers, by testcontainers-go.
//   - else a private PostgreSQL and Redis by internal/devstack, one of each per test process.
//
// Shared servers start with the first test that needs them and end with the process, however it ends; no TestMain is
// needed. A test that stops, freezes, flushes or configures a whole server takes one of its own: Postgres and
// RedisServer.
package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"openlearn/internal/devstack"
)

// startLimit bounds the start of one server, initdb or a container included.
const startLimit = 3 * time.Minute

// Main runs a package's tests and fails if they leave goroutines behind, other than those of the shared servers:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m *testing.M, options ...goleak.Option) {
	goleak.VerifyTestMain(m, append(leaks(), options...)...)
}

// leaks are the goroutines that belong to the shared servers, for goleak to ignore.
func leaks() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("openlearn/internal/devstack.(*process).reap"),
		// The connection that tells the container reaper we are alive.
		goleak.IgnoreAnyFunction("github.com/testcontainers/testcontainers-go.(*Reaper).connect.func1"),
	}
}

// Data is the folder of the reference data (contract/ and data/ in it), as OPENLEARN_DATA says. Without it the test is
// skipped.
func Data(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("OPENLEARN_DATA")
	if dir == "" {
		t.Skip("OPENLEARN_DATA is not set: it is the folder of the reference data (contract/, data/)")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Fatalf("OPENLEARN_DATA=%s is not a directory: %v", dir, err)
	}
	return dir
}

// Postgres is a private server for a test that stops, freezes or kills it. Its database `openlearn` is empty.
func Postgres(t testing.TB) *devstack.Postgres {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	server, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{})
	if err != nil {
		failOrSkip(t, err)
	}
	t.Cleanup(func() { stop(t, server.Stop) })
	return server
}

// RedisServer is a private server on deploy/redis.conf for a test that stops, freezes, kills, flushes or configures it.
// settings are redis.conf lines on top: "maxmemory 10mb".
func RedisServer(t testing.TB, settings ...string) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	server, err := devstack.StartRedis(ctx, devstack.RedisOptions{Settings: settings})
	if err != nil {
		failOrSkip(t, err)
	}
	t.Cleanup(func() { stop(t, server.Stop) })
	return server
}

// OwnServers is for tests that start the servers in other ways than through this package.
func OwnServers(t testing.TB) {
	t.Helper()
	if err := devstack.Check(); err != nil {
		failOrSkip(t, err)
	}
}

// failOrSkip skips a test that needs a server of its own if the tests were given their servers from elsewhere and the
// programs are not installed; otherwise the programs are expected, and the test fails.
func failOrSkip(t testing.TB, err error) {
	t.Helper()
	_, missing := errors.AsType[*devstack.MissingError](err)
	if missing && (containers() || os.Getenv("TEST_DATABASE_URL") != "" || os.Getenv("TEST_REDIS_URL") != "") {
		t.Skipf("testkit: this test needs a server of its own: %v", err)
	}
	t.Fatalf("testkit: %v", err)
}

func stop(t testing.TB, stop func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		t.Errorf("testkit: %v", err)
	}
}

// unique returns a name that no other test, process or machine on the same server uses.
func unique(prefix string) string {
	return fmt.Sprintf("%s_%d_%s", prefix, os.Getpid(), strings.ToLower(rand.Text()[:10]))
}

// Eventually waits until ok says true, and fails the test if that does not happen within a bound that only a hang exceeds.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(eventuallyLimit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", eventuallyLimit, what)
		}
		time.Sleep(eventuallyPause)
	}
}

const (
	eventuallyLimit = 30 * time.Second
	eventuallyPause = 2 * time.Millisecond
)

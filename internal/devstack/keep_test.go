package devstack

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// said is a log that is read while it is written.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) await(t *testing.T, times int, text string) {
	t.Helper()
	err := poll(t.Context(), time.Minute, func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.Count(s.b.String(), text) >= times, nil
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.Fatalf("the log never said %q %d times: %v\n%s", text, times, err, s.b.String())
	}
}

// keptStack is a stack. After begin, Keep runs and owns the stack until done has returned Keep's result.
func keptStack(t *testing.T, p patience) (s *Stack, log *said, begin func() (cancel func(), done <-chan error)) {
	t.Helper()
	log = &said{}
	s, err := Start(t.Context(), Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Stop(stop); err != nil {
			t.Error(err)
		}
	})
	return s, log, func() (func(), <-chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			result <- s.keep(ctx, p)
			close(result)
		}()
		t.Cleanup(func() { // before the stack is stopped
			cancel()
			for range result {
			}
		})
		return cancel, result
	}
}

// pidIn reads the number that a server keeps in a file of its directory.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return number(strings.TrimSpace(line))
}

func TestKeepStartsWhatWasKilledAgain(t *testing.T) {
	t.Parallel()
	s, log, begin := keptStack(t, patience{first: 10 * time.Millisecond, steady: time.Minute, tries: 20})
	postgres, redis := s.DatabaseURL(), s.RedisURL()
	pidFile, first := filepath.Join(s.Postgres.data(), "postmaster.pid"), s.Redis.proc.child.Pid
	cancel, done := begin()
	for times := 1; times <= 2; times++ {
		if err := syscall.Kill(pidIn(t, pidFile), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		log.await(t, times, `msg="the private server is up again" server=PostgreSQL`)
	}
	log.await(t, 2, `msg="a private server ended by itself, and is started again" server=PostgreSQL how="signal: killed"`)
	if err := syscall.Kill(first, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	log.await(t, 1, `msg="the private server is up again" server=Redis`)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s.DatabaseURL() != postgres || s.RedisURL() != redis {
		t.Error("a server has moved")
	}
	if err := s.Redis.ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Postgres.ensureDatabase(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestKeepGivesUp(t *testing.T) {
	t.Parallel()
	s, log, begin := keptStack(t, patience{first: time.Millisecond, steady: time.Minute, tries: 3})
	if err := s.Redis.Kill(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", s.Redis.Addr()) // so that it cannot be restarted
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, done := begin()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "Redis ended by itself and could not be started again") {
			t.Errorf("Keep returned %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Keep goes on for ever")
	}
	log.await(t, 2, "could not be started again yet")
}

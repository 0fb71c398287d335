package cache

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"openlearn/internal/testkit"
)

// server is a private redis-server that a test can stall, kill and start
// again on the same port with the same data.
type server struct {
	t    testing.TB
	port int
	dir  string
	args []string
	cmd  *exec.Cmd

	sentinel string // its configuration, if it is one
}

func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	s := &server{t: t, dir: t.TempDir(), args: args, port: freePort(t)}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// startSentinel is a redis-server that watches others.
func startSentinel(t testing.TB, conf string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), port: freePort(t), sentinel: conf}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// freePort asks the kernel; below 55000, since cluster buses add 10000.
func freePort(t testing.TB) int {
	t.Helper()
	for range 200 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if port < 55000 {
			return port
		}
	}
	t.Fatal("no free port below 55000")
	return 0
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

func (s *server) start() {
	s.t.Helper()
	args := append([]string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--loglevel", "warning", "--daemonize", "no",
	}, s.args...)
	if s.sentinel != "" {
		args = []string{s.sentinel, "--sentinel", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir}
	}
	s.cmd = exec.Command("redis-server", args...)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: s.addr(), DialerRetries: 1})
	defer func() { _ = rdb.Close() }()
	testkit.Eventually(s.t, "redis answers", func() bool { return rdb.Ping(context.Background()).Err() == nil })
}

func (s *server) kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) client(t testing.TB) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: s.addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// shared is the server of all tests that need only a database of their own. A database is given back when its test ends.
var shared struct {
	*server
	free chan int
}

const sharedDBs = 512

// TestMain starts one server for all tests that need only a database of
// their own, and ends it.
func TestMain(m *testing.M) {
	code := 1
	defer func() { os.Exit(code) }()
	dir, err := os.MkdirTemp("", "cache-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := exec.LookPath("redis-server"); err == nil {
		tb := &mainTB{dir: dir}
		shared.server = startServer(tb, "--databases", strconv.Itoa(sharedDBs))
		shared.free = make(chan int, sharedDBs)
		for n := range sharedDBs {
			shared.free <- n
		}
		defer shared.kill()
	}
	redis.SetLogger(silent{})
	if run := flag.Lookup("test.run"); shared.server == nil && run.Value.String() == "" {
		_ = run.Value.Set("^(Test|Fuzz)") // examples cannot skip themselves
	}
	code = m.Run()
	if shared.server != nil {
		shared.kill()
	}
	// Every goroutine the tests started has ended with their caches.
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
}

// silent drops go-redis's own log messages about servers that tests kill.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// mainTB lets TestMain use the helpers, which want a testing.TB.
type mainTB struct {
	testing.TB
	dir string
}

func (*mainTB) Helper()                   {}
func (*mainTB) Cleanup(func())            {}
func (m *mainTB) TempDir() string         { return m.dir }
func (*mainTB) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (*mainTB) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (*mainTB) Skip(args ...any)          { panic(fmt.Sprint(args...)) }

// ownRedis is a client on an empty logical database of the shared server.
func ownRedis(t testing.TB) *redis.Client {
	t.Helper()
	if shared.server == nil {
		t.Skip("redis-server is not installed")
	}
	n := <-shared.free
	rdb := redis.NewClient(&redis.Options{Addr: shared.addr(), DB: n})
	t.Cleanup(func() {
		if err := errors.Join(rdb.FlushDB(context.Background()).Err(), rdb.Close()); err != nil {
			t.Errorf("give back database %d: %v", n, err)
		}
		shared.free <- n
	})
	return rdb
}

// newCache is a started cache that the test closes. Where there is a Redis, its message link is up: coming up later, it
// would empty the memory that a test counts on.
func newCache(t testing.TB, o Options) *Cache {
	t.Helper()
	if o.Layers == nil {
		o.Layers = Layers()
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if c.rdb.Ping(context.Background()).Err() == nil {
		testkit.Eventually(t, "the message link is up", func() bool { return c.pubsub.upSince.Load() != 0 })
	}
	return c
}

// RedisForExamples is a client of a database for one example.
func RedisForExamples() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: shared.addr(), DB: <-shared.free}) // not given back: there are few
}

package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"openlearn/deploy"
	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/devstack"
	"openlearn/internal/guard"
	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
	"openlearn/internal/users"
)

// The load tests measure the service from outside: it runs in its own process on its own private servers, and so do the
// programs it is compared with. Only `make bench-http` and `make bench-replay` run them.

// measuring skips a test unless measurements were asked for.
func measuring(t *testing.T) {
	t.Helper()
	if os.Getenv("OPENLEARN_LOAD") == "" {
		t.Skip("OPENLEARN_LOAD is not set: a measurement, see make bench")
	}
}

const loadRole = "OPENLEARN_LOAD_ROLE"

// playLoadRole turns this binary into the program under load, if it was started for that.
func playLoadRole() {
	role := os.Getenv(loadRole)
	if role == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := play(ctx, role)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play plays a role: the bare framework, which serves the bytes from standard input, or the service in one of its
// configurations.
func play(ctx context.Context, role string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if role == "echo" {
		return playEcho(ctx, l)
	}
	cfg, err := LoadConfig()
	if err != nil {
		return err
	}
	if base, ok := strings.CutSuffix(role, "-limited"); ok { // counted, and never refused
		const most = 1_000_000_000
		role, cfg.Limits = base, guard.Config{Enabled: true, PerMinute: most, PerHour: most, BytesPerHour: 1 << 50, UserPerMinute: most, UserPerHour: most, UserBytesPerHour: 1 << 50}
	}
	if base, ok := strings.CutSuffix(role, "-unguarded"); ok { // attempts at accounts are counted, and never too many
		most := users.Limit{Most: 1_000_000_000, Within: time.Hour}
		role, cfg.testing.limits = base, users.Limits{Pair: most, Address: most, Account: most, Device: most, Signup: most, Mail: most, Mailed: most}
	}
	switch role {
	case "strict":
	case "bounded": // responses from memory, for at most a second after a change elsewhere
		if cfg.testing.layers, err = layers(); err != nil {
			return err
		}
		for i := range cfg.testing.layers {
			if cfg.testing.layers[i].Name == httpcache.ResponseLayer {
				cfg.testing.layers[i].Near = cache.Near{Mode: cache.NearBounded, Staleness: time.Second}
			}
		}
	case "uncached":
		cfg.testing.uncached = true
	default:
		return errors.New("no such role")
	}
	defer paceCollector(ctx).Close()
	a, err := New(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return errors.Join(a.Serve(ctx, l), a.Close())
}

func playEcho(ctx context.Context, l net.Listener) error {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	e := echo.New()
	e.GET("/*", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", body) })
	srv := &http.Server{Handler: e, ReadHeaderTimeout: time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	fmt.Println(l.Addr())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// actor is a program under load.
type actor struct {
	name string
	base string // http://127.0.0.1:port
	pid  int
}

// stage is a private PostgreSQL with sample articles, a private Redis, and the programs that use them.
type stage struct {
	t     *testing.T
	stack *devstack.Stack
	redis *redis.Client
	db    *postgres.DB

	cursors []string // of full pages
}

func newStage(t *testing.T, articles int) *stage {
	t.Helper()
	ctx := t.Context()
	// The server counts statements itself, so that our own count can be compared with its count.
	pg, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_utility": "on"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, pg.Stop) })
	rd, err := devstack.StartRedis(ctx, devstack.RedisOptions{Conf: deploy.RedisConf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, rd.Stop) })
	stack := &devstack.Stack{Postgres: pg, Redis: rd}
	ro, err := redis.ParseURL(stack.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, stack: stack, redis: redis.NewClient(ro)}
	t.Cleanup(func() { _ = s.redis.Close() })
	if _, err := postgres.Migrate(ctx, stack.DatabaseURL()); err != nil {
		t.Fatal(err)
	}
	s.db, err = postgres.Open(ctx, postgres.Config{URL: stack.DatabaseURL(), MaxConns: 2, ConnectTimeout: 5 * time.Second}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	if _, err := s.db.Pool.Exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
		t.Fatal(err)
	}
	cfg := testConfigOn(t, stack.DatabaseURL(), stack.RedisURL())
	a, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if n, err := a.seed(t.Context(), articles); err != nil || n != articles {
		t.Fatal(n, err)
	}
	t.Logf("%d articles in %v", articles, time.Since(start).Round(time.Second))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

func stopServer(t *testing.T, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := stop(ctx); err != nil {
		t.Error(err)
	}
}

// start runs a role of this binary until the test ends.
func (s *stage) start(role string, stdin io.Reader) *actor {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), loadRole+"="+role, "DATABASE_URL="+s.stack.DatabaseURL(), "REDIS_URL="+s.stack.RedisURL(), "ADMIN_API_KEY="+testAdminKey, "SCRAPER_WORKERS=0", "ANALYSIS_WORKERS=0", "RATE_LIMIT_ENABLED=false")
	cmd.Stdin, cmd.Stderr = stdin, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("%s: %v", role, err)
		}
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("%s did not start: %v", role, err)
	}
	a := &actor{name: role, base: "http://" + strings.TrimSpace(addr), pid: cmd.Process.Pid}
	if role != "echo" {
		a.await(s.t, "/health/ready")
	}
	return a
}

// await waits until path answers 200.
func (a *actor) await(t testing.TB, path string) {
	t.Helper()
	testkit.Eventually(t, a.name+" is ready", func() bool {
		res, err := http.Get(a.base + path)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// cpu is the CPU time that the processes have used so far.
type cpu struct{ service, redis, postgres time.Duration }

func (c cpu) minus(d cpu) cpu {
	return cpu{c.service - d.service, c.redis - d.redis, c.postgres - d.postgres}
}

func (s *stage) cpu(pids ...int) cpu {
	s.t.Helper()
	var c cpu
	for _, pid := range pids {
		c.service += ticks(s.t, pid)
	}
	info, err := s.redis.InfoMap(s.t.Context(), "cpu").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		f, err := strconv.ParseFloat(info["CPU"][field], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		c.redis += time.Duration(f * float64(time.Second))
	}
	c.postgres = family(s.t, s.postmaster())
	return c
}

func (s *stage) postmaster() int {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(s.stack.Postgres.Log()), "data", "postmaster.pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// ticks is the CPU time of a process, including that of its children that have ended (proc(5), fields 14 to 17; 100 per
// second).
func ticks(t testing.TB, pid int) time.Duration {
	t.Helper()
	fields := stat(pid)
	if fields == nil {
		return 0 // gone: its time is in its parent's now
	}
	var sum time.Duration
	for _, f := range fields[11:15] {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n) * 10 * time.Millisecond
	}
	return sum
}

// stat is /proc/pid/stat from its third field on, nil for a process that is gone.
func stat(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // a name may contain blanks
	return strings.Fields(rest)
}

// family is the CPU time of a process and its children.
func family(t testing.TB, pid int) time.Duration {
	t.Helper()
	sum := ticks(t, pid)
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		child, err := strconv.Atoi(filepath.Base(d))
		if err != nil {
			continue
		}
		if f := stat(child); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			sum += ticks(t, child)
		}
	}
	return sum
}

func median[T int | float64 | time.Duration](xs []T) T {
	xs = slices.Clone(xs)
	slices.Sort(xs)
	return xs[len(xs)/2]
}

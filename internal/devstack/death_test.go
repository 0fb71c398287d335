package devstack_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/devstack"
	"openlearn/internal/testkit"
)

func TestATemporaryStackDiesWithItsOwner(t *testing.T) {
	t.Parallel()
	h := startHelper(t, "temporary", 0)
	query(t, h.DatabaseURL, "SELECT 'up'")
	h.kill(t)
	testkit.Eventually(t, "PostgreSQL is gone", refused(t, h.DatabaseURL))
	testkit.Eventually(t, "Redis is gone", refused(t, h.RedisURL))
	testkit.Eventually(t, "PostgreSQL's data is gone", gone(h.PostgresHome))
	testkit.Eventually(t, "Redis' data is gone", gone(h.RedisHome))
}

func TestALastingStackDiesWithItsOwnerAndKeepsItsData(t *testing.T) {
	t.Parallel()
	dir := shared(t)
	h := startHelper(t, dir, 0)
	keep(t, h.DatabaseURL)
	withRedis(t, h.RedisURL, func(ctx context.Context, client *redis.Client) error {
		return client.Set(ctx, "kept", "it", 0).Err()
	})
	h.kill(t)
	// At once: the watchdogs are still shutting the servers down, and the lock says so.
	ctx := within(t, 2*time.Minute)
	stack, err := devstack.Start(ctx, devstack.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	checkKept(t, stack.DatabaseURL(), stack.RedisURL())
	if err := stack.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestCtrlCReachesTheOwnerAlone(t *testing.T) {
	t.Parallel()
	h := startHelper(t, "temporary", 0)
	if err := syscall.Kill(-h.cmd.Process.Pid, syscall.SIGINT); err != nil { // to the whole group, as a terminal does
		t.Fatal(err)
	}
	h.tell(t, "interrupted?")
	if line, err := h.lines.ReadString('\n'); err != nil || line != "yes\n" {
		t.Fatalf("the owner says %q, %v", line, err)
	}
	query(t, h.DatabaseURL, "SELECT 'still up'")
	withRedis(t, h.RedisURL, func(ctx context.Context, client *redis.Client) error { return client.Ping(ctx).Err() })
	h.tell(t, "stop")
	h.wait(t)
	if !gone(h.PostgresHome)() || !gone(h.RedisHome)() {
		t.Error("the stack left its data")
	}
}

func TestRootsServersRunAsSomeoneElse(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can run servers as another user")
	}
	h := startHelper(t, "temporary", 0)
	if h.PostgresOwner == 0 || h.RedisOwner == 0 {
		t.Errorf("data belongs to user ids %d and %d", h.PostgresOwner, h.RedisOwner)
	}
	if got := query(t, h.DatabaseURL, "SELECT pg_read_file('/proc/self/status')"); !regexp.MustCompile(`(?m)^Uid:\s+[1-9]`).MatchString(got) {
		t.Errorf("PostgreSQL runs as root:\n%s", got)
	}
}

func TestAnOrdinaryUserNeedsNoRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("every other test shows it: this run is an ordinary user's")
	}
	const nobody = 65534
	h := startHelper(t, "temporary", nobody)
	if h.PostgresOwner != nobody || h.RedisOwner != nobody {
		t.Errorf("data belongs to user ids %d and %d", h.PostgresOwner, h.RedisOwner)
	}
	query(t, h.DatabaseURL, "SELECT 'up'")
	h.kill(t)
	testkit.Eventually(t, "PostgreSQL's data is gone", gone(h.PostgresHome))
	testkit.Eventually(t, "Redis' data is gone", gone(h.RedisHome))
}

// The servers' user cannot enter a checkout in /root.
func TestDataMovesWhereTheServersUserCannotReachIt(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("an ordinary user's servers run as that user")
	}
	closed := filepath.Dir(shared(t))
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 2*time.Minute)
	dir := filepath.Join(closed, "redis")
	place := ""
	for range 2 { // the second run finds what the first one made
		server, err := devstack.StartRedis(ctx, devstack.RedisOptions{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		home := filepath.Dir(server.Log())
		if !strings.HasPrefix(home, "/var/lib/openlearn/") || place != "" && home != place {
			t.Errorf("data is in %s, was in %s", home, place)
		}
		place = home
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := os.RemoveAll(filepath.Dir(place)); err != nil {
		t.Error(err)
	}
}

func TestAStalePidFileOfALiveProcessIsNoObstacle(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	dir := shared(t)
	first, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	other, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// A power cut, and after the boot the old process id belongs to another program of the same user: that other
	// server.
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(filepath.Join(filepath.Dir(other.Log()), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "data", "postmaster.pid")
	ours, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, _, _ := strings.Cut(string(theirs), "\n")
	_, rest, _ := strings.Cut(string(ours), "\n")
	if err := os.WriteFile(path, []byte(pid+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	query(t, other.URL(), "SELECT 'unharmed'")
	for _, server := range []*devstack.Postgres{second, other} {
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
}

// Someone uses `sudo make run` once: afterwards everything must still be theirs.
func TestRootLeavesAUsersDataToThatUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can run servers as another user")
	}
	const nobody = 65534
	dir := shared(t)
	if err := os.Chown(filepath.Dir(dir), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []uint32{nobody, 0, nobody} {
		h := startHelper(t, dir, uid)
		if h.PostgresOwner != nobody || h.RedisOwner != nobody {
			t.Errorf("run by %d: data belongs to user ids %d and %d", uid, h.PostgresOwner, h.RedisOwner)
		}
		query(t, h.DatabaseURL, "SELECT 'up'")
		h.tell(t, "stop")
		h.wait(t)
	}
}

func TestALinkInTheDataDirectoryIsNotFollowed(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	dir := shared(t)
	first, err := devstack.StartRedis(ctx, devstack.RedisOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(first.Log()); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, first.Log()); err != nil {
		t.Fatal(err)
	}
	if second, err := devstack.StartRedis(ctx, devstack.RedisOptions{Dir: dir}); err == nil {
		t.Error("it followed a link", second.Stop(ctx))
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("the link's target is now %q, %v", text, err)
	}
}

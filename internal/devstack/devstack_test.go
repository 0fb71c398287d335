package devstack_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/devstack"
)

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func gone(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return errors.Is(err, fs.ErrNotExist) }
}

// refused reports whether nothing listens at the address of a URL any more.
func refused(t *testing.T, url string) func() bool {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	address := ""
	if err == nil {
		address = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	} else {
		options, err := redis.ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		address = options.Addr
	}
	return func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return errors.Is(err, syscall.ECONNREFUSED)
		}
		return conn.Close() != nil
	}
}

// keep writes the data that checkKept looks for.
func keep(t *testing.T, url string) {
	t.Helper()
	ctx := within(t, time.Minute)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE kept AS SELECT 'it' AS name"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
}

// query runs one statement that returns one text.
func query(t *testing.T, url, statement string) string {
	t.Helper()
	ctx := within(t, time.Minute)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := conn.QueryRow(ctx, statement).Scan(&text); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
	return text
}

// withRedis calls work with a connection of its own.
func withRedis(t *testing.T, url string, work func(context.Context, *redis.Client) error) {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	if err := work(within(t, time.Minute), client); err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
}

func TestTemporaryStackAnswersAndLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	stack, err := devstack.Start(ctx, devstack.Options{Databases: 64})
	if err != nil {
		t.Fatal(err)
	}
	if lower := query(t, stack.DatabaseURL(), "SELECT lower('EDUCACIÓN')"); lower != "educación" {
		t.Errorf("lower('EDUCACIÓN') = %q: the locale does not know Spanish letters", lower)
	}
	if found := query(t, stack.DatabaseURL(), "SELECT to_tsvector('spanish', 'ÁRBOLES')::text"); found != "'arbol':1" {
		t.Errorf("to_tsvector('ÁRBOLES') = %s: the locale does not know Spanish letters", found)
	}
	withRedis(t, stack.Redis.URLOf(63), func(ctx context.Context, client *redis.Client) error {
		return client.Set(ctx, "k", "v", 0).Err()
	})
	for range 2 { // the second time does nothing
		if err := stack.Stop(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, log := range []string{stack.Postgres.Log(), stack.Redis.Log()} {
		if !gone(filepath.Dir(log))() {
			t.Errorf("%s is still there", filepath.Dir(log))
		}
	}
	if !refused(t, stack.DatabaseURL())() || !refused(t, stack.RedisURL())() {
		t.Error("a server still listens")
	}
}

func TestServersAskForTheirPassword(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	stack, err := devstack.Start(ctx, devstack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(stack.DatabaseURL())
	if err != nil {
		t.Fatal(err)
	}
	config.Password = "wrong"
	if conn, err := pgx.ConnectConfig(ctx, config); err == nil {
		t.Error("PostgreSQL took a wrong password", conn.Close(ctx))
	}
	client := redis.NewClient(&redis.Options{Addr: stack.Redis.Addr()})
	if err := client.Ping(ctx).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("Redis without a password: %v", err)
	}
	if err := errors.Join(client.Close(), stack.Stop(ctx)); err != nil {
		t.Error(err)
	}
}

func TestSecondStartKeepsDataAndPorts(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	dir := shared(t)
	first, err := devstack.Start(ctx, devstack.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, first.DatabaseURL())
	withRedis(t, first.RedisURL(), func(ctx context.Context, client *redis.Client) error {
		return client.Set(ctx, "kept", "it", 0).Err()
	})

	if _, err := devstack.Start(ctx, devstack.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "already running") ||
		!strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("a second stack on the same data: %v", err)
	}

	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	second, err := devstack.Start(ctx, devstack.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if second.DatabaseURL() != first.DatabaseURL() || second.RedisURL() != first.RedisURL() {
		t.Errorf("addresses changed: %s, %s", second.Postgres.Addr(), second.Redis.Addr())
	}
	checkKept(t, second.DatabaseURL(), second.RedisURL())
	if err := second.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func checkKept(t *testing.T, database, cache string) {
	t.Helper()
	if got := query(t, database, "SELECT name FROM kept"); got != "it" {
		t.Errorf("PostgreSQL kept %q", got)
	}
	withRedis(t, cache, func(ctx context.Context, client *redis.Client) error {
		got, err := client.Get(ctx, "kept").Result()
		if got != "it" {
			t.Errorf("Redis kept %q", got)
		}
		return err
	})
}

// shared is a data directory that the servers' user can reach.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "devstack-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "dev")
}

func TestATakenPortIsLeftAlone(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dir := shared(t)
	first, err := devstack.StartRedis(ctx, devstack.RedisOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "port"), []byte(port+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := devstack.StartRedis(ctx, devstack.RedisOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if second.Addr() == listener.Addr().String() {
		t.Error("it says it listens where someone else does")
	}
	if err := second.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestAnInterruptedFirstRunIsDoneAgain(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	dir := shared(t)
	first, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	// As if the first run had been cut off while initdb was writing.
	if err := os.Rename(filepath.Join(dir, "data"), filepath.Join(dir, "data.new")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "data.new", "PG_VERSION")); err != nil {
		t.Fatal(err)
	}
	second, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestDataOfAnotherVersionIsRefusedWithItsName(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	dir := shared(t)
	first, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "PostgreSQL 8") || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error is %v", err)
	}
}

func TestAWrongSettingIsTold(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	_, err := devstack.StartRedis(ctx, devstack.RedisOptions{Settings: []string{"maxmemory lots"}})
	if err == nil || !strings.Contains(err.Error(), "maxmemory lots") {
		t.Errorf("Redis: %v", err)
	}
	_, err = devstack.StartPostgres(ctx, devstack.PostgresOptions{Settings: map[string]string{"max_connections": "many"}})
	if err == nil || !strings.Contains(err.Error(), "max_connections") {
		t.Errorf("PostgreSQL: %v", err)
	}
}

package testkit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(within(t, time.Minute), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func TestEveryTestHasItsOwnMigratedDatabase(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	for _, name := range []string{"one", "other"} {
		conn := connect(t, testkit.Database(t))
		if _, err := conn.Exec(ctx, "CREATE TABLE mine (name text)"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var articles int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM scraped_content").Scan(&articles); err != nil || articles != 0 {
			t.Errorf("%s: %d articles, %v", name, articles, err)
		}
	}
}

func TestADatabaseIsDroppedWhenItsTestEnds(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("user", func(t *testing.T) {
		url = testkit.Database(t)
		conn, err := pgx.Connect(within(t, time.Minute), url) // left open: dropping must work all the same
		if err != nil {
			t.Fatal(err)
		}
		_ = conn
	})
	if conn, err := pgx.Connect(within(t, time.Minute), url); err == nil {
		t.Error("the database is still there", conn.Close(context.Background()))
	}
}

func TestEveryTestHasItsOwnEmptyRedis(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	var seen sync.Map
	for range 6 { // few: a server that two runs share may have 16
		client := testkit.Redis(t)
		if _, twice := seen.LoadOrStore(client.Options().DB, true); twice {
			t.Fatalf("database %d was handed out twice", client.Options().DB)
		}
		if n, err := client.DBSize(ctx).Result(); err != nil || n != 0 {
			t.Fatalf("%d keys, %v", n, err)
		}
		if err := client.Set(ctx, "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFaultsOfPrivateServers(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	server := testkit.RedisServer(t, "appendfsync always")
	pg := testkit.Postgres(t)
	conn := connect(t, pg.URL())
	if err := pg.Pause(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if err := conn.Ping(short); err == nil {
		t.Error("a paused PostgreSQL answered")
	}
	if err := pg.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := pg.Start(ctx); err != nil {
		t.Fatal(err)
	}
	connect(t, pg.URL())
}

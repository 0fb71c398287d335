package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/devstack"
)

// env is what a row runs on: both servers, both instances, and connections that bypass the proxies.
type env struct {
	t         testing.TB
	postgres  *devstack.Postgres
	redis     *devstack.Redis
	instances [2]*instance
	key       string // of the admin routes
	timing    timing

	db    *pgxpool.Pool // a client with SQL beside the service
	rdb   *redis.Client // an operator of Redis, to whom the service's ACLs do not apply
	seeds []int64       // articles that nobody writes
	rows  int           // made so far
}

const (
	operator         = "operator"
	operatorPassword = "faults"
	maxConnections   = 90 // few, so that all of them are soon taken
)

// newEnv starts everything. An empty binary means the test binary itself.
func newEnv(t testing.TB, binary string, articles int, tm timing) *env {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if binary == "" {
		self, err := os.Executable()
		must(err)
		binary = self
	}
	e := &env{t: t, key: rand.Text(), timing: tm}
	var err error
	e.postgres, err = devstack.StartPostgres(ctx, devstack.PostgresOptions{Settings: map[string]string{"max_connections": fmt.Sprint(maxConnections)}})
	must(err)
	t.Cleanup(func() { e.stop(e.postgres.Stop) })
	e.redis, err = devstack.StartRedis(ctx, devstack.RedisOptions{Settings: []string{"user " + operator + " on >" + operatorPassword + " ~* &* +@all"}})
	must(err)
	t.Cleanup(func() { e.stop(e.redis.Stop) })
	e.rdb = redis.NewClient(&redis.Options{Addr: e.redis.Addr(), Username: operator, Password: operatorPassword, MaxRetries: -1, DialTimeout: 2 * time.Second})
	t.Cleanup(func() { _ = e.rdb.Close() })

	seed := exec.CommandContext(ctx, binary, "seed", "--articles", fmt.Sprint(articles))
	seed.Env = append(environment(), "DATABASE_URL="+e.postgres.URL(), "REDIS_URL="+e.redis.URL())
	if out, err := seed.CombinedOutput(); err != nil {
		t.Fatalf("seed: %v\n%s", err, out)
	}
	pc, err := pgxpool.ParseConfig(e.postgres.URL())
	must(err)
	pc.MaxConns, pc.MinConns = 6, 6
	pc.ConnConfig.RuntimeParams["application_name"] = "faults"
	e.db, err = pgxpool.NewWithConfig(ctx, pc)
	must(err)
	t.Cleanup(e.db.Close)
	rows, err := e.db.Query(ctx, `SELECT id FROM scraped_content ORDER BY id LIMIT 20`)
	must(err)
	for rows.Next() {
		var id int64
		must(rows.Scan(&id))
		e.seeds = append(e.seeds, id)
	}
	must(rows.Err())
	for i, name := range []string{"A", "B"} {
		e.instances[i], err = e.newInstance(ctx, name, binary)
		must(err)
	}
	return e
}

func (e *env) stop(stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		e.t.Error(err)
	}
}

func (e *env) newInstance(ctx context.Context, name, binary string) (*instance, error) {
	in := &instance{name: name, binary: binary}
	var err error
	if in.port, err = freePort(); err != nil {
		return nil, err
	}
	if in.redis, err = newProxy(e.redis.Addr()); err != nil {
		return nil, err
	}
	if in.postgres, err = newProxy(e.postgres.Addr()); err != nil {
		return nil, errors.Join(err, in.redis.close())
	}
	e.t.Cleanup(func() {
		_ = in.signal(9)
		if err := errors.Join(in.gone(10*time.Second), in.redis.close(), in.postgres.close()); err != nil {
			e.t.Error(err)
		}
	})
	database, err := through(e.postgres.URL(), in.postgres)
	if err != nil {
		return nil, err
	}
	cache, err := through(e.redis.URL(), in.redis)
	if err != nil {
		return nil, err
	}
	in.settings = []string{
		"DATABASE_URL=" + database, "REDIS_URL=" + cache, "ADMIN_API_KEY=" + e.key,
		fmt.Sprintf("HTTP_ADDR=127.0.0.1:%d", in.port), fmt.Sprintf("PUBLIC_URL=http://localhost:%d", in.port),
		"DRAIN_DELAY=" + e.timing.drain.String(),
	}
	return in, in.start(ctx, limits{})
}

// sql runs statements beside the service, one by one.
func (e *env) sql(ctx context.Context, statements ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, s := range statements {
		if _, err := e.db.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// configure sets Redis's settings, given as names and values in turn.
func (e *env) configure(ctx context.Context, settings ...string) error {
	for i := 0; i < len(settings); i += 2 {
		if err := e.rdb.ConfigSet(ctx, settings[i], settings[i+1]).Err(); err != nil {
			return fmt.Errorf("CONFIG SET %s: %w", settings[i], err)
		}
	}
	return nil
}

// newArticles makes the articles that a row writes, in a newspaper of their own.
func (e *env) newArticles(ctx context.Context, n int) ([]*article, string, error) {
	e.rows++
	source := fmt.Sprintf("Faults %d", e.rows)
	rows, err := e.db.Query(ctx, `INSERT INTO scraped_content (source, source_url, title, content, published_date)
		SELECT $1::text, 'urn:faults:' || $2::text || ':' || i, $3, 'Un texto, ' || $1 || ', ' || i, now() - i * interval '1 minute' FROM generate_series(1, $4::int) AS i
		RETURNING id`, source, fmt.Sprint(e.rows), title(0), n)
	if err != nil {
		return nil, "", fmt.Errorf("articles for the row: %w", err)
	}
	defer rows.Close()
	var out []*article
	for rows.Next() {
		a := &article{}
		if err := rows.Scan(&a.id); err != nil {
			return nil, "", fmt.Errorf("articles for the row: %w", err)
		}
		out = append(out, a)
	}
	return out, source, rows.Err()
}

// stored returns the counters that the database has.
func (e *env) stored(ctx context.Context, source string) (map[int64]int64, error) {
	rows, err := e.db.Query(ctx, `SELECT id, title FROM scraped_content WHERE source = $1`, source)
	if err != nil {
		return nil, fmt.Errorf("what is stored: %w", err)
	}
	defer rows.Close()
	out := map[int64]int64{}
	for rows.Next() {
		var id int64
		var said string
		if err := rows.Scan(&id, &said); err != nil {
			return nil, fmt.Errorf("what is stored: %w", err)
		}
		if out[id], err = counterOf(said); err != nil {
			return nil, err
		}
	}
	return out, rows.Err()
}

// root is the directory of the module.
func root() string { return filepath.Join("..", "..") }

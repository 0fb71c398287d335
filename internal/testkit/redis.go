package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/devstack"
)

// Redis is a client of an empty logical database that only this test uses; see RedisURL.
func Redis(t testing.TB) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(RedisURL(t))
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() {
		if err := client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			t.Errorf("testkit: close the Redis client: %v", err)
		}
	})
	return client
}

// RedisURL is the address of an empty logical database that only this test uses, flushed again when the test ends. The
// server is shared with other tests: no FLUSHALL, no CONFIG SET (a test that needs those takes RedisServer).
func RedisURL(t testing.TB) string {
	t.Helper()
	server, err := redisOnce()
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	number, err := server.take(ctx)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := errors.Join(server.flush(ctx, number), server.give(ctx, number)); err != nil {
			t.Errorf("testkit: give back Redis' database %d: %v", number, err)
		}
	})
	if err := server.flush(ctx, number); err != nil {
		t.Fatalf("testkit: %v", err)
	}
	options := *server.options
	auth := ""
	if options.Username != "" || options.Password != "" {
		auth = options.Username + ":" + options.Password + "@"
	}
	return fmt.Sprintf("redis://%s%s/%d", auth, options.Addr, number)
}

// sharedRedis hands out a server's logical databases. Database 0 records who has which, so that test processes that
// share one server (TEST_REDIS_URL) do not clash either.
type sharedRedis struct {
	server
	options   *redis.Options
	databases int
	token     string
}

// lease outlives any test, and frees the databases of a process that died.
const lease = 30 * time.Minute

var redisOnce = sync.OnceValues(func() (*sharedRedis, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	from, err := redisServer(ctx)
	if err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(from.url)
	if err != nil {
		return nil, fmt.Errorf("TEST_REDIS_URL: expected redis://:password@host:6379: %w", err)
	}
	s := &sharedRedis{server: from, options: options, token: unique("testkit")}
	return s, s.do(0, func(c *redis.Client) error {
		// CONFIG GET, because a server given by URL may have any number of databases.
		got, err := c.ConfigGet(ctx, "databases").Result()
		if err != nil {
			return fmt.Errorf("ask the test Redis how many databases it has: %w", err)
		}
		if s.databases, err = strconv.Atoi(got["databases"]); err != nil || s.databases < 2 {
			return fmt.Errorf("the test Redis has %q databases: two or more are needed", got["databases"])
		}
		return nil
	})
})

func redisServer(ctx context.Context) (server, error) {
	if address := os.Getenv("TEST_REDIS_URL"); address != "" {
		return server{url: address}, nil
	}
	if containers() {
		return redisContainer(ctx)
	}
	// Nothing needs to last, and nobody stops it: the watchdog does when this process ends.
	private, err := devstack.StartRedis(ctx, devstack.RedisOptions{
		Databases: 1024, Settings: []string{"appendonly no", `save ""`},
	})
	if err != nil {
		return server{}, err
	}
	return server{url: private.URL()}, nil
}

// take finds a database that nobody has; if all are taken it waits for one.
func (s *sharedRedis) take(ctx context.Context) (int, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		taken := 0
		err := s.do(0, func(c *redis.Client) error {
			for number := 1; number < s.databases; number++ {
				ok, err := c.SetNX(ctx, leaseKey(number), s.token, lease).Result()
				if err != nil {
					return fmt.Errorf("take a Redis database: %w", err)
				}
				if ok {
					taken = number
					return nil
				}
			}
			return nil
		})
		if taken != 0 || err != nil {
			return taken, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("all %d Redis databases are taken: %w", s.databases, ctx.Err())
		}
	}
}

func (s *sharedRedis) give(ctx context.Context, number int) error {
	return s.do(0, func(c *redis.Client) error { return c.Del(ctx, leaseKey(number)).Err() })
}

func (s *sharedRedis) flush(ctx context.Context, number int) error {
	return s.do(number, func(c *redis.Client) error { return c.FlushDB(ctx).Err() })
}

// do calls work with a connection of its own: nothing stays open, and nothing leaks, between tests.
func (s *sharedRedis) do(number int, work func(*redis.Client) error) error {
	options := *s.options
	options.DB, options.PoolSize = number, 1
	client := redis.NewClient(&options)
	err := work(client)
	if closeErr := client.Close(); closeErr != nil {
		err = errors.Join(err, closeErr)
	}
	if err != nil {
		return fmt.Errorf("redis database %d: %w", number, err)
	}
	return nil
}

func leaseKey(number int) string { return "testkit:database:" + strconv.Itoa(number) }

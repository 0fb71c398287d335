package devstack_test

import (
	"context"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/deploy"
	"openlearn/internal/devstack"
)

func TestRedisRunsOnTheDeployedConfiguration(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	server, err := devstack.StartRedis(ctx, devstack.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"maxmemory": "2147483648", "maxmemory-policy": "allkeys-lru", "save": "900 1 300 10 60 10000",
		"appendonly": "yes", "appendfsync": "everysec", "tcp-backlog": "511", "timeout": "300", "tcp-keepalive": "300",
		"maxclients": "10000", "stop-writes-on-bgsave-error": "no",
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if files.Max < 10032 { // Redis lowers maxclients to what the open-files limit leaves
		t.Logf("maxclients is not compared: %d files at most may be open here", files.Max)
		delete(want, "maxclients")
	}
	withRedis(t, server.URL(), func(ctx context.Context, client *redis.Client) error {
		for name, value := range want {
			got, err := client.ConfigGet(ctx, name).Result()
			if err != nil {
				return err
			}
			if got[name] != value {
				t.Errorf("%s is %q, want %q", name, got[name], value)
			}
		}
		return nil
	})
	if err := server.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestDeployedConfigurationLeavesThePlaceOpen(t *testing.T) {
	t.Parallel()
	if found := regexp.MustCompile(`(?m)^\s*(requirepass|bind|port|dir|masterauth)\b.*`).FindString(deploy.RedisConf); found != "" {
		t.Errorf("redis.conf sets %q, which belongs to whoever starts it", found)
	}
}

func TestRedisFaults(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	server, err := devstack.StartRedis(ctx, devstack.RedisOptions{Settings: []string{"appendfsync always"}})
	if err != nil {
		t.Fatal(err)
	}
	url := server.URL()
	withRedis(t, url, func(ctx context.Context, client *redis.Client) error { return client.Set(ctx, "kept", "it", 0).Err() })
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	withRedis(t, url, func(ctx context.Context, client *redis.Client) error {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if err := client.Ping(short).Err(); err == nil {
			t.Error("a paused server answered")
		}
		if err := server.Resume(); err != nil {
			return err
		}
		return client.Ping(ctx).Err()
	})
	for _, restart := range []struct {
		name string
		do   func() error
	}{
		{"kill", func() error {
			if err := server.Kill(); err != nil {
				return err
			}
			return server.Start(ctx)
		}},
		{"restart", func() error { return server.Restart(ctx) }},
	} {
		if err := restart.do(); err != nil {
			t.Fatalf("%s: %v", restart.name, err)
		}
		withRedis(t, url, func(ctx context.Context, client *redis.Client) error {
			got, err := client.Get(ctx, "kept").Result()
			if got != "it" {
				t.Errorf("after %s: %q", restart.name, got)
			}
			return err
		})
	}
	if err := server.Pause(); err != nil { // a paused server can be stopped too
		t.Fatal(err)
	}
	if err := server.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestPostgresFaults(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	server, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Settings: map[string]string{"max_connections": "37"}})
	if err != nil {
		t.Fatal(err)
	}
	url := server.URL()
	if got := query(t, url, "SHOW max_connections"); got != "37" {
		t.Errorf("max_connections is %s", got)
	}
	keep(t, url)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if got := query(t, url, "SELECT name FROM kept"); got != "it" {
		t.Errorf("after a kill: %q", got)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(ctx); err == nil {
		t.Error("a running server was started again")
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(ctx); err != nil {
		t.Error(err)
	}
}

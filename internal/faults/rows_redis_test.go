package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func redisRows() []row {
	const group = "Redis"
	return []row{
		{
			group: group, name: "redis-kill", what: "kill -9, started again at the end", short: true,
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return e.redis.Start, e.redis.Kill()
			},
		},
		{
			group: group, name: "redis-stop", what: "SIGSTOP: connections stay open, nothing answers",
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return func(context.Context) error { return e.redis.Resume() }, e.redis.Pause()
			},
		},
		slowRedis(50 * time.Millisecond),
		slowRedis(500 * time.Millisecond),
		slowRedis(1200 * time.Millisecond),
		{
			group: group, name: "redis-half-open", what: "connections are accepted and nothing is answered, new ones and old",
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return each(condition{silent: true}, e.instances[0].redis, e.instances[1].redis), nil
			},
		},
		{
			group: group, name: "redis-oom", what: "full: `maxmemory 1`, `noeviction` (reads go on, writes answer OOM)", short: true,
			inject: settings([]string{"maxmemory-policy", "noeviction", "maxmemory", "1"}, []string{"maxmemory", "2gb", "maxmemory-policy", "allkeys-lru"}),
		},
		{
			group: group, name: "redis-readonly", what: "demoted in place by `REPLICAOF` (reads go on, writes answer READONLY)",
			inject: func(ctx context.Context, e *env, _ *load) (func(context.Context) error, error) {
				back := func(ctx context.Context) error { return e.rdb.ReplicaOf(ctx, "NO", "ONE").Err() }
				return back, e.rdb.ReplicaOf(ctx, "127.0.0.1", "1").Err()
			},
		},
		{
			group: group, name: "redis-noreplicas", what: "`min-replicas-to-write 1` without a replica (writes answer NOREPLICAS)",
			inject: settings([]string{"min-replicas-to-write", "1"}, []string{"min-replicas-to-write", "0"}),
		},
		{
			group: group, name: "redis-misconf", what: "snapshots fail and writes stop for it (writes answer MISCONF)",
			inject: misconf,
		},
		{
			group: group, name: "redis-acl", what: "ACL `-@write` for the service's user (reads go on, writes answer NOPERM)",
			inject: func(ctx context.Context, e *env, _ *load) (func(context.Context) error, error) {
				back := func(ctx context.Context) error { return e.rdb.ACLSetUser(ctx, "default", "+@all").Err() }
				return back, e.rdb.ACLSetUser(ctx, "default", "-@write").Err()
			},
		},
		{
			group: group, name: "redis-flushall", what: "FLUSHALL, every second",
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return again(time.Second, func(ctx context.Context) error { return e.rdb.FlushAll(ctx).Err() }), nil
			},
		},
		{
			group: group, name: "redis-client-kill", what: "CLIENT KILL of all, five times a second",
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return again(200*time.Millisecond, func(ctx context.Context) error {
					for _, kind := range []string{"normal", "pubsub"} {
						if err := e.rdb.ClientKillByFilter(ctx, "TYPE", kind, "SKIPME", "yes").Err(); err != nil {
							return err
						}
					}
					return nil
				}), nil
			},
		},
		{
			group: group, name: "redis-cut-one", what: "A is cut off (connections are reset), B is not",
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return each(condition{cut: true}, e.instances[0].redis), nil
			},
		},
		{
			group: group, name: "redis-hung-one", what: "A gets no answers (connections stay open), B does",
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return each(condition{silent: true}, e.instances[0].redis), nil
			},
		},
	}
}

func slowRedis(by time.Duration) row {
	return row{
		group: "Redis", name: fmt.Sprintf("redis-slow-%d", by.Milliseconds()), what: fmt.Sprintf("every answer %d ms late", by.Milliseconds()),
		inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
			return each(condition{delay: by}, e.instances[0].redis, e.instances[1].redis), nil
		},
		expect: within(300 * time.Millisecond),
	}
}

// settings makes a fault with one set of Redis settings and undoes it with another.
func settings(fault, back []string) func(context.Context, *env, *load) (func(context.Context) error, error) {
	return func(ctx context.Context, e *env, _ *load) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return e.configure(ctx, back...) }, e.configure(ctx, fault...)
	}
}

// misconf takes away Redis's write access to the directory that it saves in.
func misconf(ctx context.Context, e *env, _ *load) (func(context.Context) error, error) {
	dir := filepath.Dir(e.redis.Log())
	back := func(ctx context.Context) error {
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
		return e.configure(ctx, "stop-writes-on-bgsave-error", "no")
	}
	if err := e.configure(ctx, "stop-writes-on-bgsave-error", "yes"); err != nil {
		return back, err
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		return back, err
	}
	for range 100 { // a save that already runs refuses another, and may succeed
		info, err := e.rdb.Info(ctx, "persistence").Result()
		if err != nil {
			return back, err
		}
		if strings.Contains(info, "rdb_last_bgsave_status:err") {
			return back, nil
		}
		_ = e.rdb.BgSave(ctx).Err()
		if !sleep(ctx, 50*time.Millisecond) {
			break
		}
	}
	return back, fmt.Errorf("Redis saves in a directory that it may not write")
}

package cache

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

// A failover by Sentinel: the cache follows to the promoted replica and
// serves nothing older than what was acknowledged.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	primary := startServer(t)
	replica := startServer(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", primary.port), "--repl-diskless-sync-delay", "0")
	rr := replica.client(t)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor news 127.0.0.1 %d 1\nsentinel down-after-milliseconds news 500\nsentinel failover-timeout news 3000\n", primary.port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := startSentinel(t, conf)
	rdb := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "news", SentinelAddrs: []string{sentinel.addr()}})
	t.Cleanup(func() { _ = rdb.Close() })
	o := exactly(rdb, nil)
	o.BreakerProbe = 20 * time.Millisecond
	c := newCache(t, o)
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	if info := mustGet(t, f, 1, 0); info.Source == FromBypass {
		t.Fatalf("from %v", info.Source)
	}
	testkit.Eventually(t, "the replica has the entry", func() bool { return rr.Exists(ctx, f.Key(1)).Val() == 1 })
	sc := redis.NewSentinelClient(&redis.Options{Addr: sentinel.addr()})
	t.Cleanup(func() { _ = sc.Close() })
	testkit.Eventually(t, "sentinel knows the replica", func() bool {
		rs, err := sc.Replicas(ctx, "news").Result()
		return err == nil && len(rs) == 1
	})
	f.value.Store(1)
	if err := c.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	primary.kill()
	mustGet(t, f, 1, 1)
	testkit.Eventually(t, "the replica is promoted and serves", func() bool {
		v, info, err := f.GetInfo(ctx, 1)
		if err != nil || v != 1 {
			t.Fatalf("%d, %v", v, err)
		}
		return info.Source == FromRedis || info.Source == FromNear
	})
	f.value.Store(2)
	testkit.Eventually(t, "invalidations are acknowledged", func() bool { return c.Invalidate(ctx, "thing:1") == nil })
	mustGet(t, f, 1, 2)
}

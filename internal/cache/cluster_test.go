package cache

import (
	"context"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// startCluster makes three primaries on loopback and waits until all of them
// agree.
func startCluster(t testing.TB) (*redis.ClusterClient, []*server) {
	t.Helper()
	if _, err := exec.LookPath("redis-cli"); err != nil {
		t.Skip("redis-cli is not installed")
	}
	nodes := make([]*server, 3)
	args := []string{"--cluster", "create"}
	for i := range nodes {
		nodes[i] = startServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		args = append(args, nodes[i].addr())
	}
	args = append(args, "--cluster-replicas", "0", "--cluster-yes")
	if out, err := exec.Command("redis-cli", args...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli: %v\n%s", err, out)
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr(), nodes[1].addr(), nodes[2].addr()}})
	t.Cleanup(func() { _ = rdb.Close() })
	for _, n := range nodes {
		one := n.client(t)
		testkit.Eventually(t, "the cluster is up", func() bool {
			info, err := one.ClusterInfo(context.Background()).Result()
			return err == nil && len(info) > 0 && info[:len("cluster_state:ok")] == "cluster_state:ok"
		})
	}
	return rdb, nodes
}

func TestCluster(t *testing.T) {
	t.Parallel()
	rdb, _ := startCluster(t)
	o := exactly(rdb, nil)
	cs := instances(t, 2, o)
	a, b := count(cs[0], Article), count(cs[1], Article)
	ctx := context.Background()
	for id := range 50 {
		mustGet(t, a, id, 0)
		mustGet(t, b, id, 0)
	}
	wantLoads(t, a, 50)
	wantLoads(t, b, 0)
	slots := map[int64]bool{}
	for _, k := range version.Keys("things") {
		n, err := rdb.ClusterKeySlot(ctx, k).Result()
		if err != nil {
			t.Fatal(err)
		}
		slots[n] = true
	}
	if len(slots) < 8 {
		t.Errorf("a coarse dependency lies in %d slots", len(slots))
	}
	for i, dep := range []string{"things", "layer:article"} {
		a.value.Store(int64(i + 1))
		b.value.Store(int64(i + 1))
		if err := cs[0].Invalidate(ctx, dep); err != nil {
			t.Fatal(err)
		}
		for id := range 50 {
			mustGet(t, b, id, i+1)
		}
	}
	ids := make([]int, 60)
	for i := range ids {
		ids[i] = i
	}
	for _, r := range b.GetMany(ctx, ids) {
		if r.Err != nil || r.Value != 2 {
			t.Fatalf("%+v", r)
		}
	}
	if n, err := purged(cs[1], Article, "*"); err != nil || n != 60 {
		t.Errorf("PurgePattern = %d, %v", n, err)
	}
	a.value.Store(9)
	mustGet(t, a, 3, 9)
	if s := cs[0].Stats(ctx); !s.Redis.Reachable || s.Redis.Keys == 0 {
		t.Errorf("stats: %+v", s.Redis)
	}
}

func TestClusterFetchesAHotKeyOnce(t *testing.T) {
	t.Parallel()
	rdb, _ := startCluster(t)
	o := exactly(rdb, nil)
	o.RedisTimeout = 30_000_000_000
	var loads atomic.Int64
	var wg sync.WaitGroup
	for _, c := range instances(t, 3, o) {
		f := Wrap(c, Spec[int]{Layer: Article, Key: func(i int) Key { return Key{ID: strconv.Itoa(i)} }}, func(context.Context, int) (int, error) {
			loads.Add(1)
			return 1, nil
		})
		for range 100 {
			wg.Go(func() {
				if _, err := f.Get(context.Background(), 1); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

// A node that is down takes its keys with it. Reads go on, from the source
// where they must, and the cache recovers when the node is back.
func TestClusterWithoutANode(t *testing.T) {
	t.Parallel()
	rdb, nodes := startCluster(t)
	o := exactly(rdb, nil)
	c := newCache(t, o)
	f := count(c, Article)
	for id := range 20 {
		mustGet(t, f, id, 0)
	}
	f.value.Store(1)
	if err := c.Invalidate(context.Background(), "things"); err != nil {
		t.Fatal(err)
	}
	nodes[1].kill()
	for id := range 20 {
		mustGet(t, f, id, 1)
	}
	f.value.Store(2)
	if err := c.Invalidate(context.Background(), "things"); err == nil {
		t.Error("an invalidation that one shard missed returned nil")
	}
	nodes[1].start()
	testkit.Eventually(t, "an invalidation is acknowledged by all", func() bool {
		return c.Invalidate(context.Background(), "things") == nil
	})
	for id := range 20 {
		mustGet(t, f, id, 2)
	}
	testkit.Eventually(t, "entries are served again", func() bool {
		_, info, err := f.GetInfo(context.Background(), 5)
		return err == nil && (info.Source == FromRedis || info.Source == FromNear)
	})
}

package coherence

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/testkit"
)

// counterFunc is a cached function whose source is a number that a test raises.
func counterFunc(t *testing.T, rdb redis.UniversalClient) (c *cache.Cache, f *cache.Func[int, int64], source *atomic.Int64) {
	t.Helper()
	c, err := cache.New(cache.Options{
		Redis: rdb, EarlyRefresh: -1, Jitter: -1, RedisTimeout: 5 * time.Second,
		Layers: []cache.Layer{{Name: plain, Namespace: plain, TTL: time.Hour, Near: cache.Near{Mode: cache.NearOff}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	source = &atomic.Int64{}
	f = cache.Wrap(c, cache.Spec[int]{
		Layer: plain,
		Key:   func(i int) cache.Key { return cache.Key{ID: strconv.Itoa(i)} },
		Deps:  func(i int) []string { return []string{"item:" + strconv.Itoa(i)} },
	}, func(context.Context, int) (int64, error) { return source.Load(), nil })
	return c, f, source
}

func mustGet(t *testing.T, f *cache.Func[int, int64], i int, want int64) cache.Info {
	t.Helper()
	v, info, err := f.GetInfo(t.Context(), i)
	if err != nil || v != want {
		t.Errorf("entry %d: %d from %v (%v), want %d", i, v, info.Source, err, want)
	}
	return info
}

// One node of a cluster comes back with its last second lost. A read touches several nodes: what it reads from one of
// them before it asks the restarted one must not count, or an entry that was invalidated in the lost second looks
// current.
func TestAReadAcrossTheRestartOfANode(t *testing.T) {
	t.Parallel()
	m, _ := newMemory(t)
	p := startCluster(t, m)
	ctx := t.Context()
	lost := p.nodes[1]
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: p.addrs, Username: userName, Password: userPassword})
	t.Cleanup(func() { _ = rdb.Close() })
	c, f, source := counterFunc(t, rdb)
	// Entries whose own version lies on the node that will forget.
	var there []int
	for i := 0; len(there) < 40; i++ {
		slot, err := rdb.ClusterKeySlot(ctx, "dep:v1:item:"+strconv.Itoa(i)).Result()
		if err != nil {
			t.Fatal(err)
		}
		if slot >= clusterSlots/3 && slot < 2*clusterSlots/3 {
			there = append(there, i)
		}
	}
	for round := range int64(3) {
		for _, i := range there {
			mustGet(t, f, i, round)
			mustGet(t, f, i, round)
		}
		path, size := lost.logFile()
		source.Store(round + 1)
		for _, i := range there {
			if err := c.Invalidate(ctx, "item:"+strconv.Itoa(i)); err != nil {
				t.Fatal(err)
			}
		}
		lost.must("kill", lost.Kill())
		lost.must("cut the log of", os.Truncate(path, size))
		lost.restart()
		p.agreed(len(p.nodes))
		// The first read after the restart is the one at risk; each round reads another entry, since it depends on
		// where its layer's version lies.
		there = append(there[1:], there[0])
		for _, i := range there {
			mustGet(t, f, i, round+1)
		}
	}
}

// heirless is a cluster, a cached function on it, and entries whose versions lie on the node that has a replica. The client asks all
// nodes for the slots all the time, so that it has a connection to each.
func heirless(t *testing.T) (p *topology, c *cache.Cache, f *cache.Func[int, int64], source *atomic.Int64, there []int) {
	t.Helper()
	m, _ := newMemory(t)
	p = startCluster(t, m)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: append([]string{p.nodes[3].Addr()}, p.addrs...), Username: userName, Password: userPassword,
		ClusterStateReloadInterval: 10 * time.Millisecond,
	})
	t.Cleanup(func() { _ = rdb.Close() })
	c, f, source = counterFunc(t, rdb)
	for i := 0; len(there) < 20; i++ {
		slot, err := rdb.ClusterKeySlot(t.Context(), "dep:v1:item:"+strconv.Itoa(i)).Result()
		if err != nil {
			t.Fatal(err)
		}
		if slot < clusterSlots/3 {
			there = append(there, i)
		}
	}
	for range 40 { // until every node has been asked for the slots
		for _, i := range there {
			mustGet(t, f, i, 0)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return p, c, f, source, there
}

// failOver invalidates these entries on the primary alone, kills it and promotes the replica.
func (p *topology) failOver(primary, replica int, c *cache.Cache, there []int) {
	p.t.Helper()
	ctx := p.t.Context()
	old, heir := p.nodes[primary], p.nodes[replica]
	testkit.Eventually(p.t, "the replica has it all", func() bool { return heir.rdb.DBSize(ctx).Val() == old.rdb.DBSize(ctx).Val() })
	heir.config("masterauth", "wrong")
	old.rdb.Do(ctx, "client", "kill", "type", "replica")
	for _, i := range there {
		if err := c.Invalidate(ctx, "item:"+strconv.Itoa(i)); err != nil {
			p.t.Fatal(err)
		}
	}
	old.must("kill", old.Kill())
	heir.must("promote", heir.rdb.Do(ctx, "cluster", "failover", "takeover").Err())
}

func served(t *testing.T, f *cache.Func[int, int64], there []int, want int64) {
	t.Helper()
	testkit.Eventually(t, "entries are served again", func() bool {
		for _, i := range there {
			if info := mustGet(t, f, i, want); info.Source != cache.FromRedis {
				return t.Failed()
			}
		}
		return true
	})
}

// A connection that was made while a server was a replica says nothing about what the server holds once it is the primary: it
// may have missed the last second before.
func TestAConnectionFromBeforeThePromotion(t *testing.T) {
	t.Parallel()
	p, c, f, source, there := heirless(t)
	source.Store(1)
	p.failOver(0, 3, c, there)
	served(t, f, there, 1)
}

// Nor does a connection that was made while the server was the primary in an earlier period.
func TestAConnectionFromAnEarlierReign(t *testing.T) {
	t.Parallel()
	p, c, f, source, there := heirless(t)
	ctx := t.Context()
	// The replica takes over in good order, and later loses a second.
	p.nodes[3].must("hand over to", p.nodes[3].rdb.Do(ctx, "cluster", "failover").Err())
	testkit.Eventually(t, "the roles have changed", func() bool {
		return p.nodes[0].rdb.InfoMap(ctx, "replication").Item("Replication", "role") == "slave"
	})
	p.inStep(0)
	served(t, f, there, 0)
	source.Store(1)
	p.failOver(3, 0, c, there)
	served(t, f, there, 1)
}

package cache

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/testkit"
)

// Redis saves, an invalidation is acknowledged, Redis dies and comes back with
// what it saved: old values and old versions, together and consistent.
func TestRestartWithOldDataServesNothingOld(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	rdb := s.client(t)
	ctx := context.Background()
	o := exactly(rdb, nil)
	cs := instances(t, 2, o)
	a, b := count(cs[0], Article), count(cs[1], Article)
	mustGet(t, a, 1, 0)
	mustGet(t, b, 1, 0)
	if err := rdb.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	a.value.Store(1)
	b.value.Store(1)
	if err := cs[0].Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	mustGet(t, a, 1, 1)
	s.kill()
	s.start()
	// The control: the old value did come back, and looks current by itself.
	old, err := envelope.Decode(s.client(t).Get(ctx, a.Key(1)).Val())
	if err != nil || string(old.Payload) != "0" {
		t.Fatalf("the server did not bring the old value back: %q, %v", old.Payload, err)
	}
	for _, f := range []*counted{b, a} {
		for range 3 {
			mustGet(t, f, 1, 1)
		}
	}
	testkit.Eventually(t, "entries are served again", func() bool {
		_, info, err := b.GetInfo(ctx, 1)
		return err == nil && info.Source != FromBypass && info.Source != FromSource
	})
	if n := cs[0].met.historyResets.value() + cs[1].met.historyResets.value(); n < 2 {
		t.Errorf("%d resets for two histories", n)
	}
}

// A second instance on a history that was dealt with clears nothing.
func TestKnownHistoryKeepsEntries(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	a := count(newCache(t, exactly(rdb, nil)), Article)
	mustGet(t, a, 1, 0)
	b := count(newCache(t, exactly(rdb, nil)), Article)
	mustGet(t, b, 1, 0)
	wantLoads(t, b, 0)
}

func TestReplicaPromotedWithOldData(t *testing.T) {
	t.Parallel()
	primary, replica := startServer(t), startServer(t)
	ctx := context.Background()
	rr := replica.client(t)
	host, port, _ := strings.Cut(primary.addr(), ":")
	if err := rr.ReplicaOf(ctx, host, port).Err(); err != nil {
		t.Fatal(err)
	}
	c1 := newCache(t, exactly(primary.client(t), nil))
	f1 := count(c1, Article)
	mustGet(t, f1, 1, 0)
	testkit.Eventually(t, "the replica has the entry", func() bool { return rr.Exists(ctx, f1.Key(1)).Val() == 1 })
	// Replication breaks, the invalidation reaches only the primary.
	if err := rr.ConfigSet(ctx, "masterauth", "wrong").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rr.ReplicaOf(ctx, "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := c1.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	primary.kill()
	if err := rr.ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	c2 := newCache(t, exactly(rr, nil))
	f2 := count(c2, Article)
	f2.value.Store(1)
	mustGet(t, f2, 1, 1)
}

func TestInfoField(t *testing.T) {
	t.Parallel()
	info := "# Replication\r\nrole:master\r\nmaster_replid:abc\r\nmaster_replid2:000\r\n"
	for name, want := range map[string]string{"master_replid": "abc", "role": "master", "master": ""} {
		if got := infoField(info, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestClientsThatReadReplicasAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []redis.ClusterOptions{{ReadOnly: true}, {RouteByLatency: true}, {RouteRandomly: true}} {
		o.Addrs = []string{"127.0.0.1:1"}
		rdb := redis.NewClusterClient(&o)
		if c, err := New(Options{Redis: rdb, Layers: Layers()}); err == nil {
			t.Error("accepted")
			_ = c.Close()
		}
		_ = rdb.Close()
	}
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	if _, err := New(Options{Redis: ring, Layers: Layers()}); err == nil {
		t.Error("a ring was accepted")
	}
	_ = ring.Close()
	if _, err := New(Options{Layers: Layers()}); err == nil {
		t.Error("no Redis was accepted")
	}
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	if _, err := New(Options{Redis: rdb}); err == nil {
		t.Error("no layers were accepted")
	}
	_ = rdb.Close()
}

// Redis refuses the writes that a new history needs, so no connection comes
// about. go-redis used to take that refusal for an answer to the pipeline and
// left its commands without an error: Invalidate returned nil, and nothing had
// been sent.
func TestWhatWasNeverSentIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	rdb := s.client(t)
	ctx := context.Background()
	old := count(newCache(t, exactly(rdb, nil)), Article)
	mustGet(t, old, 1, 0)
	for _, k := range rdb.Keys(ctx, historyPrefix+"*").Val() {
		if err := rdb.Del(ctx, k).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := rdb.ConfigSet(ctx, "min-replicas-to-write", "1").Err(); err != nil {
		t.Fatal(err)
	}
	fresh := newCache(t, exactly(rdb, nil)) // its first connection meets no marker
	for _, deps := range [][]string{{"thing:1"}, {"things"}, {"layer:article"}} {
		if err := fresh.Invalidate(ctx, deps...); err == nil {
			t.Errorf("invalidating %v was acknowledged", deps)
		}
	}
	if _, err := fresh.Ticket(ctx, Entry{Layer: Article, Key: Key{ID: "1"}}); err == nil {
		t.Error("a ticket of versions that were never written")
	}
	if err := rdb.ConfigSet(ctx, "min-replicas-to-write", "0").Err(); err != nil {
		t.Fatal(err)
	}
	old.value.Store(1)
	testkit.Eventually(t, "an invalidation is acknowledged", func() bool { return fresh.Invalidate(ctx, "things") == nil })
	mustGet(t, old, 1, 1)
}

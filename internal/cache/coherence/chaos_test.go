package coherence

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"openlearn/internal/testkit"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// chaos is what happens to the servers and the workers while they work. One thing at a time, except for eviction, which goes on all
// along.
type chaos struct {
	*topology
	crew *crew

	mu   sync.Mutex
	done map[string]int
	log  []happening
}

// happening is a step of a mishap, and the value of the counter at that time.
type happening struct {
	at   int64
	what string
}

// tell records what happened, for the report.
func (c *chaos) tell(n *node, what string) {
	if n != nil {
		what += " " + n.port()
	}
	c.log = append(c.log, happening{c.m.Seq.Add(1), what})
}

// around returns what happened around the first violation.
func (c *chaos) around() string {
	var b strings.Builder
	first := c.m.First.Load()
	for _, h := range c.log {
		if h.at > first-10000 && h.at < first+1000 {
			fmt.Fprintf(&b, "%d %s\n", h.at, h.what)
		}
	}
	return b.String()
}

// counts returns how often each mishap has happened.
func (c *chaos) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.done)
}

// pair are the numbers of the servers that take over from each other.
func (c *chaos) pair() (primary, replica int) {
	if c.cluster {
		if c.primary == 0 {
			return 0, 3
		}
		return 3, 0
	}
	return c.primary, 1 - c.primary
}

// primaries are the servers that hold data of their own now.
func (c *chaos) primaries() []*node {
	first, _ := c.pair()
	if c.cluster {
		return []*node{c.nodes[first], c.nodes[1], c.nodes[2]}
	}
	return []*node{c.nodes[first]}
}

func (c *chaos) anyPrimary() *node {
	all := c.primaries()
	return all[rand.IntN(len(all))]
}

type mishap struct {
	name string
	do   func(ctx context.Context)
}

func (c *chaos) mishaps() []mishap {
	return []mishap{
		{"flush", func(ctx context.Context) {
			for _, n := range c.primaries() {
				n.rdb.FlushAll(ctx)
			}
		}},
		{"stall Redis", func(ctx context.Context) {
			n := c.anyPrimary()
			c.tell(n, "stall")
			n.must("pause", n.Pause())
			c.lull(ctx, 200, 900)
			c.tell(n, "resume")
			n.must("resume", n.Resume())
		}},
		{"lose the tail and restart", func(ctx context.Context) {
			n := c.anyPrimary()
			c.tell(n, "kill")
			lost := n.loseTheTail()
			c.tell(n, fmt.Sprintf("lost %d bytes of", lost))
			c.lull(ctx, 0, 300)
			n.restart()
			c.tell(n, "restarted")
			c.settle()
		}},
		{"promote", c.promote},
		{"refuse writes", func(ctx context.Context) {
			n := c.anyPrimary()
			n.config("min-replicas-to-write", "9")
			c.lull(ctx, 200, 600)
			n.config("min-replicas-to-write", "0")
		}},
		{"run out of memory", func(ctx context.Context) {
			n := c.anyPrimary()
			n.config("maxmemory-policy", "noeviction")
			n.config("maxmemory", "1mb")
			c.lull(ctx, 200, 600)
			n.config("maxmemory", "0")
		}},
		{"evict the least used", func(ctx context.Context) {
			n := c.anyPrimary()
			n.config("maxmemory-policy", "allkeys-lru")
			n.config("maxmemory", "1400kb")
			c.lull(ctx, 300, 800)
			n.config("maxmemory", "0")
		}},
		{"drop connections", func(ctx context.Context) {
			n := c.anyPrimary()
			n.rdb.Do(ctx, "client", "kill", "type", "normal", "skipme", "yes")
			n.rdb.Do(ctx, "client", "kill", "type", "pubsub")
		}},
		{"kill a holder", func(ctx context.Context) { c.crew.killLoading(ctx) }},
		{"stop a worker", func(ctx context.Context) {
			w := c.crew.any()
			w.signal(syscall.SIGSTOP)
			c.lull(ctx, 200, 800) // longer than its leases
			w.signal(syscall.SIGCONT)
		}},
	}
}

// promote cuts the replica off, lets the primary take some more writes, kills it, and has the replica take its place. The old primary
// comes back as the new one's replica: it was fenced first.
func (c *chaos) promote(ctx context.Context) {
	primary, replica := c.pair()
	old, heir := c.nodes[primary], c.nodes[replica]
	c.tell(heir, "cut off")
	heir.config("masterauth", "wrong")
	old.rdb.Do(ctx, "client", "kill", "type", "replica")
	c.lull(ctx, 100, 700)
	c.tell(old, "kill")
	old.must("kill", old.Kill())
	c.tell(heir, "promote")
	if c.cluster {
		heir.again("promote", func() error { return heir.rdb.Do(ctx, "cluster", "failover", "takeover").Err() })
		heir.config("masterauth", userPassword)
		c.primary = 3 - c.primary
		c.lull(ctx, 0, 300)
		c.tell(old, "restart")
		old.restart() // it learns from the others that it was replaced, and follows
		testkit.Eventually(c.t, "the old primary follows", func() bool {
			role := old.rdb.InfoMap(ctx, "replication").Item("Replication", "role")
			if role == "master" && contains(old.rdb.ClusterInfo(ctx).Val(), "cluster_state:ok") && old.rdb.InfoMap(ctx, "replication").Item("Replication", "role") == "master" {
				// Redis has it wait two seconds before it serves again; if the machine is so busy that it has not
				// learnt in that time that it was replaced, it is an old primary that nobody fenced, and the promise
				// does not cover those.
				c.tell(old, "UNFENCED")
			}
			return role == "slave"
		})
		c.settle()
	} else {
		heir.again("promote", func() error { return heir.rdb.ReplicaOf(ctx, "NO", "ONE").Err() })
		heir.config("masterauth", userPassword)
		c.announce(replica)
		c.lull(ctx, 0, 300)
		c.tell(old, "restart")
		old.restart()
		c.follow(primary, replica)
	}
	c.tell(old, "follows")
	old.sizes, heir.sizes = nil, nil
}

// settle waits until the servers work together again after one came back: two outages at once are the same as a longer
// one, and between outages there must be something to lose.
func (c *chaos) settle() {
	if c.cluster {
		c.agreed(len(c.nodes))
	}
	_, replica := c.pair()
	c.inStep(replica)
}

// lull lets the workers work undisturbed for some milliseconds.
func (c *chaos) lull(ctx context.Context, least, most int) {
	t := time.NewTimer(time.Duration(least+rand.IntN(most-least+1)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// run goes on until ctx ends, and leaves everything running. A mishap that is under way is finished.
func (c *chaos) run(ctx context.Context, only ...string) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { c.evict(ctx) })
	all := c.mishaps()
	if len(only) > 0 {
		all = slices.DeleteFunc(all, func(m mishap) bool { return !slices.Contains(only, m.name) })
	}
	if len(all) == 0 { // a control that fails by itself
		<-ctx.Done()
	}
	for ctx.Err() == nil {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, m := range all {
			if ctx.Err() != nil {
				return
			}
			c.tell(nil, m.name)
			m.do(context.WithoutCancel(ctx))
			c.mu.Lock()
			c.done[m.name]++
			c.mu.Unlock()
			c.breathe(ctx)
		}
	}
}

// breathe gives the workers time to recover, and to write what can be lost next.
func (c *chaos) breathe(ctx context.Context) {
	for range 6 {
		for _, n := range c.primaries() {
			n.sample()
		}
		c.lull(ctx, 50, 100)
	}
	for _, n := range c.nodes {
		n.slim()
	}
}

// evict deletes keys at random, as allkeys-lru may: entries, versions, locks, markers.
func (c *chaos) evict(ctx context.Context) {
	for ctx.Err() == nil {
		n := c.nodes[rand.IntN(len(c.nodes))]
		// A server that is down, or a replica, evicts nothing.
		if k := n.rdb.RandomKey(ctx).Val(); k != "" {
			n.rdb.Del(ctx, k)
		}
		c.lull(ctx, 2, 12)
	}
}

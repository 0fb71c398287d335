package coherence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/devstack"
	"openlearn/internal/testkit"
)

// node is one Redis server and what the chaos needs to know about it.
type node struct {
	*devstack.Redis
	t     *testing.T
	rdb   *redis.Client
	sizes []int64 // of its log, one every sizeEvery: what had reached the disk by then
}

const sizeEvery = 50 * time.Millisecond

func startNode(t *testing.T, settings ...string) *node {
	t.Helper()
	settings = append([]string{
		userSetting, "save \"\"", "appendonly yes", "appendfsync everysec", "auto-aof-rewrite-percentage 0", "repl-diskless-sync-delay 0",
		"repl-backlog-size 1mb", "maxmemory 0", "masteruser " + userName,
	}, settings...)
	n := &node{Redis: testkit.RedisServer(t, settings...), t: t}
	n.rdb = redis.NewClient(&redis.Options{Addr: n.Addr(), Username: userName, Password: userPassword, PoolSize: 2})
	t.Cleanup(func() { _ = n.rdb.Close() })
	n.config("masterauth", userPassword)
	return n
}

func (n *node) port() string {
	_, port, _ := net.SplitHostPort(n.Addr())
	return port
}

func (n *node) must(what string, err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatalf("%s %s: %v", what, n.Addr(), err)
	}
}

// logFile is the append-only file that is being written.
func (n *node) logFile() (string, int64) {
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(n.Log()), "appendonlydir", "*.incr.aof"))
	sort.Slice(found, func(i, j int) bool {
		return len(found[i]) < len(found[j]) || len(found[i]) == len(found[j]) && found[i] < found[j]
	})
	if len(found) == 0 {
		return "", 0
	}
	path := found[len(found)-1]
	info, err := os.Stat(path)
	if err != nil {
		return "", 0
	}
	return path, info.Size()
}

// sample remembers how much had been written by now.
func (n *node) sample() {
	_, size := n.logFile()
	n.sizes = append(n.sizes, size)
	if most := int(time.Second / sizeEvery); len(n.sizes) > most {
		n.sizes = n.sizes[1:]
	}
}

// loseTheTail kills the server as a power cut would: of its last second, a part chosen at random never reached the disk.
func (n *node) loseTheTail() (lost int64) {
	n.must("kill", n.Kill())
	path, size := n.logFile()
	if path == "" || len(n.sizes) == 0 {
		return 0
	}
	if kept := n.sizes[rand.IntN(len(n.sizes))]; kept < size {
		n.must("cut the log of", os.Truncate(path, kept))
		lost = size - kept
	}
	n.sizes = nil
	return lost
}

func (n *node) restart() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n.must("start", n.Start(ctx))
	n.config("masterauth", userPassword)
}

// slim rewrites the log if a long run has made it large.
func (n *node) slim() {
	if _, size := n.logFile(); size > 64<<20 {
		n.rdb.BgRewriteAOF(context.Background())
	}
}

// again retries what may fail for a moment: go-redis repeats its last dial's error for a while, and idle connections
// may be closed.
func (n *node) again(what string, do func() error) {
	n.t.Helper()
	var err error
	deadline := time.Now().Add(30 * time.Second)
	for err = do(); err != nil && time.Now().Before(deadline); err = do() {
		time.Sleep(5 * time.Millisecond)
	}
	n.must(what, err)
}

func (n *node) config(name, value string) {
	n.t.Helper()
	n.again("set "+name+" of", func() error { return n.rdb.ConfigSet(context.Background(), name, value).Err() })
}

// topology is what the workers talk to.
type topology struct {
	t       *testing.T
	m       *memory
	nodes   []*node  // all of them
	addrs   []string // given to the workers; none: the port in memory
	primary int      // of the pair 0 and 1
	cluster bool
}

// startPair is a primary and its replica.
func startPair(t *testing.T, m *memory) *topology {
	p := &topology{t: t, m: m, nodes: []*node{startNode(t), startNode(t)}}
	p.follow(1, 0)
	p.announce(0)
	return p
}

func (p *topology) announce(primary int) {
	p.primary = primary
	port, _ := strconv.ParseInt(p.nodes[primary].port(), 10, 64)
	p.m.Port.Store(port)
}

// follow makes a server a replica of another and waits until it is in step.
func (p *topology) follow(replica, primary int) {
	p.t.Helper()
	ctx := context.Background()
	n, of := p.nodes[replica], p.nodes[primary]
	if p.cluster {
		id := of.rdb.ClusterMyID(ctx).Val()
		testkit.Eventually(p.t, "the replica knows its primary", func() bool { return n.rdb.ClusterReplicate(ctx, id).Err() == nil })
	} else {
		n.again("attach", func() error { return n.rdb.ReplicaOf(ctx, "127.0.0.1", of.port()).Err() })
	}
	p.inStep(replica)
}

func (p *topology) inStep(replica int) {
	p.t.Helper()
	testkit.Eventually(p.t, "the replica is in step", func() bool {
		return p.nodes[replica].rdb.InfoMap(context.Background(), "replication").Item("Replication", "master_link_status") == "up"
	})
}

const clusterSlots = 16384

// startCluster is three primaries and a replica of the first.
func startCluster(t *testing.T, m *memory) *topology {
	t.Helper()
	p := &topology{t: t, m: m, cluster: true}
	ctx := context.Background()
	for range 4 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		bus := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		n := startNode(t, "cluster-enabled yes", "cluster-node-timeout 1500", "cluster-require-full-coverage no", "cluster-allow-replica-migration no",
			// Only the chaos orders failovers.
			"cluster-replica-no-failover yes", "cluster-port "+strconv.Itoa(bus))
		p.nodes = append(p.nodes, n)
	}
	for i, n := range p.nodes {
		if i < 3 {
			n.must("give slots to", n.rdb.ClusterAddSlotsRange(ctx, i*clusterSlots/3, (i+1)*clusterSlots/3-1).Err())
		}
		n.must("number", n.rdb.Do(ctx, "cluster", "set-config-epoch", i+1).Err())
	}
	for _, n := range p.nodes[1:] {
		bus := n.rdb.ConfigGet(ctx, "cluster-port").Val()["cluster-port"]
		p.nodes[0].must("introduce", p.nodes[0].rdb.Do(ctx, "cluster", "meet", "127.0.0.1", n.port(), bus).Err())
	}
	p.agreed(len(p.nodes))
	p.follow(3, 0)
	for _, n := range p.nodes[:3] {
		p.addrs = append(p.addrs, n.Addr())
	}
	return p
}

// agreed waits until every node knows the others and all slots have an owner.
func (p *topology) agreed(known int) {
	p.t.Helper()
	for _, n := range p.nodes {
		testkit.Eventually(p.t, "the cluster agrees", func() bool {
			info := n.rdb.ClusterInfo(context.Background()).Val()
			return contains(info, "cluster_state:ok") && contains(info, fmt.Sprintf("cluster_known_nodes:%d", known)) &&
				contains(info, fmt.Sprintf("cluster_slots_ok:%d", clusterSlots))
		})
	}
}

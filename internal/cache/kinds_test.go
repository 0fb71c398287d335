package cache

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// Two Funcs with the same key and different types: neither is given the other's
// flight, whether the cache is used or bypassed.
func TestFlightsAreOfOneType(t *testing.T) {
	t.Parallel()
	type one struct{ Title string }
	type two struct{ Name string }
	for _, open := range []bool{true, false} {
		o := exactly(ownRedis(t), nil)
		o.Gate = func() bool { return open }
		c := newCache(t, o)
		key := func(int) Key { return Key{ID: "x"} }
		inside, release := make(chan bool, 9), make(chan bool)
		a := Wrap(c, Spec[int]{Layer: Article, Key: key}, func(context.Context, int) (one, error) { inside <- true; <-release; return one{"a"}, nil })
		b := Wrap(c, Spec[int]{Layer: Article, Key: key}, func(context.Context, int) (two, error) { return two{"b"}, nil })
		ctx := context.Background()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = a.Get(ctx, 1) })
		<-inside
		if !open { // others join the one that already waits
			wg.Go(func() { _, _ = a.Get(ctx, 1) })
			testkit.Eventually(t, "another waits", func() bool {
				c.bypass.mu.Lock()
				defer c.bypass.mu.Unlock()
				p := c.bypass.byKey[a.Key(1)]
				return p != nil && p.next != nil
			})
		}
		if v, err := b.Get(ctx, 1); v.Name != "b" || err != nil { // while a's is in progress
			t.Errorf("open %v: the second Func got %+v, %v", open, v, err)
		}
		for _, r := range b.GetMany(ctx, []int{1}) {
			if r.Value.Name != "b" || r.Err != nil {
				t.Errorf("open %v: the second Func's batch got %+v", open, r)
			}
		}
		close(release)
		wg.Wait()
	}
}

// Two Funcs with the same key and different dependencies: readers of one do not
// share looks with readers of the other.
func TestLooksAreOfOneFunc(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	k := startLink(t, s.addr())
	o := exactly(k.client(t), nil)
	o.Layers = only(func(l *Layer) { l.Near.Mode = NearOff })
	c := newCache(t, o)
	ctx := context.Background()
	var loads atomic.Int64
	of := func(dep string) *Func[int, int] {
		return Wrap(c, Spec[int]{Layer: Article, Key: func(int) Key { return Key{ID: "x"} }, Deps: func(int) []string { return []string{dep} }},
			func(context.Context, int) (int, error) { loads.Add(1); return 0, nil })
	}
	a, b := of("a:1"), of("b:1")
	for _, f := range []*Func[int, int]{b, a} {
		if _, err := f.Get(ctx, 1); err != nil { // all versions are there
			t.Fatal(err)
		}
	}
	arrived, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	k.before(func(args []string) {
		if len(args) > 1 && args[0] == "mget" && args[1] == a.Key(1) {
			once.Do(func() { close(arrived); <-proceed })
		}
	})
	var wg sync.WaitGroup
	read := func(f *Func[int, int]) {
		wg.Go(func() {
			if _, err := f.Get(ctx, 1); err != nil {
				t.Error(err)
			}
		})
	}
	read(a)
	<-arrived
	read(b)
	testkit.Eventually(t, "the other waits", func() bool { return c.reads.Waiting(a.Key(1)) == 1 })
	close(proceed)
	wg.Wait()
	before := loads.Load()
	if _, info, err := b.GetInfo(ctx, 1); err != nil || info.Source != FromRedis || loads.Load() != before {
		t.Errorf("what the second Func stored is not current: from %v, %v", info.Source, err)
	}
}

// A batch goes to the source while the gate is closed.
func TestBatchesHeedTheGate(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	open.Store(true)
	o := exactly(ownRedis(t), nil)
	o.Gate = open.Load
	f := count(newCache(t, o), Article)
	ctx := context.Background()
	f.GetMany(ctx, []int{1, 2})
	if r := f.GetMany(ctx, []int{1, 2}); r[0].Info.Source != FromNear {
		t.Fatalf("not stored: %+v", r)
	}
	f.value.Store(1)
	open.Store(false)
	for _, r := range f.GetMany(ctx, []int{1, 2}) {
		if r.Err != nil || r.Value != 1 || r.Info.Source != FromBypass {
			t.Errorf("through a closed gate: %+v", r)
		}
	}
}

// Only OK is an acknowledgement.
func TestOnlyOKAcknowledges(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{"", "QUEUED", "LOST", "ok", "1"} {
		good, bad := redis.NewStatusCmd(context.Background()), redis.NewStatusCmd(context.Background())
		good.SetVal("OK")
		bad.SetVal(reply)
		if acknowledged([]*redis.StatusCmd{good, bad}, nil) == nil {
			t.Errorf("%q counts as acknowledged", reply)
		}
		if err := acknowledged([]*redis.StatusCmd{good}, nil); err != nil {
			t.Error(err)
		}
	}
}

// noncesSent is a connection that loses the answers to new versions of one
// name, and remembers which were sent.
type noncesSent struct {
	net.Conn
	seen *sync.Map
	n    *atomic.Int64
	lost atomic.Bool
}

func (s *noncesSent) Read(b []byte) (int, error) {
	if s.lost.Load() {
		return 0, io.EOF
	}
	return s.Conn.Read(b)
}

func (s *noncesSent) Write(b []byte) (int, error) {
	const name = "dep:v1:sent:1\r\n$16\r\n"
	n, err := s.Conn.Write(b)
	if i := bytes.Index(b, []byte(name)); i >= 0 && bytes.Contains(b, []byte("set\r\n")) {
		nonce := string(b[i+len(name):][:version.Len])
		if _, again := s.seen.LoadOrStore(nonce, true); again {
			s.n.Add(1000)
		}
		s.n.Add(1)
		s.lost.Store(true)
	}
	return n, err
}

// A command with a nonce whose answer is lost is not sent again: the second
// could arrive after another invalidation. The next try has another nonce.
func TestNoncesAreSentOnce(t *testing.T) {
	t.Parallel()
	plain, _ := startCluster(t)
	o := *plain.Options()
	var seen sync.Map
	var sent atomic.Int64
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &noncesSent{Conn: conn, seen: &seen, n: &sent}, nil
	}
	rdb := redis.NewClusterClient(&o)
	t.Cleanup(func() { _ = rdb.Close() })
	c := newCache(t, exactly(rdb, nil))
	if err := c.Invalidate(context.Background(), "sent:1"); err == nil {
		t.Error("an invalidation without an answer returned nil")
	}
	if n := sent.Load(); n == 0 || n >= 1000 {
		t.Errorf("nonces were sent %d times (a thousand for each that was sent again)", n)
	}
}

// Releases whose entries differ, side by side as in any rolling upgrade: what
// one invalidates the other does not serve.
func TestReleasesInvalidateForEachOther(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	before, after := exactly(rdb, nil), exactly(rdb, nil)
	after.Version = "v2"
	cs := []*Cache{newCache(t, before), newCache(t, after)}
	fs := []*counted{count(cs[0], Article), count(cs[1], Article)}
	n := 0
	for i, c := range cs {
		other := fs[1-i]
		for _, invalidate := range []func() error{
			func() error { return c.Invalidate(context.Background(), "thing:1") },
			func() error { return c.Invalidate(context.Background(), "things") },
			func() error { return c.InvalidateAll(context.Background()) },
			func() error { return c.Delete(context.Background(), Article, Key{ID: "1"}) },
		} {
			mustGet(t, other, 1, n)
			n++
			fs[0].value.Store(int64(n))
			fs[1].value.Store(int64(n))
			if err := invalidate(); err != nil {
				t.Fatal(err)
			}
			mustGet(t, other, 1, n)
		}
	}
	if fs[0].Key(1) == fs[1].Key(1) {
		t.Error("both releases have one key for their entries")
	}
}

// A primary that is demoted in place keeps its connections. Whoever has them
// reads it for primaryFor at most, and then goes to the source.
func TestADemotedPrimaryIsNotRead(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	old, promoted := startServer(t), startServer(t)
	k := startLink(t, promoted.addr()) // the replication link, which will break
	reader := newCache(t, exactly(old.client(t), nil))
	f := count(reader, Article)
	mustGet(t, f, 1, 0)
	testkit.Eventually(t, "the reader knows its primary", reader.primaryKnown)
	follow := func(s *server, host, port string) {
		t.Helper()
		if err := s.client(t).Do(ctx, "replicaof", host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	up := func(s *server) {
		t.Helper()
		rdb := s.client(t)
		testkit.Eventually(t, "replication is up", func() bool {
			return strings.Contains(rdb.Info(ctx, "replication").Val(), "master_link_status:up")
		})
	}
	follow(promoted, "127.0.0.1", strconv.Itoa(old.port))
	up(promoted)
	follow(promoted, "no", "one")
	host, port, _ := net.SplitHostPort(k.l.Addr().String())
	follow(old, host, port)
	// From here on the bound runs; what is served within it is not checked.
	testkit.Eventually(t, "the reader has noticed", func() bool { return !reader.primaryKnown() })
	up(old)
	writer := newCache(t, exactly(promoted.client(t), nil))
	w := count(writer, Article)
	w.value.Store(5)
	mustGet(t, w, 1, 5)
	k.close() // the replica receives nothing any more
	f.value.Store(6)
	if err := writer.Invalidate(ctx, "thing:1"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		mustGet(t, f, 1, 6)
	}
	// Promoted again, it is used again, and nothing old is served.
	follow(old, "no", "one")
	f.value.Store(7)
	testkit.Eventually(t, "the old one is in use again", func() bool {
		v, info, err := f.GetInfo(ctx, 1)
		if err == nil && v < 6 {
			t.Fatalf("%d from %v", v, info.Source)
		}
		return err == nil && v == 7 && (info.Source == FromRedis || info.Source == FromNear)
	})
}

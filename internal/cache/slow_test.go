package cache

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

// deadlines is a hook that notes how long each MGET may take.
type deadlines struct {
	mu   sync.Mutex
	left []time.Duration // negative = without end
}

func (*deadlines) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d *deadlines) note(ctx context.Context, cmd redis.Cmder) {
	if cmd.Name() != "mget" {
		return
	}
	left := time.Duration(-1)
	if at, ok := ctx.Deadline(); ok {
		left = max(time.Until(at), 0)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = append(d.left, left)
}

func (d *deadlines) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		d.note(ctx, cmd)
		return next(ctx, cmd)
	}
}

func (d *deadlines) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			d.note(ctx, cmd)
		}
		return next(ctx, cmds)
	}
}

// first is how long the first of them could wait at most.
func (d *deadlines) first() (time.Duration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.left) == 0 || d.left[0] < 0 {
		return 0, false
	}
	return d.left[0], true
}

// A Redis that answers every exchange half a second late: reads do not wait for it for longer than patience, the breaker
// opens, with reads or without, and closes when Redis is quick again.
func TestASlowRedisIsPassedBy(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, reading := range []bool{true, false} {
		k := startLink(t, s.addr())
		o := exactly(k.client(t), nil)
		o.RedisTimeout = time.Second
		o.BreakerProbe = 10 * time.Millisecond
		c := newCache(t, o)
		f := count(c, Content) // nothing in process
		mustGet(t, f, 1, 0)
		if info := mustGet(t, f, 1, 0); info.Source != FromRedis && info.Source != FromNear {
			t.Fatalf("from %v", info.Source)
		}
		testkit.Eventually(t, "the pulse is taken", c.redisWell)
		waits := &deadlines{}
		c.rdb.AddHook(waits)
		k.delay.Store(int64(500 * time.Millisecond))
		ctx := context.Background()
		if reading {
			if _, err := f.Get(ctx, 1); err != nil {
				t.Fatal(err)
			}
			if left, ok := waits.first(); !ok || left > 300*time.Millisecond { // patience is 200
				t.Errorf("a read was to wait for %v (bounded: %v)", left, ok)
			}
			testkit.Eventually(t, "reads go past the slow Redis", func() bool {
				_, info, err := f.GetInfo(ctx, 1)
				if err != nil {
					t.Fatal(err)
				}
				return info.Source == FromBypass
			})
		}
		testkit.Eventually(t, "the breaker opens", c.breaker.open.Load)
		_ = c.Invalidate(ctx, "things") // it may be acknowledged or not, and returns
		k.delay.Store(0)
		testkit.Eventually(t, "entries are served again", func() bool {
			_, info, err := f.GetInfo(ctx, 1)
			return err == nil && (info.Source == FromRedis || info.Source == FromNear)
		})
	}
}

// A full pool is this process's own problem: the read goes on waiting and hits, and the breaker stays closed.
func TestAFullPoolIsNotADeadRedis(t *testing.T) {
	t.Parallel()
	one := *ownRedis(t).Options()
	one.PoolSize, one.PoolTimeout = 1, 2*time.Second
	rdb := redis.NewClient(&one)
	t.Cleanup(func() { _ = rdb.Close() })
	o := exactly(rdb, nil)
	o.RedisTimeout, o.BreakerFailures = 10*time.Second, 1
	o.Layers = only(func(l *Layer) { l.Near.Mode = NearOff })
	c := newCache(t, o)
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	testkit.Eventually(t, "the pulse is taken", c.primaryKnown)
	conn := c.rdb.(*redis.Client).Conn() // the pool's only one
	if err := conn.Ping(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if info := mustGet(t, f, 1, 0); info.Source != FromRedis {
				t.Errorf("from %v", info.Source)
			}
		})
	}
	// Longer than a read's patience, and than any one wait for a connection.
	testkit.Eventually(t, "a wait for a connection was in vain", func() bool { return c.rdb.PoolStats().Timeouts > 0 })
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if c.breaker.opened.value() != 0 {
		t.Error("the breaker opened on a healthy Redis")
	}
}

// A process that is too busy to read its answers is not a slow Redis either. If other processes occupy the machine's
// cores, Redis may really be slow, so only one of several tries has to succeed; a cache that cannot tell the two apart
// fails in each.
func TestABusyProcessIsNotASlowRedis(t *testing.T) {
	const tries = 6
	var wrong []string
	for range tries {
		if wrong = busyProcess(t); len(wrong) == 0 {
			return
		}
	}
	t.Errorf("in each of %d tries, in the last: %v", tries, wrong)
}

// busyProcess reads from Redis while this process is busy, and returns which reads bypassed it.
func busyProcess(t *testing.T) (wrong []string) {
	t.Helper()
	o := exactly(ownRedis(t), nil)
	o.Layers = only(func(l *Layer) { l.Near.Mode = NearOff })
	c := newCache(t, o)
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	testkit.Eventually(t, "the pulse is taken", c.redisWell)
	var over atomic.Bool
	var burn, reads sync.WaitGroup
	defer burn.Wait()
	defer over.Store(true)
	for range 40 * runtime.GOMAXPROCS(0) {
		burn.Go(func() {
			for x := 0; !over.Load(); x++ {
			}
		})
	}
	past := make(chan string, 16)
	for range 4 {
		reads.Go(func() {
			for range 4 {
				if _, info, err := f.GetInfo(context.Background(), 1); err != nil || info.Source != FromRedis {
					past <- fmt.Sprintf("from %v, %v", info.Source, err)
				}
			}
		})
	}
	reads.Wait()
	close(past)
	for p := range past {
		wrong = append(wrong, p)
	}
	if c.breaker.opened.value() != 0 {
		wrong = append(wrong, "the breaker opened on a healthy Redis")
	}
	return wrong
}

// Writes that Redis refuses are counted, both invalidations and fills.
func TestRefusedWritesAreCounted(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	rdb := s.client(t)
	ctx := context.Background()
	c := newCache(t, exactly(rdb, nil))
	f := count(c, Article)
	for name, fault := range map[string]struct{ on, off []any }{
		"OOM":        {[]any{"config", "set", "maxmemory", "1"}, []any{"config", "set", "maxmemory", "0"}},
		"NOREPLICAS": {[]any{"config", "set", "min-replicas-to-write", "1"}, []any{"config", "set", "min-replicas-to-write", "0"}},
		"NOPERM":     {[]any{"acl", "setuser", "default", "-@write"}, []any{"acl", "setuser", "default", "+@all"}},
	} {
		release := f.hold()
		id := len(name) // each fault has its own entry
		var wg sync.WaitGroup
		wg.Go(func() { mustGet(t, f, id, 0) })
		<-f.enter
		if err := rdb.Do(ctx, fault.on...).Err(); err != nil {
			t.Fatal(err)
		}
		before := c.breaker.errors.value()
		for _, dep := range []string{"thing:" + strconv.Itoa(id), "things"} {
			if err := c.Invalidate(ctx, dep); err == nil {
				t.Errorf("%s: Invalidate(%s) returned nil", name, dep)
			}
		}
		mid := c.breaker.errors.value()
		release()
		wg.Wait()
		if after := c.breaker.errors.value(); mid < before+2 || after < mid+1 {
			t.Errorf("%s: %d errors before, %d after two refused invalidations, %d after a refused fill", name, before, mid, after)
		}
		if err := rdb.Do(ctx, fault.off...).Err(); err != nil {
			t.Fatal(err)
		}
		if c.breaker.opened.value() != 0 {
			t.Errorf("%s: the breaker opened although Redis answers reads", name)
		}
	}
}

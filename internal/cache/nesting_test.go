package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// tower is a chain of entries, each built from the one below it, all of which
// depend on the coarse "things". The lowest is the source's number.
type tower struct {
	truth *atomic.Int64
	level []*Func[int, int64]
}

var towerLayers = []string{Article, Content, Analytics, HTTPResponse}

func newTower(c *Cache, height int, truth *atomic.Int64) tower {
	t := tower{truth: truth}
	for n := range height {
		below := n - 1
		deps := func(int) []string { return []string{"things"} }
		load := func(context.Context, int) (int64, error) { return truth.Load(), nil }
		if below >= 0 {
			deps = t.level[below].Deps
			load = func(ctx context.Context, id int) (int64, error) { return t.level[below].Get(ctx, id) }
		}
		t.level = append(t.level, Wrap(c, Spec[int]{
			Layer: towerLayers[n], Deps: deps,
			Key: func(id int) Key { return Key{ID: "tower-" + strconv.Itoa(id)} },
		}, load))
	}
	return t
}

// read reads every level, the lowest first, so that each may be filled from
// what was current a moment ago.
func (w *tower) read(id int) {
	for _, f := range w.level {
		_, _ = f.Get(context.Background(), id)
	}
}

// want fails unless every level, the highest first, has the source's number.
func (w *tower) want(t *testing.T, id int, when string) {
	t.Helper()
	for n := len(w.level) - 1; n >= 0; n-- {
		got, info, err := w.level[n].GetInfo(context.Background(), id)
		if want := w.truth.Load(); err != nil || got != want {
			t.Fatalf("level %d of tower %d, %s: %d (%v, %v), want %d", n, id, when, got, info.Source, err, want)
		}
	}
}

// However slowly the commands of an invalidation reach Redis, and whatever is
// read and filled between any two of them, nothing old stays at any level.
func TestTowersThroughASlowLink(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	link := startLink(t, s.addr())
	writer := newCache(t, exactly(link.client(t), nil))
	reader := newCache(t, exactly(s.client(t), nil))
	for _, height := range []int{2, 3, 4} {
		w := newTower(reader, height, &atomic.Int64{})
		for id := range 40 {
			w.read(id)
			w.truth.Add(1)
			var between atomic.Int64
			link.before(func(args []string) {
				if strings.EqualFold(args[0], "set") || strings.EqualFold(args[0], "eval") {
					between.Add(1)
					// Only at some places, so that each run differs.
					if rand.IntN(4) == 0 {
						w.level[rand.IntN(height)].Get(context.Background(), id) //nolint:errcheck // judged below
					}
				}
			})
			if err := writer.Invalidate(context.Background(), "things"); err != nil {
				t.Fatal(err)
			}
			link.before(nil)
			if between.Load() == 0 {
				t.Fatal("the link saw no command of the invalidation")
			}
			w.want(t, id, "after Invalidate")
		}
	}
}

// onNodes is a hook on each node of a writer's cluster client.
type onNodes struct {
	f atomic.Pointer[func(cmds []redis.Cmder) error]
}

func (*onNodes) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*onNodes) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *onNodes) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if f := h.f.Load(); f != nil {
			if err := (*f)(cmds); err != nil {
				for _, cmd := range cmds {
					cmd.SetErr(err)
				}
				return err
			}
		}
		return next(ctx, cmds)
	}
}

// runs reports whether a script is among the commands.
func runs(cmds []redis.Cmder, script string) bool {
	for _, cmd := range cmds {
		if a := cmd.Args(); len(a) > 1 && a[0] == "eval" && a[1] == script {
			return true
		}
	}
	return false
}

func hookedWriter(t *testing.T, rdb redis.UniversalClient) (*Cache, *onNodes) {
	t.Helper()
	h := &onNodes{}
	c, err := New(exactly(rdb, nil))
	if err != nil {
		t.Fatal(err)
	}
	c.rdb.(*redis.ClusterClient).OnNewNode(func(n *redis.Client) { n.AddHook(h) })
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, h
}

// Writers whose nodes are slow at random invalidate all at once, while towers
// are read and filled at every level and keys are evicted: no read may return
// less than what was acknowledged before it began.
func TestTowersOnClusterWithSlowNodes(t *testing.T) {
	t.Parallel()
	rdb, _ := startCluster(t)
	var truth, floor atomic.Int64
	var reads, hits, acknowledged, lost atomic.Int64
	// Two seconds, or longer if the machine is too busy for that to prove anything.
	began := time.Now()
	over := func() bool {
		d := time.Since(began)
		return d > 2*time.Second && (acknowledged.Load() > 30 && hits.Load() > 50) || d > time.Minute || t.Failed()
	}
	var wg sync.WaitGroup
	for range 3 {
		c, h := hookedWriter(t, rdb)
		slow := func([]redis.Cmder) error {
			if rand.IntN(3) == 0 {
				time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond) // a slow node, not a wait for anything
			}
			return nil
		}
		h.f.Store(&slow)
		wg.Go(func() {
			for !over() {
				n := truth.Add(1)
				if err := c.Invalidate(context.Background(), "things"); err != nil {
					lost.Add(1)
					continue
				}
				acknowledged.Add(1)
				for have := floor.Load(); have < n && !floor.CompareAndSwap(have, n); have = floor.Load() {
				}
				time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // let something be hit
			}
		})
	}
	for range 2 {
		w := newTower(newCache(t, exactly(rdb, nil)), 4, &truth)
		for range 3 {
			wg.Go(func() {
				for !over() {
					id, n := rand.IntN(6), rand.IntN(len(w.level))
					least := floor.Load()
					var got Loaded[int64]
					if rand.IntN(3) == 0 {
						got = w.level[n].GetMany(context.Background(), []int{id})[0]
					} else {
						got.Value, got.Info, got.Err = w.level[n].GetInfo(context.Background(), id)
					}
					reads.Add(1)
					if got.Info.Source == FromRedis || got.Info.Source == FromNear {
						hits.Add(1)
					}
					if got.Err != nil || got.Value < least {
						t.Errorf("level %d of tower %d: %d (%v, %v) after %d was acknowledged", n, id, got.Value, got.Info.Source, got.Err, least)
					}
				}
			})
		}
	}
	wg.Go(func() { // evictions, of marks too
		for !over() {
			rdb.Del(context.Background(), version.Keys("things")[rand.IntN(version.Buckets)])
			time.Sleep(10 * time.Millisecond)
		}
	})
	wg.Wait()
	t.Logf("%d reads, %d hits, %d acknowledged, %d not", reads.Load(), hits.Load(), acknowledged.Load(), lost.Load())
	if hits.Load() == 0 || acknowledged.Load() < 10 {
		t.Error("nothing was proved")
	}
}

// A writer that dies between the passes leaves its marks. Under them reads go
// to the source and nothing is stored; they run out, although a fill that was
// in progress renews what it finds.
func TestMarksOfADeadWriterRunOut(t *testing.T) {
	t.Parallel()
	rdb, _ := startCluster(t)
	writer, h := hookedWriter(t, rdb)
	c := newCache(t, exactly(rdb, nil))
	f := count(c, Article)
	ctx := context.Background()
	mustGet(t, f, 1, 0) // makes the versions: the next fill renews them
	if err := rdb.Del(ctx, f.Key(1)).Err(); err != nil {
		t.Fatal(err)
	}
	c.near.Clear()
	release := f.hold()
	var wg sync.WaitGroup
	wg.Go(func() { mustGet(t, f, 1, 0) })
	<-f.enter
	died := errors.New("died")
	dead := func(cmds []redis.Cmder) error {
		if runs(cmds, version.OpenScript) {
			return died
		}
		return nil
	}
	h.f.Store(&dead)
	if err := writer.Invalidate(ctx, "things"); !errors.Is(err, died) {
		t.Fatalf("Invalidate without a second pass: %v", err)
	}
	f.value.Store(1)
	release()
	wg.Wait()
	for range 3 {
		if info := mustGet(t, f, 1, 1); info.Source != FromBypass && info.Source != FromSource {
			t.Errorf("under a mark from %v", info.Source)
		}
		if r := f.GetMany(ctx, []int{1, 2}); r[0].Err != nil || r[0].Value != 1 || r[1].Value != 1 {
			t.Errorf("batch under a mark: %+v", r)
		}
	}
	testkit.Eventually(t, "entries are served again", func() bool {
		v, info, err := f.GetInfo(ctx, 1)
		if err != nil || v != 1 {
			t.Fatalf("%d, %v", v, err)
		}
		return info.Source == FromRedis || info.Source == FromNear
	})
}

// Whoever opens does so for itself: what another is still closing stays closed.
func TestOneWriterDoesNotOpenForAnother(t *testing.T) {
	t.Parallel()
	rdb, _ := startCluster(t)
	slow, h := hookedWriter(t, rdb)
	quick := newCache(t, exactly(rdb, nil))
	w := newTower(newCache(t, exactly(rdb, nil)), 3, &atomic.Int64{})
	var once sync.Once
	reached, proceed := make(chan struct{}), make(chan struct{})
	hold := func(cmds []redis.Cmder) error {
		if runs(cmds, version.OpenScript) {
			once.Do(func() { close(reached); <-proceed })
		}
		return nil
	}
	h.f.Store(&hold)
	done := make(chan error, 1)
	go func() { done <- slow.Invalidate(context.Background(), "things") }()
	<-reached
	if err := quick.Invalidate(context.Background(), "things"); err != nil {
		t.Fatal(err)
	}
	open := 0
	for _, k := range version.Keys("things") {
		if v := rdb.Get(context.Background(), k).Val(); !version.Closed(v) {
			open++
		}
	}
	close(proceed)
	// The nodes of the slow one that did not wait have opened.
	if open == version.Buckets {
		t.Error("no bucket is closed while a writer is between its passes")
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, k := range version.Keys("things") {
		if v := rdb.Get(context.Background(), k).Val(); len(v) != version.Len {
			t.Errorf("%s is not open after both returned: %d bytes", k, len(v))
		}
	}
	w.want(t, 1, "after both")
}

// A mark that is evicted between the passes lets readers make a version too
// early; the writer notices and closes again.
func TestAMarkThatIsLostIsSetAgain(t *testing.T) {
	t.Parallel()
	rdb, _ := startCluster(t)
	writer, h := hookedWriter(t, rdb)
	w := newTower(newCache(t, exactly(rdb, nil)), 3, &atomic.Int64{})
	ctx := context.Background()
	for id := range 10 {
		w.read(id)
		w.truth.Add(1)
		var once sync.Once
		var closes atomic.Int64
		evict := func(cmds []redis.Cmder) error {
			if runs(cmds, version.CloseScript) {
				closes.Add(1)
			}
			if runs(cmds, version.OpenScript) {
				once.Do(func() {
					for _, f := range w.level {
						rdb.Del(ctx, version.Keys("things")[version.Bucket(f.Key(id))])
					}
					w.read(id)
				})
			}
			return nil
		}
		h.f.Store(&evict)
		if err := writer.Invalidate(ctx, "things"); err != nil {
			t.Fatal(err)
		}
		h.f.Store(nil)
		if closes.Load() < 6 { // three nodes, twice
			t.Errorf("closed on %d nodes in all", closes.Load())
		}
		w.want(t, id, "after Invalidate")
	}
}

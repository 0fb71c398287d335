package cache

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"openlearn/internal/cache/internal/version"
	"openlearn/internal/testkit"
)

// source is a source of truth in which each row has a number that only grows; a
// fetch returns the number that was current when it began.
type source struct {
	rows    [20]atomic.Int64
	applied [20]atomic.Int64 // the number whose invalidation was acknowledged
	locks   [20]sync.Mutex
}

func (s *source) write(ctx context.Context, c *Cache, id int) error {
	s.locks[id].Lock()
	defer s.locks[id].Unlock()
	n := s.rows[id].Add(1)
	deps := []string{"thing:" + strconv.Itoa(id), "things"}
	if err := c.Invalidate(ctx, deps[rand.IntN(2)]); err != nil {
		return err
	}
	s.applied[id].Store(n)
	return nil
}

// Readers, writers, evictions and flushes at once: no read may return a
// number older than what was acknowledged before it began.
func TestConcurrentReadsAndWritesAreCoherent(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	o := exactly(rdb, nil)
	o.EarlyRefresh = 1000
	o.RedisTimeout = 10 * time.Second
	cs := instances(t, 2, o)
	var src source
	ctx := context.Background()
	var reads, hits, writes atomic.Int64
	var over atomic.Bool
	var wg sync.WaitGroup
	for _, c := range cs {
		load := func(_ context.Context, id int) (int64, error) {
			v := src.rows[id].Load()
			if rand.IntN(4) == 0 {
				time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond) // a slow fetch
			}
			return v, nil
		}
		inner := Wrap(c, Spec[int]{
			Layer: Article, Key: func(id int) Key { return Key{ID: strconv.Itoa(id)} },
			Deps: func(id int) []string { return []string{"thing:" + strconv.Itoa(id), "things"} },
		}, load)
		outer := Wrap(c, Spec[int]{Layer: HTTPResponse, Key: func(id int) Key { return Key{ID: strconv.Itoa(id)} }, Deps: inner.Deps}, inner.Get)
		check := func(id int, least int64, v int64, info Info, err error) {
			if err != nil {
				t.Errorf("read: %v", err)
				return
			}
			reads.Add(1)
			if info.Source == FromRedis || info.Source == FromNear {
				hits.Add(1)
			}
			if v < least {
				t.Errorf("thing %d: %d from %v, after %d was acknowledged", id, v, info.Source, least)
			}
		}
		for range 6 {
			wg.Go(func() {
				for !over.Load() {
					id := rand.IntN(len(src.rows))
					least := src.applied[id].Load()
					switch rand.IntN(3) {
					case 0:
						v, info, err := inner.GetInfo(ctx, id)
						check(id, least, v, info, err)
					case 1:
						v, info, err := outer.GetInfo(ctx, id)
						check(id, least, v, info, err)
					default:
						other := (id + 1) % len(src.rows)
						least2 := src.applied[other].Load()
						got := inner.GetMany(ctx, []int{id, other})
						check(id, least, got[0].Value, got[0].Info, got[0].Err)
						check(other, least2, got[1].Value, got[1].Info, got[1].Err)
					}
				}
			})
		}
		wg.Go(func() {
			for !over.Load() {
				if err := src.write(ctx, c, rand.IntN(len(src.rows))); err != nil {
					t.Errorf("write: %v", err)
				}
				writes.Add(1)
			}
		})
	}
	wg.Go(func() { // what allkeys-lru may do, and worse
		for !over.Load() {
			if k := rdb.RandomKey(ctx).Val(); k != "" {
				rdb.Del(ctx, k)
			}
			if rand.IntN(200) == 0 {
				rdb.FlushDB(ctx)
			}
		}
	})
	defer wg.Wait()
	defer over.Store(true)
	began := time.Now()
	testkit.Eventually(t, "enough is read, hit and written to prove anything", func() bool {
		least := int64(3000)
		if time.Since(began) > time.Second { // a busy machine
			least = 100
		}
		return reads.Load() >= least && hits.Load() > 0 && writes.Load() > 0 || t.Failed()
	})
	t.Logf("%d reads, %d hits, %d writes", reads.Load(), hits.Load(), writes.Load())
}

// An evicted version costs a miss; the loser of the race to make it takes the
// winner's.
func TestEvictedVersions(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	c := newCache(t, exactly(rdb, nil))
	f := count(c, Article)
	ctx := context.Background()
	mustGet(t, f, 1, 0)
	f.value.Store(1)
	for i, dep := range []string{"things", "thing:1", "layer:article", "article:1"} {
		if err := rdb.Del(ctx, version.Keys(dep)...).Err(); err != nil {
			t.Fatal(err)
		}
		mustGet(t, f, 1, 1)
		wantLoads(t, f, int64(i+2))
	}
	keys := version.Keys("race:1")
	var wg sync.WaitGroup
	got := make([]string, 32)
	for i := range got {
		wg.Go(func() {
			v, err := c.ensureVersions(ctx, keys, []string{""}, c.history.met.Load())
			if err != nil {
				t.Error(err)
			}
			got[i] = v
		})
	}
	wg.Wait()
	for _, v := range got {
		if v != got[0] || len(v) != version.Len {
			t.Fatalf("two versions of one dependency: %x %x", v, got[0])
		}
	}
}

func TestFillsRearmTheirVersions(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	c := newCache(t, exactly(rdb, nil))
	f := count(c, Article)
	ctx := context.Background()
	mustGet(t, f, 1, 0)
	k := version.Keys("thing:1")[0]
	if err := rdb.PExpire(ctx, k, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Del(ctx, f.Key(1)).Err(); err != nil {
		t.Fatal(err)
	}
	c.near.Clear()
	mustGet(t, f, 1, 0)
	if got, want := left(t, c, k), left(t, c, f.Key(1)); got < want-time.Minute {
		t.Errorf("the version lives %v after a fill, its entry %v", got, want)
	}
}

// A cascade: what one write makes stale, wherever it is kept.
func TestCascade(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	ctx := context.Background()
	var truth atomic.Int64
	at := func(layer, id string, deps ...string) *Func[int, int64] {
		return Wrap(c, Spec[int]{Layer: layer, Key: func(int) Key { return Key{ID: id} }, Deps: func(int) []string { return deps }},
			func(context.Context, int) (int64, error) { return truth.Load(), nil })
	}
	all := map[string]*Func[int, int64]{
		"article":   at(Article, "42"),
		"listing":   at(Content, "page-1", "articles"),
		"by source": at(Content, "El Tiempo", "source:El Tiempo"),
		"stats":     at(Analytics, "status", "articles"),
		"other":     at(Article, "43"),
		"session":   at(Session, "7"),
	}
	read := func() map[string]int64 {
		out := map[string]int64{}
		for name, f := range all {
			v, err := f.Get(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = v
		}
		return out
	}
	read()
	truth.Store(1)
	if err := c.Invalidate(ctx, "article:42", "articles", "source:El Tiempo"); err != nil {
		t.Fatal(err)
	}
	got := read()
	for name, want := range map[string]int64{"article": 1, "listing": 1, "by source": 1, "stats": 1, "other": 0, "session": 0} {
		if got[name] != want {
			t.Errorf("%s = %d, want %d", name, got[name], want)
		}
	}
	truth.Store(2)
	if err := c.InvalidateLayer(ctx, Content); err != nil {
		t.Fatal(err)
	}
	got = read()
	if got["listing"] != 2 || got["by source"] != 2 || got["article"] != 1 {
		t.Errorf("after the layer: %v", got)
	}
	truth.Store(3)
	if err := c.InvalidateAll(ctx); err != nil {
		t.Fatal(err)
	}
	for name, v := range read() {
		if v != 3 {
			t.Errorf("after all: %s = %d", name, v)
		}
	}
}

func TestAuditFindsWhatNobodyInvalidated(t *testing.T) {
	t.Parallel()
	var settled atomic.Bool
	o := exactly(ownRedis(t), nil)
	o.AuditRate, o.Rand, o.Settled = 1, func() float64 { return 0 }, settled.Load
	c := newCache(t, o)
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	audited := func(what string, ok func(AuditStats) bool) {
		t.Helper()
		testkit.Eventually(t, what, func() bool {
			if _, err := f.Get(context.Background(), 1); err != nil {
				t.Fatal(err)
			}
			return ok(c.Stats(context.Background()).Audit)
		})
	}
	audited("ten checks agree", func(s AuditStats) bool { return s.Checks >= 10 && s.Mismatches == 0 && s.Nines > 1 })
	f.value.Store(1) // and no invalidation
	audited("unsettled differences are set aside", func(s AuditStats) bool { return s.Unsettled >= 2 && s.Mismatches == 0 })
	settled.Store(true)
	audited("the difference is confirmed", func(s AuditStats) bool { return s.Mismatches >= 1 })
}

func TestNines(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		bad, all uint64
		want     float64
	}{{0, 0, 0}, {0, 9, 1}, {0, 999, 3}, {9, 999, 2}, {5, 5, 0}} {
		if got := nines(tc.bad, tc.all); got < tc.want-1e-9 || got > tc.want+1e-9 {
			t.Errorf("nines(%d, %d) = %v, want %v", tc.bad, tc.all, got, tc.want)
		}
	}
}

func TestMetricsByTheirDocumentedNames(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	o := exactly(ownRedis(t), nil)
	o.Registerer = reg
	c := newCache(t, o)
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	mustGet(t, f, 1, 0)
	mustGet(t, f, 1, 0)
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range all {
		names[m.GetName()] = true
	}
	for _, n := range []string{
		"cache_hits_total", "cache_misses_total", "cache_operation_duration_seconds", "cache_memory_bytes", "cache_keys_total", "cache_evictions_total",
		"cache_stale_served_total", "cache_refreshes_total", "cache_lock_waits_total", "cache_stampedes_avoided_total", "cache_rejected_fills_total",
		"cache_breaker_open", "cache_audit_checks_total", "cache_audit_mismatches_total", "cache_compression_ratio", "cache_coherence_nines",
	} {
		if !names[n] {
			t.Errorf("no metric %s", n)
		}
	}
	if s := c.Stats(context.Background()).Layers[Article]; s.Hits != 2 || s.Misses != 1 || s.Loads != 1 {
		t.Errorf("stats: %+v", s)
	}
	one, err := testutil.GatherAndCount(reg, "cache_hits_total")
	if err != nil || one != len(Layers()) {
		t.Errorf("cache_hits_total has %d series, %v", one, err)
	}
	if s := c.Stats(context.Background()).Redis; !s.Reachable || s.MemoryBytes == 0 || s.Keys == 0 {
		t.Errorf("redis: %+v", s)
	}
	if _, err := New(Options{Redis: c.rdb, Layers: Layers(), Registerer: reg}); err == nil {
		t.Error("two caches on one registry were accepted")
	}
}

func TestWrapReportsAWrongSpec(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	load := func(context.Context, int) (int, error) { return 0, nil }
	key := func(int) Key { return Key{ID: "1"} }
	for name, f := range map[string]*Func[int, int]{
		"layer":    Wrap(c, Spec[int]{Layer: "nada", Key: key}, load),
		"key":      Wrap(c, Spec[int]{Layer: Article}, load),
		"load":     Wrap[int, int](c, Spec[int]{Layer: Article, Key: key}, nil),
		"ttl":      Wrap(c, Spec[int]{Layer: Article, Key: key, TTL: -1}, load),
		"long ttl": Wrap(c, Spec[int]{Layer: Article, Key: key, TTL: 100 * time.Hour}, load),
	} {
		if _, err := f.Get(context.Background(), 1); err == nil || f.Err() == nil {
			t.Errorf("%s: no error", name)
		}
		if f.Deps(1) != nil || f.Key(1) != "" {
			t.Errorf("%s: %v %q", name, f.Deps(1), f.Key(1))
		}
		for _, r := range f.GetMany(context.Background(), []int{1}) {
			if r.Err == nil {
				t.Errorf("%s: batch: no error", name)
			}
		}
	}
}

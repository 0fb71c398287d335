// Package benchpeers measures the cache against other libraries, in one run on one server. It prints the table in
// docs/benchmarks.md: `make bench-cache`.
package benchpeers

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocache "github.com/eko/gocache/lib/v4/cache"
	gostore "github.com/eko/gocache/lib/v4/store"
	goredisstore "github.com/eko/gocache/store/redis/v4"
	goredis "github.com/go-redis/cache/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"openlearn/internal/cache"
	"openlearn/internal/devstack"
)

const payloadSize = 4096

var payload = []byte(strings.Repeat("x", payloadSize))

// bytesCodec keeps decoding out of the figures.
type bytesCodec struct{}

func (bytesCodec) Name() string                       { return "bytes" }
func (bytesCodec) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }

// ours is the cache with one layer in the given near mode.
func ours(t *testing.T, rdb *redis.Client, near cache.Near) (*cache.Cache, *cache.Func[string, []byte]) {
	t.Helper()
	name := "near" + strconv.Itoa(int(near.Mode))
	c, err := cache.New(cache.Options{
		Redis: rdb, EarlyRefresh: -1, NearBytes: 64 << 20,
		Layers: []cache.Layer{{Name: name, Namespace: name, TTL: time.Hour, Near: near}},
	})
	must(t, err)
	must(t, c.Start(t.Context()))
	t.Cleanup(func() { must(t, c.Close()) })
	f := cache.Wrap(c, cache.Spec[string]{
		Layer: name, Codec: bytesCodec{}, NoCompress: true, Shared: true,
		Key:  func(id string) cache.Key { return cache.Key{ID: id} },
		Deps: func(id string) []string { return []string{"article:" + id, "articles"} },
	}, func(context.Context, string) ([]byte, error) { return payload, nil })
	must(t, f.Err())
	return c, f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contender is one way to do the thing that is measured.
type contender struct {
	name string
	do   func(i int) error
}

const (
	rounds   = 9
	perRound = 120 * time.Millisecond
)

// race lets the contenders take turns, so that all run under the same conditions, and returns each one's median time
// per operation.
func race(t *testing.T, readers int, cs []contender) []time.Duration {
	t.Helper()
	times := make([][]time.Duration, len(cs))
	next := make([]int, len(cs))
	for range rounds {
		for j, c := range cs {
			times[j] = append(times[j], lap(t, readers, c, &next[j]))
		}
	}
	out := make([]time.Duration, len(cs))
	for j := range cs {
		slices.Sort(times[j])
		out[j] = times[j][rounds/2]
	}
	return out
}

// lap is one contender's turn: the time per operation of all readers together.
func lap(t *testing.T, readers int, c contender, next *int) time.Duration {
	t.Helper()
	const clockEvery = 16
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	began := time.Now()
	for r := range readers {
		wg.Go(func() {
			n := 0
			for ; n%clockEvery != 0 || time.Since(began) < perRound; n++ {
				if err := c.do(*next + r + n*readers); err != nil {
					t.Errorf("%s: %v", c.name, err)
					break
				}
			}
			mu.Lock()
			total += n
			mu.Unlock()
		})
	}
	wg.Wait()
	took := time.Since(began)
	*next += (total + 1) * readers
	return took / time.Duration(max(total, 1))
}

// ratio alternates two contenders operation by operation, so that both run under the same conditions, and compares
// their medians.
func ratio(t *testing.T, a, b contender, n int) float64 {
	t.Helper()
	took := [2][]time.Duration{}
	for i := range n {
		for j, c := range [2]contender{a, b} {
			began := time.Now()
			must(t, c.do(i))
			took[j] = append(took[j], time.Since(began))
		}
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	return float64(took[0][n/2]) / float64(took[1][n/2])
}

func table(title, than string, cs []contender, took []time.Duration, base int) {
	fmt.Printf("\n**%s**\n\n| | per operation | × %s |\n|---|---:|---:|\n", title, than)
	for j, c := range cs {
		fmt.Printf("| %s | %s | %.2f |\n", c.name, pretty(took[j]), float64(took[j])/float64(took[base]))
	}
}

func pretty(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1e3)
	default:
		return fmt.Sprintf("%.1f ms", float64(d.Nanoseconds())/1e6)
	}
}

type bench struct {
	t       *testing.T
	ctx     context.Context
	rdb     *redis.Client
	rueidis rueidis.Client
	own     *cache.Cache
	off     *cache.Func[string, []byte]
	strict  *cache.Func[string, []byte]
	bounded *cache.Func[string, []byte]
	goredis *goredis.Cache
	local   *goredis.Cache
	gocache *gocache.Cache[string]
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx := t.Context()
	server, err := devstack.StartRedis(ctx, devstack.RedisOptions{Settings: []string{"appendonly no", `save ""`, "maxmemory 0"}})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop(context.Background())) })
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: server.Password()})
	t.Cleanup(func() { _ = rdb.Close() })
	ru, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, Password: server.Password()})
	must(t, err)
	t.Cleanup(ru.Close)
	b := &bench{t: t, ctx: ctx, rdb: rdb, rueidis: ru}
	b.own, b.off = ours(t, rdb, cache.Near{Mode: cache.NearOff})
	_, b.strict = ours(t, rdb, cache.Near{Mode: cache.NearStrict})
	_, b.bounded = ours(t, rdb, cache.Near{Mode: cache.NearBounded, Staleness: time.Minute})
	b.goredis = goredis.New(&goredis.Options{Redis: rdb})
	b.local = goredis.New(&goredis.Options{Redis: rdb, LocalCache: goredis.NewTinyLFU(10000, time.Minute)})
	b.gocache = gocache.New[string](goredisstore.NewRedis(rdb))
	return b
}

// awaitNear waits for the message link, without which the bounded layer serves nothing from memory.
func (b *bench) awaitNear() {
	b.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, info, err := b.bounded.GetInfo(b.ctx, "hot")
		must(b.t, err)
		if info.Source == cache.FromNear {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal("the bounded layer never served from memory")
		}
	}
}

// hits are ways to read one key that is stored.
func (b *bench) hits() []contender {
	ctx, key := b.ctx, "hot"
	must(b.t, b.rdb.Set(ctx, "raw:"+key, payload, 0).Err())
	must(b.t, b.goredis.Set(&goredis.Item{Ctx: ctx, Key: "gr:" + key, Value: payload, TTL: time.Hour}))
	must(b.t, b.local.Set(&goredis.Item{Ctx: ctx, Key: "grl:" + key, Value: payload, TTL: time.Hour}))
	must(b.t, b.gocache.Set(ctx, "gc:"+key, string(payload), gostore.WithExpiration(time.Hour)))
	must(b.t, b.rueidis.Do(ctx, b.rueidis.B().Set().Key("ru:"+key).Value(string(payload)).Build()).Error())
	own := func(f *cache.Func[string, []byte]) func(int) error {
		return func(int) error { _, err := f.Get(ctx, key); return err }
	}
	fromRueidis := b.rueidis.B().Get().Key("ru:" + key).Cache().Pin()
	rawRueidis := b.rueidis.B().Get().Key("ru:" + key).Build().Pin()
	return []contender{
		{"raw GET (go-redis)", func(int) error { return b.rdb.Get(ctx, "raw:"+key).Err() }},
		{"ours, nothing in process", own(b.off)},
		{"ours, near strict (default)", own(b.strict)},
		{"ours, near bounded", own(b.bounded)},
		{"go-redis/cache", func(int) error { var v []byte; return b.goredis.Get(ctx, "gr:"+key, &v) }},
		{"go-redis/cache, TinyLFU in process (never told of changes)", func(int) error { var v []byte; return b.local.Get(ctx, "grl:"+key, &v) }},
		{"eko/gocache", func(int) error { _, err := b.gocache.Get(ctx, "gc:"+key); return err }},
		{"raw GET (rueidis)", func(int) error { return b.rueidis.Do(ctx, rawRueidis).Error() }},
		{"rueidis DoCache (told of changes, unchecked)", func(int) error { return b.rueidis.DoCache(ctx, fromRueidis, time.Hour).Error() }},
	}
}

func (b *bench) misses() []contender {
	ctx := b.ctx
	return []contender{
		{"ours, nothing in process", func(i int) error { _, err := b.off.Get(ctx, "m"+strconv.Itoa(i)); return err }},
		{"ours, near strict (default)", func(i int) error { _, err := b.strict.Get(ctx, "m"+strconv.Itoa(i)); return err }},
		{"go-redis/cache Once", func(i int) error {
			var v []byte
			return b.goredis.Once(&goredis.Item{Ctx: ctx, Key: "grm:" + strconv.Itoa(i), Value: &v, TTL: time.Hour, Do: func(*goredis.Item) (any, error) { return payload, nil }})
		}},
		{"eko/gocache, get then set", func(i int) error {
			key := "gcm:" + strconv.Itoa(i)
			if _, err := b.gocache.Get(ctx, key); err == nil {
				return fmt.Errorf("%s was there", key)
			}
			return b.gocache.Set(ctx, key, string(payload), gostore.WithExpiration(time.Hour))
		}},
		{"eko/gocache, get then set with its tags", func(i int) error {
			key := "gct:" + strconv.Itoa(i)
			if _, err := b.gocache.Get(ctx, key); err == nil {
				return fmt.Errorf("%s was there", key)
			}
			return b.gocache.Set(ctx, key, string(payload), gostore.WithExpiration(time.Hour), gostore.WithTags([]string{"article:" + strconv.Itoa(i), "all"}))
		}},
		{"rueidis DoCache, then SET", func(i int) error {
			key := "rum:" + strconv.Itoa(i)
			if err := b.rueidis.DoCache(ctx, b.rueidis.B().Get().Key(key).Cache(), time.Hour).Error(); !rueidis.IsRedisNil(err) {
				return fmt.Errorf("%s was there: %w", key, err)
			}
			return b.rueidis.Do(ctx, b.rueidis.B().Set().Key(key).Value(string(payload)).ExSeconds(3600).Build()).Error()
		}},
	}
}

// invalidations measures making n entries unusable that share a tag.
func (b *bench) invalidations(n int) {
	ctx := b.ctx
	must(b.t, b.rdb.FlushDB(ctx).Err())
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	for chunk := range slices.Chunk(ids, 1000) {
		if got, err := b.off.Warm(ctx, chunk); err != nil || got != len(chunk) {
			b.t.Fatalf("%d of %d stored: %v", got, len(chunk), err)
		}
	}
	var own []time.Duration
	for range 25 {
		began := time.Now()
		must(b.t, b.own.Invalidate(ctx, "articles"))
		own = append(own, time.Since(began))
	}
	slices.Sort(own)
	must(b.t, b.rdb.FlushDB(ctx).Err())
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				if err := b.gocache.Set(ctx, "gc:"+ids[i], "x", gostore.WithExpiration(time.Hour), gostore.WithTags([]string{"articles"})); err != nil {
					b.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	began := time.Now()
	must(b.t, b.gocache.Invalidate(ctx, gostore.WithInvalidateTags([]string{"articles"})))
	theirs := time.Since(began)
	must(b.t, b.rdb.FlushDB(ctx).Err())
	for chunk := range slices.Chunk(ids, 1000) {
		pipe := b.rdb.Pipeline()
		for _, id := range chunk {
			pipe.Set(ctx, "k:"+id, "x", 0)
		}
		_, err := pipe.Exec(ctx)
		must(b.t, err)
	}
	began = time.Now()
	for chunk := range slices.Chunk(ids, 1000) {
		keys := make([]string, len(chunk))
		for i, id := range chunk {
			keys[i] = "k:" + id
		}
		must(b.t, b.rdb.Unlink(ctx, keys...).Err())
	}
	byHand := time.Since(began)
	fmt.Printf("| %d | %s | %s | %s |\n", n, pretty(own[len(own)/2]), pretty(theirs), pretty(byHand))
}

// TestTable prints the table of docs/benchmarks.md.
func TestTable(t *testing.T) {
	b := newBench(t)
	hits := b.hits()
	for _, c := range hits { // warm, and correct
		for range 3 {
			must(t, c.do(0))
		}
	}
	b.awaitNear()
	took := race(t, 1, hits)
	table("A hit of 4 KiB, one reader", "raw GET", hits, took, 0)
	fmt.Printf("\nStrict hit against raw GET of the same bytes, one by one in turn, medians, decoding excluded: %.3f (goal: at most 1.15)\n",
		ratio(t, hits[1], hits[0], 20_000))
	allocs := testing.AllocsPerRun(1000, func() { _ = hits[3].do(0) })
	fmt.Printf("\nBounded near hit: %s, %.0f allocations (goal: at most 300 ns, 0)\n", pretty(took[3]), allocs)
	misses := b.misses()
	table("A miss and its fill, 4 KiB, a source that costs nothing", "ours", misses, race(t, 1, misses), 0)
	table("64 readers of one hot key, 4 KiB", "raw GET", hits, race(t, 64, hits), 0)
	fmt.Printf("\n**Making all entries of a tag unusable**\n\n| entries | ours | eko/gocache tags | by hand: UNLINK by 1,000, keys known |\n|---:|---:|---:|---:|\n")
	sizes := []int{1_000, 10_000, 100_000}
	if os.Getenv("OPENLEARN_VERIFY") != "" {
		sizes = append(sizes, 1_000_000)
	}
	for _, n := range sizes {
		b.invalidations(n)
	}
}

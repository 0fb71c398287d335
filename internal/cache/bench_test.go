package cache

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

// rawCodec is a codec without coding, so that the figures leave out decoding.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "raw" }
func (rawCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = b
	return nil
}

func benchFunc(b *testing.B, near Near, payload int) (*Cache, *Func[string, []byte], *redis.Client) {
	b.Helper()
	rdb := ownRedis(b)
	c := newCache(b, Options{
		Redis: rdb, EarlyRefresh: -1, Registerer: prometheus.NewRegistry(),
		Layers: only(func(l *Layer) { l.Near = near }),
	})
	data := []byte(strings.Repeat("x", payload))
	f := Wrap(c, Spec[string]{
		Layer: Article, Codec: rawCodec{}, NoCompress: true, Shared: true,
		Key:  func(id string) Key { return Key{ID: id} },
		Deps: func(id string) []string { return []string{"article:" + id, "articles"} },
	}, func(context.Context, string) ([]byte, error) { return data, nil })
	if near.Mode == NearBounded {
		testkit.Eventually(b, "the message link is up", func() bool { return c.pubsub.upSince.Load() != 0 })
	}
	for range 2 {
		if _, err := f.Get(context.Background(), "42"); err != nil {
			b.Fatal(err)
		}
	}
	return c, f, rdb
}

const benchPayload = 4096

// BenchmarkStrictHit compares the medians of a strict hit without near memory
// and of a raw GET of the same bytes. They alternate in one loop, so that both
// run under the same conditions.
func BenchmarkStrictHit(b *testing.B) {
	c, f, _ := benchFunc(b, Near{Mode: NearOff}, benchPayload)
	ctx := context.Background()
	if err := c.rdb.Set(ctx, "raw", strings.Repeat("x", benchPayload), 0).Err(); err != nil {
		b.Fatal(err)
	}
	var raw, hit []time.Duration
	for b.Loop() {
		t0 := time.Now()
		if _, err := c.rdb.Get(ctx, "raw").Bytes(); err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		_, info, err := f.GetInfo(ctx, "42")
		if err != nil || info.Source != FromRedis {
			b.Fatal(info.Source, err)
		}
		raw, hit = append(raw, t1.Sub(t0)), append(hit, time.Since(t1))
	}
	slices.Sort(raw)
	slices.Sort(hit)
	r, h := float64(raw[len(raw)/2]), float64(hit[len(hit)/2])
	b.ReportMetric(r, "raw-median-ns")
	b.ReportMetric(h, "hit-median-ns")
	b.ReportMetric(h/r, "hit/raw")
}

func BenchmarkNearStrictAlone(b *testing.B) {
	_, f, _ := benchFunc(b, Near{Mode: NearStrict}, benchPayload)
	b.ReportAllocs()
	for b.Loop() {
		if _, info, err := f.GetInfo(context.Background(), "42"); err != nil || info.Source != FromNear {
			b.Fatal(info.Source, err)
		}
	}
}

// BenchmarkNearStrict64 is 64 readers of one hot key who share their checks.
func BenchmarkNearStrict64(b *testing.B) {
	_, f, _ := benchFunc(b, Near{Mode: NearStrict}, benchPayload)
	b.SetParallelism(32) // × GOMAXPROCS, 2 here
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := f.Get(context.Background(), "42"); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkRawGet64 is the same with a raw GET each.
func BenchmarkRawGet64(b *testing.B) {
	rdb := ownRedis(b)
	if err := rdb.Set(context.Background(), "raw", strings.Repeat("x", benchPayload), 0).Err(); err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := rdb.Get(context.Background(), "raw").Err(); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkNearBounded(b *testing.B) {
	_, f, _ := benchFunc(b, Near{Mode: NearBounded, Staleness: time.Minute}, benchPayload)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, info, err := f.GetInfo(ctx, "42"); err != nil || info.Source != FromNear {
			b.Fatal(info.Source, err)
		}
	}
}

func BenchmarkMissAndFill(b *testing.B) {
	_, f, _ := benchFunc(b, Near{Mode: NearOff}, benchPayload)
	i := 0
	for b.Loop() {
		i++
		if _, err := f.Get(context.Background(), strconv.Itoa(i)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInvalidate gives one dependency a new version, however many entries
// depend on it.
func BenchmarkInvalidate(b *testing.B) {
	for _, dep := range []string{"article:42", "articles"} {
		for _, entries := range []int{10, 10_000} {
			b.Run(dep+"/entries="+strconv.Itoa(entries), func(b *testing.B) {
				c, f, _ := benchFunc(b, Near{Mode: NearOff}, 16)
				ids := make([]string, entries)
				for i := range ids {
					ids[i] = strconv.Itoa(i)
				}
				if n, err := f.Warm(context.Background(), ids); err != nil || n != entries {
					b.Fatal(n, err)
				}
				for b.Loop() {
					if err := c.Invalidate(context.Background(), dep); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

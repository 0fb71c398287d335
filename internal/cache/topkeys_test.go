package cache

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"
)

func topKeysOf() (*topKeys, *layerState) {
	return newTopKeys(), &layerState{Layer: Layer{Name: Article}, keyPrefix: "article:v1:"}
}

func (h *topKeys) all(layer string, at int64) map[string]TopKey {
	out := map[string]TopKey{}
	for i := range h.shards {
		keys, _ := h.shards[i].top(layer, at)
		for _, k := range keys {
			out[k.ID] = k
		}
	}
	return out
}

// TestTopKeysEnclosesTheTruth: of a skewed stream over far more keys than are kept, the most asked are kept and each true
// count lies between the two told.
func TestTopKeysEnclosesTheTruth(t *testing.T) {
	t.Parallel()
	h, l := topKeysOf()
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, 100_000)
	truth := map[string]uint64{}
	for range 300_000 {
		id := strconv.FormatUint(z.Uint64(), 10)
		truth[id]++
		h.see(l, "article:v1:"+id, 1)
	}
	got := h.all("", 1)
	if len(got) > topShards*topPerShard {
		t.Errorf("%d keys kept", len(got))
	}
	for id, k := range got {
		if truth[id] < k.AtLeast || truth[id] > k.AtMost {
			t.Errorf("%s asked %d times, told between %d and %d", id, truth[id], k.AtLeast, k.AtMost)
		}
	}
	for rank := range 50 {
		if id := strconv.Itoa(rank); got[id].AtLeast == 0 {
			t.Errorf("the key of rank %d, asked %d times, was lost", rank, truth[id])
		}
	}
}

func TestTopKeysForgetsOldWindows(t *testing.T) {
	t.Parallel()
	h, l := topKeysOf()
	w := int64(topWindow)
	h.see(l, "article:v1:a", 1)
	h.see(l, "article:v1:a", w+1)
	h.see(l, "article:v1:b", w+2)
	if got := h.all("", w+3); got["a"] != (TopKey{Article, "a", 2, 2}) {
		t.Errorf("two windows: %v", got)
	}
	h.see(l, "article:v1:a", 2*w+5)
	h.see(l, "article:v1:b", 2*w+6)
	if got := h.all("", 2*w+7); got["a"] != (TopKey{Article, "a", 2, 2}) || got["b"].AtMost != 2 {
		t.Errorf("the first window is not forgotten: %v", got)
	}
	if got := h.all("", 9*w); len(got) != 0 {
		t.Errorf("after a long rest: %v", got)
	}
	if got := h.all(Source, 9*w); len(got) != 0 {
		t.Errorf("another layer's: %v", got)
	}
}

func TestTopKeysIsSafeForManyReaders(t *testing.T) {
	t.Parallel()
	h, l := topKeysOf()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 5000 {
				h.see(l, "article:v1:"+strconv.Itoa(i%10), 1)
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			h.all("", 1)
		}
	})
	wg.Wait()
	for id, k := range h.all("", 1) {
		if k.AtLeast != 4000 || k.AtMost != 4000 {
			t.Errorf("%s: %+v, want 4000", id, k)
		}
	}
}

// TestTopKeysCountsEveryKindOfRead: strict, batched and from memory without a look.
func TestTopKeysCountsEveryKindOfRead(t *testing.T) {
	t.Parallel()
	c := newCache(t, Options{
		Redis: ownRedis(t), Jitter: -1, EarlyRefresh: -1,
		Layers: only(func(l *Layer) { l.Near = Near{Mode: NearBounded, Staleness: time.Minute} }),
	})
	eventually(t, "the message link is up", func() bool { return c.pubsub.upSince.Load() != 0 })
	f := count(c, Article)
	for range 20 {
		mustGet(t, f, 1, 0)
	}
	f.GetMany(context.Background(), []int{1, 2})
	keys, since, err := c.TopKeys(Article, 1)
	if err != nil || len(keys) != 1 || keys[0] != (TopKey{Article, "1", 21, 21}) || time.Since(since) < 0 {
		t.Errorf("%+v since %v, %v", keys, since, err)
	}
	if _, _, err := c.TopKeys("nada", 1); err == nil {
		t.Error("an unknown layer has top keys")
	}
}

func BenchmarkTopKeysSee(b *testing.B) {
	h, l := topKeysOf()
	keys := make([]string, 64)
	for i := range keys {
		keys[i] = "article:v1:" + strconv.Itoa(i)
	}
	b.Run("kept", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.see(l, keys[i&63], 1)
		}
	})
	b.Run("kept by two", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				h.see(l, keys[0], 1)
			}
		})
	})
	b.Run("always new", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.see(l, "article:v1:new"+strconv.Itoa(i), 1)
		}
	})
}

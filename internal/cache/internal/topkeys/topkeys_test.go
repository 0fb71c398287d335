package topkeys

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
)

func all(t *TopKeys, at int64) map[string]Key {
	out := map[string]Key{}
	keys, _ := t.Top(at)
	for _, k := range keys {
		out[k.Key] = k
	}
	return out
}

// TestTopKeysEnclosesTheTruth: from a skewed stream over far more keys than are kept, the most asked are kept and each
// true count lies between the two bounds.
func TestTopKeysEnclosesTheTruth(t *testing.T) {
	t.Parallel()
	h := New()
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, 100_000)
	truth := map[string]uint64{}
	for range 300_000 {
		id := strconv.FormatUint(z.Uint64(), 10)
		truth[id]++
		h.See(id, 1)
	}
	got := all(h, 1)
	if len(got) > Shards*PerShard {
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
	h := New()
	w := int64(Window)
	h.See("a", 1)
	h.See("a", w+1)
	h.See("b", w+2)
	if got := all(h, w+3); got["a"] != (Key{"a", 2, 2}) {
		t.Errorf("two windows: %v", got)
	}
	h.See("a", 2*w+5)
	h.See("b", 2*w+6)
	if got := all(h, 2*w+7); got["a"] != (Key{"a", 2, 2}) || got["b"].AtMost != 2 {
		t.Errorf("the first window is not forgotten: %v", got)
	}
	if got := all(h, 9*w); len(got) != 0 {
		t.Errorf("after a long rest: %v", got)
	}
}

func TestTopKeysIsSafeForManyReaders(t *testing.T) {
	t.Parallel()
	h := New()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 5000 {
				h.See(strconv.Itoa(i%10), 1)
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			all(h, 1)
		}
	})
	wg.Wait()
	for id, k := range all(h, 1) {
		if k.AtLeast != 4000 || k.AtMost != 4000 {
			t.Errorf("%s: %+v, want 4000", id, k)
		}
	}
}

func BenchmarkTopKeysSee(b *testing.B) {
	h := New()
	keys := make([]string, 64)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	b.Run("kept", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.See(keys[i&63], 1)
		}
	})
	b.Run("kept by two", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				h.See(keys[0], 1)
			}
		})
	})
	b.Run("always new", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.See("new"+strconv.Itoa(i), 1)
		}
	})
}

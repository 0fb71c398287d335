package forecast

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
)

// TestSketchKeepsTheMostAsked: in a skewed stream over far more keys than are kept, no count is too high and those of
// the most asked keys are exact or nearly so.
func TestSketchKeepsTheMostAsked(t *testing.T) {
	t.Parallel()
	s := NewSketch(400)
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, 100_000)
	truth := map[string]float64{}
	for range 300_000 {
		key := strconv.FormatUint(z.Uint64(), 10)
		truth[key]++
		s.See(key)
	}
	got := s.Take(100)
	if len(got) != 100 {
		t.Fatalf("%d keys", len(got))
	}
	kept := map[string]float64{}
	for i, c := range got {
		kept[c.Key] = c.N
		if c.N > truth[c.Key] {
			t.Errorf("%s: %v counted, asked %v times", c.Key, c.N, truth[c.Key])
		}
		if i > 0 && c.N > got[i-1].N {
			t.Errorf("not the most asked first: %v after %v", c, got[i-1])
		}
	}
	for rank := range 30 {
		key := strconv.Itoa(rank)
		if kept[key] < 0.98*truth[key] {
			t.Errorf("rank %d: %v counted, asked %v times", rank, kept[key], truth[key])
		}
	}
	if again := s.Take(10); len(again) != 0 {
		t.Errorf("taken twice: %v", again)
	}
}

func TestSketchIsExactWhileThereIsRoom(t *testing.T) {
	t.Parallel()
	s := NewSketch(8)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 1000 {
				s.See(strconv.Itoa(i % 8))
			}
		})
	}
	group.Wait()
	for _, c := range s.Take(8) {
		if c.N != 500 {
			t.Errorf("%s: %v, want 500", c.Key, c.N)
		}
	}
}

func BenchmarkSketch(b *testing.B) {
	s := NewSketch(2000)
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, 100_000)
	keys := make([]string, 1<<14)
	for i := range keys {
		keys[i] = strconv.FormatUint(z.Uint64(), 10)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.See(keys[i%len(keys)])
	}
}

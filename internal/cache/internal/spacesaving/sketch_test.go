package spacesaving

import (
	"strconv"
	"sync"
	"testing"
)

// The key that loses its place is the least frequent, even after counts grew
// without the heap being updated.
func TestTheLeastFrequentLosesItsPlace(t *testing.T) {
	t.Parallel()
	s := New(4, 0)
	counters := map[string]*Counter{}
	for i, key := range []string{"a", "b", "c", "d"} {
		counters[key] = s.See(key)
		for range 10 - i { // d is the least frequent
			if !counters[key].Again(0) {
				t.Fatal("a count that is kept is over")
			}
		}
	}
	if got := s.Floor(); got != 8 {
		t.Errorf("floor %d, want 8", got)
	}
	s.See("e")
	if s.Find("d") != nil || s.Find("e") == nil {
		t.Error("not the least frequent lost its place")
	}
	if counters["d"].Again(0) {
		t.Error("a key without a place is still counted")
	}
	if least, most := s.Find("e").Bounds(); least != 1 || most != 9 {
		t.Errorf("e was seen once: told between %d and %d", least, most)
	}
}

func TestACountEndsWithItsTime(t *testing.T) {
	t.Parallel()
	c := New(1, 100).See("a")
	if !c.Again(99) || c.Again(100) || (*Counter)(nil).Again(0) {
		t.Error("counted at the wrong times")
	}
	if _, n := c.Bounds(); n != 2 {
		t.Errorf("%d counted, want 2", n)
	}
}

// With concurrent counting, no count is lost while there is room, and none is
// too high by more than what it took over.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := New(8, 0)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				s.See(strconv.Itoa(i % 4)).Again(0)
				s.See("new" + strconv.Itoa(g*2000+i))
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		c := s.Find(strconv.Itoa(i))
		if c == nil {
			t.Errorf("%d, seen 4,000 times, is not kept", i)
			continue
		}
		if least, most := c.Bounds(); least > 4000 || most < 4000 {
			t.Errorf("%d was seen 4,000 times: told between %d and %d", i, least, most)
		}
	}
}

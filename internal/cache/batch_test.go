package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

// batched wraps the table with a loader that records its calls.
func batched(c *Cache, src *table, calls *[][]int, mu *sync.Mutex) *Func[int, article] {
	return Wrap(c, articleSpec(), src.load).Batch(func(ctx context.Context, ids []int) ([]Loaded[article], error) {
		mu.Lock()
		*calls = append(*calls, slices.Clone(ids))
		mu.Unlock()
		out := make([]Loaded[article], len(ids))
		for i, id := range ids {
			out[i].Value, out[i].Err = src.load(ctx, id)
		}
		return out, nil
	})
}

func TestGetManyLoadsTheMissingInOneCall(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{true, false} {
		t.Run(fmt.Sprintf("gate %v", open), func(t *testing.T) {
			t.Parallel()
			o := exactly(ownRedis(t), nil)
			o.Gate = func() bool { return open }
			c := newCache(t, o)
			src := &table{}
			for i := range 10 {
				src.put(i, fmt.Sprint("t", i))
			}
			var mu sync.Mutex
			var calls [][]int
			f := batched(c, src, &calls, &mu)
			ctx := context.Background()
			if _, err := f.Get(ctx, 3); err != nil {
				t.Fatal(err)
			}
			ids := []int{0, 1, 2, 3, 99, 3, 4, 0}
			check := func() {
				t.Helper()
				for i, r := range f.GetMany(ctx, ids) {
					switch {
					case ids[i] == 99:
						if !errors.Is(r.Err, errNoArticle) {
							t.Errorf("99: %v", r.Err)
						}
					case r.Err != nil || r.Value.ID != ids[i]:
						t.Errorf("%d: %+v", ids[i], r)
					}
				}
			}
			check()
			want := []int{0, 1, 2, 99, 4}
			if !open {
				want = []int{0, 1, 2, 3, 99, 4}
			}
			if len(calls) != 1 || !slices.Equal(calls[0], want) {
				t.Fatalf("calls = %v, want one of %v", calls, want)
			}
			check()
			if open && len(calls) != 1 {
				t.Errorf("the second batch loaded: %v", calls)
			}
			if err := c.Invalidate(ctx, "article:2"); err != nil {
				t.Fatal(err)
			}
			check()
			if open && !slices.Equal(calls[len(calls)-1], []int{2}) {
				t.Errorf("after an invalidation: %v", calls)
			}
		})
	}
}

func TestGetManyWithoutABatchLoader(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	f := count(c, Article)
	ids := make([]int, 40)
	for i := range ids {
		ids[i] = i
	}
	if n, err := f.Warm(context.Background(), ids); n != 40 || err != nil {
		t.Fatalf("Warm = %d, %v", n, err)
	}
	for _, r := range f.GetMany(context.Background(), ids) {
		if r.Err != nil || r.Info.Source != FromNear {
			t.Fatalf("%+v", r)
		}
	}
	wantLoads(t, f, 40)
}

// Two batches that overlap crosswise load each its own keys before they wait.
func TestOverlappingBatchesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	src := &table{}
	for i := range 50 {
		src.put(i, "x")
	}
	var mu sync.Mutex
	var calls [][]int
	f := batched(c, src, &calls, &mu)
	forward, back := make([]int, 50), make([]int, 50)
	for i := range forward {
		forward[i], back[49-i] = i, i
	}
	var wg sync.WaitGroup
	for range 20 {
		for _, ids := range [][]int{forward, back} {
			wg.Go(func() {
				for i, r := range f.GetMany(context.Background(), ids) {
					if r.Err != nil || r.Value.ID != ids[i] {
						t.Errorf("%d: %+v", ids[i], r)
					}
				}
			})
		}
	}
	wg.Wait()
	if n := src.loads.Load(); n != 50 {
		t.Errorf("50 rows were loaded %d times", n)
	}
}

func TestBatchLoaderThatAnswersTooLittleOrPanics(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	load := func(context.Context, int) (int, error) { return 0, nil }
	short := Wrap(c, Spec[int]{Layer: Article, Key: func(i int) Key { return Key{ID: fmt.Sprint(i)} }}, load).
		Batch(func(context.Context, []int) ([]Loaded[int], error) { return nil, nil })
	for _, r := range short.GetMany(context.Background(), []int{1, 2}) {
		if r.Err == nil {
			t.Error("no error")
		}
	}
	wild := Wrap(c, Spec[int]{Layer: Source, Key: func(i int) Key { return Key{ID: fmt.Sprint(i)} }}, load).
		Batch(func(context.Context, []int) ([]Loaded[int], error) { panic("¡ay!") })
	for _, r := range wild.GetMany(context.Background(), []int{1, 2}) {
		var p *PanicError
		if !errors.As(r.Err, &p) {
			t.Errorf("err = %v", r.Err)
		}
	}
}

// What a batch finds expired is served at once, and fetched in the background in one call.
func TestABatchRefreshesInOneCall(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = only(func(l *Layer) { l.StaleWhileRevalidate = time.Hour })
	c := newCache(t, o)
	src := &table{}
	for i := range 10 {
		src.put(i, "x")
	}
	var mu sync.Mutex
	var calls [][]int
	f := batched(c, src, &calls, &mu)
	ids := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	f.GetMany(context.Background(), ids)
	clk.Advance(time.Hour + time.Minute)
	for i, r := range f.GetMany(context.Background(), ids) {
		if r.Err != nil || !r.Info.Stale {
			t.Errorf("%d: %+v", i, r)
		}
	}
	testkit.Eventually(t, "the refresh", func() bool {
		c.flights.mu.Lock()
		defer c.flights.mu.Unlock()
		return f.layer.met.refreshes.value() == 10 && len(c.flights.refreshing) == 0
	})
	if len(calls) != 2 || !slices.Equal(calls[1], ids) {
		t.Errorf("calls %v, want all in one, twice", calls)
	}
	for i, r := range f.GetMany(context.Background(), ids) {
		if r.Err != nil || r.Info.Stale || r.Info.Source != FromNear {
			t.Errorf("%d after the refresh: %+v", i, r)
		}
	}
}

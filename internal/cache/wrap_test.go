package cache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"openlearn/internal/testkit"
)

type article struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
}

// table is the source of truth of these tests.
type table struct {
	mu    sync.Mutex
	rows  map[int]string
	loads atomic.Int64
}

var errNoArticle = fmt.Errorf("article: %w", ErrNotFound)

func (s *table) put(id int, title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = map[int]string{}
	}
	s.rows[id] = title
}

func (s *table) load(_ context.Context, id int) (article, error) {
	s.loads.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	title, ok := s.rows[id]
	if !ok {
		return article{}, errNoArticle
	}
	return article{ID: id, Title: title}, nil
}

func articleSpec() Spec[int] {
	return Spec[int]{
		Layer:    Article,
		Key:      func(id int) Key { return Key{ID: strconv.Itoa(id)} },
		Deps:     func(id int) []string { return []string{"article:" + strconv.Itoa(id), "articles"} },
		NotFound: errNoArticle,
	}
}

func TestGetLoadsOnceThenHits(t *testing.T) {
	t.Parallel()
	c := newCache(t, Options{Redis: ownRedis(t)})
	src := &table{}
	src.put(42, "uno")
	f := Wrap(c, articleSpec(), src.load)
	for range 3 {
		got, err := f.Get(context.Background(), 42)
		if err != nil || got != (article{42, "uno"}) {
			t.Fatalf("Get = %v, %v", got, err)
		}
	}
	if n := src.loads.Load(); n != 1 {
		t.Errorf("loads = %d, want 1", n)
	}
	if got, want := f.Key(42), "article:v1:42"; got != want {
		t.Errorf("Key = %q, want %q", got, want)
	}
}

func TestInvalidateReachesEveryDependency(t *testing.T) {
	t.Parallel()
	for _, dep := range []string{"article:42", "articles", "layer:article"} {
		t.Run(dep, func(t *testing.T) {
			t.Parallel()
			c := newCache(t, Options{Redis: ownRedis(t)})
			src := &table{}
			src.put(42, "uno")
			f := Wrap(c, articleSpec(), src.load)
			ctx := context.Background()
			if _, err := f.Get(ctx, 42); err != nil {
				t.Fatal(err)
			}
			src.put(42, "dos")
			if err := c.Invalidate(ctx, dep); err != nil {
				t.Fatal(err)
			}
			got, err := f.Get(ctx, 42)
			if err != nil || got.Title != "dos" {
				t.Fatalf("after Invalidate(%s): %v, %v", dep, got, err)
			}
		})
	}
}

// A fetch that began before an invalidation must not be handed to a reader
// that came after it, neither by joining nor by its late fill.
func TestSlowFillNeverReachesALaterReader(t *testing.T) {
	t.Parallel()
	c := newCache(t, Options{Redis: ownRedis(t)})
	ctx := context.Background()
	var calls atomic.Int64
	inside, release := make(chan struct{}), make(chan struct{})
	f := Wrap(c, articleSpec(), func(context.Context, int) (article, error) {
		if calls.Add(1) == 1 {
			close(inside)
			<-release
			return article{1, "old"}, nil
		}
		return article{1, "new"}, nil
	})
	first := make(chan string, 1)
	go func() {
		v, err := f.Get(ctx, 1)
		if err != nil {
			t.Error(err)
		}
		first <- v.Title
	}()
	<-inside
	if err := c.Invalidate(ctx, "article:1"); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Get(ctx, 1); err != nil || v.Title != "new" {
		t.Fatalf("joined an older fetch: %v, %v", v, err)
	}
	close(release)
	if got := <-first; got != "old" {
		t.Errorf("first reader got %q", got)
	}
	// The late fill overwrote the newer one; it must not be served.
	if v, err := f.Get(ctx, 1); err != nil || v.Title != "new" {
		t.Fatalf("after the late fill: %v, %v", v, err)
	}
}

func TestNotFoundIsRememberedAndInvalidated(t *testing.T) {
	t.Parallel()
	c := newCache(t, Options{Redis: ownRedis(t)})
	ctx := context.Background()
	src := &table{}
	f := Wrap(c, articleSpec(), src.load)
	for range 2 {
		if _, err := f.Get(ctx, 7); !errors.Is(err, errNoArticle) {
			t.Fatalf("err = %v", err)
		}
	}
	if n := src.loads.Load(); n != 1 {
		t.Errorf("loads = %d, want 1", n)
	}
	src.put(7, "nace")
	if err := c.Invalidate(ctx, "article:7"); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Get(ctx, 7); err != nil || v.Title != "nace" {
		t.Fatalf("%v, %v", v, err)
	}
}

func TestServesFromSourceWhenRedisIsAwayAndComesBack(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := newCache(t, Options{Redis: s.client(t)})
	ctx := context.Background()
	src := &table{}
	src.put(1, "uno")
	f := Wrap(c, articleSpec(), src.load)
	s.kill()
	if v, err := f.Get(ctx, 1); err != nil || v.Title != "uno" {
		t.Fatalf("away: %v, %v", v, err)
	}
	if err := c.Invalidate(ctx, "articles"); err == nil {
		t.Error("Invalidate without Redis returned nil")
	}
	s.start()
	testkit.Eventually(t, "a read is answered from the cache again", func() bool {
		_, info, err := f.GetInfo(ctx, 1)
		return err == nil && (info.Source == FromRedis || info.Source == FromNear)
	})
}

package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

// spans is a Tracer that records what it is told: "outer > read article 1: source".
type spans struct {
	mu    sync.Mutex
	ended []string
}

type spanPath struct{}

func (s *spans) Begin(ctx context.Context, op Operation, layer string, n int) (context.Context, func(string, error)) {
	path := fmt.Sprintf("%s %s %d", op, layer, n)
	if outer, ok := ctx.Value(spanPath{}).(string); ok {
		path = outer + " > " + path
	}
	return context.WithValue(ctx, spanPath{}, path), func(outcome string, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			outcome += " failed"
		}
		s.ended = append(s.ended, path+": "+outcome)
	}
}

// take returns what ended since the last call, sorted.
func (s *spans) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.ended)
	out := strings.Join(s.ended, "\n")
	s.ended = nil
	return out
}

func TestTracerHearsOfEverything(t *testing.T) {
	t.Parallel()
	heard := &spans{}
	o := exactly(ownRedis(t), nil)
	o.Tracer = heard
	c := newCache(t, o)
	inner := count(c, Article)
	outer := page(c, inner, inner.Deps)
	ctx := context.Background()
	expect := func(when, want string) {
		t.Helper()
		if got := heard.take(); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", when, got, want)
		}
	}
	if _, err := outer.Get(ctx, 1); err != nil {
		t.Fatal(err)
	}
	expect("a miss", `read http_response 1 > load http_response 1 > read article 1 > load article 1: 
read http_response 1 > load http_response 1 > read article 1: source
read http_response 1 > load http_response 1: 
read http_response 1: source`)
	if _, err := outer.Get(ctx, 1); err != nil {
		t.Fatal(err)
	}
	got := heard.take()
	if got != "read http_response 1: near" && got != "read http_response 1: redis" {
		t.Errorf("a hit: %s", got)
	}
	inner.GetMany(ctx, []int{1, 2, 3})
	expect("three at once", `read article 3 > load article 2: 
read article 3: 1 of 3 stored`)
	if err := c.Invalidate(ctx, "thing:1", "things"); err != nil {
		t.Fatal(err)
	}
	expect("an invalidation", "invalidate  2: ")
	inner.failWith(errors.New("away"))
	if _, err := inner.Get(ctx, 9); err == nil {
		t.Fatal("no error")
	}
	expect("a source that fails", `read article 1 > load article 1:  failed
read article 1: source failed`)
	inner.failWith(fmt.Errorf("no such thing: %w", ErrNotFound))
	if _, err := inner.Get(ctx, 10); err == nil {
		t.Fatal("no error")
	}
	expect("a source that has no such thing", `read article 1 > load article 1: 
read article 1: source`)
	boom := Wrap(c, Spec[int]{Layer: Article, Key: func(int) Key { return Key{ID: "boom"} }}, func(context.Context, int) (int, error) { panic("boom") })
	if _, err := boom.Get(ctx, 1); err == nil {
		t.Fatal("no error")
	}
	expect("a source that panics", `read article 1 > load article 1:  failed
read article 1: source failed`)
}

// TestNobodyListeningCostsNothing: a bounded near hit allocates only what the tracer does, and nothing without a
// tracer.
func TestNobodyListeningCostsNothing(t *testing.T) {
	o := exactly(ownRedis(t), nil)
	o.Layers = only(func(l *Layer) { l.Near = Near{Mode: NearBounded, Staleness: time.Minute} })
	c := newCache(t, o)
	data := []byte("x")
	f := Wrap(c, Spec[string]{
		Layer: Article, Codec: rawCodec{}, NoCompress: true, Shared: true, Key: func(id string) Key { return Key{ID: id} },
	}, func(context.Context, string) ([]byte, error) { return data, nil })
	testkit.Eventually(t, "the message link is up", func() bool { return c.pubsub.upSince.Load() != 0 })
	testkit.Eventually(t, "near", func() bool {
		_, info, err := f.GetInfo(context.Background(), "42")
		return err == nil && info.Source == FromNear
	})
	read := func() {
		if _, info, err := f.GetInfo(context.Background(), "42"); err != nil || info.Source != FromNear {
			t.Fatal(info.Source, err)
		}
	}
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("a near hit allocates %v times", n)
	}
	c.opt.Tracer = &spans{}
	if n := testing.AllocsPerRun(100, read); n == 0 {
		t.Error("the tracer was not asked")
	}
}

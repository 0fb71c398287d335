package cache

import (
	"context"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
)

// halves runs every pipeline in two parts, with something in between: what a
// server may do to the pipelines of two clients.
type halves struct {
	at      int
	between func()
}

func (*halves) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*halves) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *halves) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if h.between == nil || h.at >= len(cmds) || h.at == 0 {
			return next(ctx, cmds)
		}
		if err := next(ctx, cmds[:h.at]); err != nil {
			return err
		}
		h.between()
		return next(ctx, cmds[h.at:])
	}
}

// A whole and its part read different buckets of one dependency. Wherever an
// invalidation is interrupted by the whole being loaded, nothing old stays.
func TestAWholeIsLoadedWhileTheBucketsChange(t *testing.T) {
	t.Parallel()
	rdb := ownRedis(t)
	writer, reader := newCache(t, exactly(rdb, nil)), newCache(t, exactly(rdb, nil))
	inner := count(reader, Article)
	outer := page(reader, inner, inner.Deps)
	h := &halves{}
	writer.rdb.AddHook(h)
	ctx := context.Background()
	tried := 0
	for id := range 12 {
		if version.Bucket(outer.Key(id)) == version.Bucket(inner.Key(id)) {
			continue
		}
		for at := 1; at <= 2*version.Buckets; at++ {
			tried++
			h.at, h.between = at, nil
			if _, err := outer.Get(ctx, id); err != nil {
				t.Fatal(err)
			}
			inner.value.Add(1)
			h.between = func() {
				if _, err := outer.Get(ctx, id); err != nil {
					t.Error(err)
				}
			}
			if err := writer.Invalidate(ctx, "things"); err != nil {
				t.Fatal(err)
			}
			want := strconv.FormatInt(inner.value.Load(), 10)
			if got, err := outer.Get(ctx, id); err != nil || got != want {
				t.Fatalf("id %d, interrupted after %d writes: %q (%v), want %q", id, at, got, err, want)
			}
		}
	}
	if tried < 100 {
		t.Fatalf("only %d interruptions tried", tried)
	}
}

// Neighbouring ids do not share a bucket.
func TestBucketsAreEven(t *testing.T) {
	t.Parallel()
	var n [version.Buckets]int
	for i := range 1600 {
		n[version.Bucket("article:v1:"+strconv.Itoa(i))]++
	}
	for b, got := range n {
		if got < 50 || got > 200 {
			t.Errorf("bucket %d has %d keys of 1,600", b, got)
		}
	}
	var ten [version.Buckets]bool
	for i := range 10 {
		ten[version.Bucket("article:v1:"+strconv.Itoa(i))] = true
	}
	used := 0
	for _, u := range ten {
		if u {
			used++
		}
	}
	if used < 5 {
		t.Errorf("ten neighbours share %d buckets", used)
	}
}

package cache

import (
	"context"
	"testing"
	"time"
)

// TestTopKeysCountsEveryKindOfRead: strict, batched, and from memory without a look at Redis.
func TestTopKeysCountsEveryKindOfRead(t *testing.T) {
	t.Parallel()
	before := time.Now()
	c := newCache(t, Options{
		Redis: ownRedis(t), Jitter: -1, EarlyRefresh: -1,
		Layers: only(func(l *Layer) { l.Near = Near{Mode: NearBounded, Staleness: time.Minute} }),
	})
	f := count(c, Article)
	for range 20 {
		mustGet(t, f, 1, 0)
	}
	f.GetMany(context.Background(), []int{1, 2})
	keys, since, err := c.TopKeys(Article, 1)
	if err != nil || len(keys) != 1 || keys[0] != (TopKey{Article, "1", 21, 21}) {
		t.Errorf("%+v, %v", keys, err)
	}
	if since.Before(before) || since.After(time.Now()) {
		t.Errorf("counted since %v: the cache began after %v", since, before)
	}
	if _, _, err := c.TopKeys("nada", 1); err == nil {
		t.Error("an unknown layer has top keys")
	}
}

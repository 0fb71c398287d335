package proxy

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The layers below the responses.
const (
	articleLayer = "article"
	contentLayer = "content"
)

func testLayers() []cache.Layer {
	return append(
		httpcache.Layers(),
		cache.Graced(cache.Layer{Name: articleLayer, Namespace: "article", Tier: cache.L1, TTL: time.Hour, Audit: true}),
		cache.Graced(cache.Layer{Name: contentLayer, Namespace: "content", Tier: cache.L1, TTL: 15 * time.Minute, Audit: true}),
	)
}

// engine is a cache on a Redis database of the test's own. More of them share it, as instances do.
func engine(t testing.TB, url string, edit ...func(*cache.Options)) *cache.Cache {
	t.Helper()
	ro, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(ro)
	t.Cleanup(func() { _ = client.Close() })
	o := cache.Options{Redis: client, Layers: testLayers(), Jitter: -1, EarlyRefresh: -1}
	for _, e := range edit {
		e(&o)
	}
	c, err := cache.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the cache: %v", err)
		}
	})
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c
}

func testRedis(t testing.TB) string { return testkit.RedisURL(t) }

func newClock() *testkit.Clock {
	return testkit.NewClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
}

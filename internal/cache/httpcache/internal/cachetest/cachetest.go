// Package cachetest has what the tests of both HTTP caches need from the engine below them.
package cachetest

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
)

// The layers below the responses.
const (
	Article = "article"
	Content = "content"
)

// Layers is the table of layers that the tests work with.
func Layers() []cache.Layer {
	return append(
		httpcache.Layers(),
		cache.Graced(cache.Layer{Name: Article, Namespace: "article", Tier: cache.L1, TTL: time.Hour, Audit: true}),
		cache.Graced(cache.Layer{Name: Content, Namespace: "content", Tier: cache.L1, TTL: 15 * time.Minute, Audit: true}),
	)
}

// Engine is a started cache on the Redis database at url. Several engines share the database, as instances do.
func Engine(t testing.TB, url string, edit ...func(*cache.Options)) *cache.Cache {
	t.Helper()
	ro, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(ro)
	t.Cleanup(func() { _ = client.Close() })
	o := cache.Options{Redis: client, Layers: Layers(), Jitter: -1, EarlyRefresh: -1}
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

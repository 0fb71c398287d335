package service_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/testkit"
)

// sink is a client that takes everything and keeps nothing.
type sink struct {
	h      http.Header
	status int
	n      int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { s.n += len(b); return len(b), nil }

// BenchmarkServiceHit compares a hit with an Echo that returns the same bytes: without a network, which costs both the
// same.
func BenchmarkServiceHit(b *testing.B) {
	url := testkit.RedisURL(b)
	n := newNewsroom(b, url, newDB())
	bounded := newNewsroom(b, url, newDB(), func(o *service.Options) {
		layers := cachetest.Layers()
		for i := range layers {
			if layers[i].Name == httpcache.ResponseLayer {
				layers[i].Near = cache.Near{Mode: cache.NearBounded, Staleness: 1e10}
			}
		}
		o.Cache = cachetest.Engine(b, url, func(co *cache.Options) { co.Layers = layers })
		o.Registerer = prometheus.NewRegistry()
	})
	first := n.get("/api/articles", "Accept-Encoding: gzip")
	body, etag := first.Body.Bytes(), first.Header().Get("ETag")
	bare := echo.New()
	bare.GET("/api/articles", func(c echo.Context) error {
		c.Response().Header().Set("Content-Encoding", "gzip")
		return c.Blob(200, "application/json", body)
	})
	run := func(name string, h http.Handler, want int, parallel bool, fields ...string) {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/api/articles", nil)
			r.Header.Set("Accept-Encoding", "gzip, deflate")
			for i := 0; i < len(fields); i += 2 {
				r.Header.Set(fields[i], fields[i+1])
			}
			one := func() {
				own := *r
				u := *r.URL
				own.URL = &u
				w := &sink{h: http.Header{}}
				h.ServeHTTP(w, &own)
				if w.status != want {
					b.Errorf("status %d", w.status)
				}
			}
			one()
			one()
			b.ReportAllocs()
			b.ResetTimer()
			if parallel {
				b.SetParallelism(32)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						one()
					}
				})
				return
			}
			for range b.N {
				one()
			}
		})
	}
	run("bare echo", bare, 200, false)
	run("near bounded", bounded.echo, 200, false)
	run("near bounded, 304", bounded.echo, 304, false, "If-None-Match", etag)
	run("strict, one reader", n.echo, 200, false)
	run("strict, 64 readers", n.echo, 200, true)
	run("strict, 64 readers, 304", n.echo, 304, true, "If-None-Match", etag)
}

package guard

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

// BenchmarkHit is what limits add to the answer to a hot client: taking a unit, and telling what is left.
func BenchmarkHit(b *testing.B) {
	ro, err := redis.ParseURL(testkit.RedisURL(b))
	if err != nil {
		b.Fatal(err)
	}
	tier := &Tier{Name: "test", Minute: 1_000_000_000, Hour: 1_000_000_000, Bytes: 1 << 50}
	l, err := New(Options{Redis: ro, Logger: slog.New(slog.DiscardHandler)}, tier)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	handle := l.Middleware(Rules{Anonymous: tier, Known: tier, Cost: func(echo.Context) int64 { return 1 }})(func(c echo.Context) error {
		return c.NoContent(http.StatusOK)
	})
	e := echo.New()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	c := e.NewContext(r, w)
	b.ReportAllocs()
	for b.Loop() {
		c.Reset(r, w)
		if err := handle(c); err != nil || w.Code != http.StatusOK {
			b.Fatal(w.Code, err)
		}
	}
}

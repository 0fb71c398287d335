package app

import (
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/labstack/echo/v4"
)

// TestMiddlewareIsAssembledOnce, in its order, around whatever handler the router finds.
func TestMiddlewareIsAssembledOnce(t *testing.T) {
	t.Parallel()
	assemblies := 0
	var passed []string
	named := func(name string) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			assemblies++
			return func(c echo.Context) error {
				passed = append(passed, name)
				return next(c)
			}
		}
	}
	e := echo.New()
	e.Use(assembled([]echo.MiddlewareFunc{named("outer"), named("inner")}))
	for _, path := range []string{"/a", "/b"} {
		e.GET(path, func(c echo.Context) error { return c.String(http.StatusOK, c.Path()) })
	}
	for path, status := range map[string]int{"/a": 200, "/b": 200, "/nowhere": 404} {
		passed = nil
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != status || status == 200 && w.Body.String() != path || !slices.Equal(passed, []string{"outer", "inner"}) {
			t.Errorf("%s: %d %q by %v", path, w.Code, w.Body, passed)
		}
	}
	if assemblies != 2 {
		t.Errorf("two pieces were put together %d times", assemblies)
	}
}

// TestTheCollectorIsTunedUnlessTheEnvironmentSays is not parallel: there is one environment and one collector.
func TestTheCollectorIsTunedUnlessTheEnvironmentSays(t *testing.T) {
	percent, limit := debug.SetGCPercent(77), debug.SetMemoryLimit(1<<40)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	t.Setenv("GOGC", "77")
	t.Setenv("GOMEMLIMIT", "1TiB")
	tuneCollector()
	if p, l := debug.SetGCPercent(77), debug.SetMemoryLimit(-1); p != 77 || l != 1<<40 {
		t.Errorf("the environment's settings became %d, %d", p, l)
	}
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	tuneCollector()
	if p, l := debug.SetGCPercent(77), debug.SetMemoryLimit(-1); p != gcPercent || l != memoryLimit {
		t.Errorf("without them, %d, %d", p, l)
	}
}

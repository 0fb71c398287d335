package app

import (
	"net/http"
	"net/http/httptest"
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

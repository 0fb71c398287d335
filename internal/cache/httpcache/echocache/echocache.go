// Package echocache puts a service cache into an Echo.
package echocache

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"openlearn/internal/cache/httpcache/service"
)

// Middleware is the cache for an Echo. Use it inside middleware that belongs to a single request or client (request
// ids, limits, CORS): what is outside runs for each request, what is inside runs once for all who ask the same. Routes
// are recognised by their template.
func Middleware(s *service.Service) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			q, ok := s.Request(c.Path(), c.Request(), c.ParamNames(), c.ParamValues())
			if !ok {
				return next(c)
			}
			c.SetParamValues(q.Values()...)
			e, handler := c.Echo(), c.Handler()
			return q.Serve(c.Response(), c.Request(), func(w http.ResponseWriter, r *http.Request) error {
				inner := e.NewContext(r, w)
				inner.SetPath(q.Template())
				inner.SetParamNames(q.Names()...)
				inner.SetParamValues(q.Values()...)
				inner.SetHandler(handler)
				if err := next(inner); err != nil {
					e.HTTPErrorHandler(err, inner)
				}
				return nil
			}, func() error { return next(c) })
		}
	}
}

package httpapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"openlearn/internal/cache/httpcache/service"
)

// The documentation pages are Swagger UI and Redoc, embedded: they must work where no outside host can be reached.
//
//go:embed docs
var docsFS embed.FS

// docsPolicy adds to the API's policy what the two pages need: inline styles, and Redoc's search worker.
const docsPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"

// mountDocs serves the pages. base is the path below which browsers see the service.
func mountDocs(e *echo.Echo, api huma.API, base string) {
	// Marshalled at the first request, when every operation is registered.
	spec := sync.OnceValues(func() (*service.Static, error) {
		b, err := json.Marshal(api.OpenAPI())
		if err != nil {
			return nil, err
		}
		return service.NewStatic(http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"public, no-cache"}}, b)
	})
	serveSpec := func(c echo.Context) error {
		s, err := spec()
		if err != nil {
			return err
		}
		s.ServeHTTP(c.Response(), c.Request())
		return nil
	}
	assets := newAssets(base)
	page := func(name string) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("Content-Security-Policy", docsPolicy)
			return assets.serve(c, name)
		}
	}
	// Mounted twice, because clients of the original look below /api/v1.
	for _, prefix := range []string{"", "/api"} {
		e.GET(prefix+"/openapi.json", serveSpec)
		e.GET(prefix+"/docs", page("swagger.html"))
		e.GET(prefix+"/redoc", page("redoc.html"))
	}
	e.GET("/docs/assets/:name", func(c echo.Context) error { return assets.serve(c, c.Param("name")) })
}

// ours are the files whose links point to this service.
var ours = []string{"swagger.html", "redoc.html", "swagger-init.js", "redoc-init.js"}

// assets are the pages' files, each read at its first request.
type assets struct {
	base string
	mu   sync.Mutex
	made map[string]*service.Static
}

func newAssets(base string) *assets { return &assets{base: base, made: map[string]*service.Static{}} }

func (a *assets) serve(c echo.Context, name string) error {
	s, err := a.get(path.Base(name))
	if err != nil {
		return echo.ErrNotFound
	}
	s.ServeHTTP(c.Response(), c.Request())
	return nil
}

func (a *assets) get(name string) (*service.Static, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.made[name]; s != nil {
		return s, nil
	}
	b, err := fs.ReadFile(docsFS, path.Join("docs", name))
	if err != nil {
		return nil, err
	}
	if slices.Contains(ours, name) {
		b = bytes.ReplaceAll(b, []byte(`"/`), []byte(`"`+a.base+`/`))
	}
	s, err := service.NewStatic(http.Header{
		"Content-Type": {mime.TypeByExtension(path.Ext(name))}, "Cache-Control": {"public, max-age=3600"},
	}, b)
	if err == nil {
		a.made[name] = s
	}
	return s, err
}

package httpapi

import (
	"embed"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

// The documentation pages are Swagger UI and Redoc, embedded: they must work where no outside host can be reached.
//
//go:embed docs
var docsFS embed.FS

// docsPolicy is what the two pages need beyond the API's own policy: inline styles, and Redoc's search worker.
const docsPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"

func mountDocs(e *echo.Echo, api huma.API) {
	// Marshalled at the first request, when every operation is registered.
	spec := sync.OnceValues(func() ([]byte, error) { return json.Marshal(api.OpenAPI()) })
	serveSpec := func(c echo.Context) error {
		b, err := spec()
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "application/json", b)
	}
	page := func(name string) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("Content-Security-Policy", docsPolicy)
			return serveAsset(c, name)
		}
	}
	// Twice, because clients of the original look below /api/v1.
	for _, prefix := range []string{"", "/api"} {
		e.GET(prefix+"/openapi.json", serveSpec)
		e.GET(prefix+"/docs", page("swagger.html"))
		e.GET(prefix+"/redoc", page("redoc.html"))
	}
	e.GET("/docs/assets/:name", func(c echo.Context) error { return serveAsset(c, c.Param("name")) })
}

func serveAsset(c echo.Context, name string) error {
	b, err := fs.ReadFile(docsFS, path.Join("docs", path.Base(name)))
	if err != nil {
		return echo.ErrNotFound
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=3600")
	return c.Blob(http.StatusOK, mime.TypeByExtension(path.Ext(name)), b)
}

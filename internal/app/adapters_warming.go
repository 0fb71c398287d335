package app

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"openlearn/internal/articles"
	"openlearn/internal/cache"
	"openlearn/internal/warming"
)

// newWarmer keeps articles warm; nil if none are to be.
func (a *App) newWarmer() *warming.Warmer {
	if a.cfg.WarmKeys == 0 || a.cfg.uncached {
		return nil
	}
	return warming.New(warming.Options{
		Cache: a.cache, Layer: cache.Article, Deps: []string{articles.Table}, Load: a.Articles.Warm, Pool: a.db.Pool,
		Keys: a.cfg.WarmKeys, Schedule: warming.Schedule(a.cfg.WarmSchedule), Interval: a.cfg.WarmInterval, Rate: a.cfg.WarmRate,
		Registerer: a.registry, Logger: a.log,
	})
}

// countArticles tells which articles readers were shown, from whatever cache. The engine's own counts would not do: a
// response that is served from the HTTP cache does not ask for its article.
func countArticles(see func(id int64)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			switch c.Path() {
			case "/api/articles/:id", "/api/scraping/content/:id":
				status := c.Response().Status
				shown := status == http.StatusOK || status == http.StatusNotModified
				if id, bad := strconv.ParseInt(c.Param("id"), 10, 64); bad == nil && err == nil && shown && c.Request().Method == http.MethodGet {
					see(id)
				}
			}
			return err
		}
	}
}

package app

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/admin"
	"openlearn/internal/articles"
	"openlearn/internal/warming"
)

// newWarmer keeps articles warm; nil if none are to be.
func (a *App) newWarmer() *warming.Warmer {
	if a.cfg.WarmKeys == 0 || a.cfg.uncached {
		return nil
	}
	return warming.New(warming.Options{
		Cache: a.cache, Layer: articles.ArticleLayer, Deps: []string{articles.Table}, Load: a.Articles.Warm, Pool: a.db.Pool,
		Keys: a.cfg.WarmKeys, Schedule: warming.Schedule(a.cfg.WarmSchedule), Interval: a.cfg.WarmInterval, Rate: a.cfg.WarmRate,
		Registerer: a.registry, Logger: a.log,
	})
}

// warming tells operators what the warmer does.
func (a *App) warming() admin.Warming {
	if a.warmer == nil {
		return admin.Warming{}
	}
	s, o := a.warmer.Status(), a.warmer.Options()
	out := admin.Warming{
		Enabled: true, Layer: o.Layer, Schedule: string(o.Schedule), KeysMost: o.Keys, RateMost: o.Rate, Interval: o.Interval.Seconds(),
		NextLook: moment(s.NextLook), LookedAt: moment(s.LookedAt), Learnt: s.Hours, Needed: a.warmer.MinimumHistory(),
		Runs: map[string]admin.Tally{}, Failures: s.Failures,
	}
	for _, k := range s.Scheduled {
		out.Keys = append(out.Keys, admin.ForecastKey{Identifier: k.Key, Requests: k.N})
	}
	for reason, t := range s.By {
		tally := admin.Tally{Passes: t.Passes, Checked: t.Checked, Loaded: t.Loaded}
		if r := t.Last; r != nil {
			tally.Last = &admin.Run{At: r.At.UTC(), TookMS: float64(r.Took.Microseconds()) / 1000, Entries: r.Entries, Loaded: r.Loaded, Failed: r.Failed}
		}
		out.Runs[reason] = tally
	}
	return out
}

// moment is nil for a time that has not been.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
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

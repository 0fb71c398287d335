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

// newWarmer makes the warmer for articles; nil if none are to be kept warm.
func (s *Server) newWarmer() *warming.Warmer {
	if s.cfg.Warming.Keys == 0 || s.cfg.testing.uncached {
		return nil
	}
	return warming.New(warming.Options{
		Cache: s.cache, Layer: articles.ArticleLayer, Deps: []string{articles.Table}, Load: s.Articles.Warm, Pool: s.db.Pool,
		Config:     s.cfg.Warming,
		Registerer: s.registry, Logger: s.log,
	})
}

// warming reports to operators what the warmer does.
func (s *Server) warming() admin.Warming {
	if s.warmer == nil {
		return admin.Warming{}
	}
	did, o := s.warmer.Status(), s.warmer.Options()
	out := admin.Warming{
		Enabled: true, Layer: o.Layer, Schedule: string(o.Schedule), KeysMost: o.Keys, RateMost: o.Rate, Interval: o.Interval.Seconds(),
		NextLook: moment(did.NextLook), LookedAt: moment(did.LookedAt), Learnt: did.Hours, Needed: s.warmer.MinimumHistory(),
		Runs: map[string]admin.Tally{}, Failures: did.Failures,
	}
	for _, k := range did.Scheduled {
		out.Keys = append(out.Keys, admin.ForecastKey{Identifier: k.Key, Requests: k.N})
	}
	for reason, t := range did.By {
		tally := admin.Tally{Passes: t.Passes, Checked: t.Checked, Loaded: t.Loaded}
		if r := t.Last; r != nil {
			tally.Last = &admin.Run{At: r.At.UTC(), TookMS: float64(r.Took.Microseconds()) / 1000, Entries: r.Entries, Loaded: r.Loaded, Failed: r.Failed}
		}
		out.Runs[reason] = tally
	}
	return out
}

// moment is nil for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// countArticles reports which articles readers were shown, from whichever cache. The engine's own counts would not do: a
// response served from the HTTP cache does not read its article.
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

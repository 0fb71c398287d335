package app

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"openlearn/internal/guard"
	"openlearn/internal/httpapi"
	"openlearn/internal/periodic"
)

// openLimits makes what counts requests, if they are limited.
func (s *Server) openLimits() error {
	if !s.cfg.Limits.Enabled {
		return nil
	}
	ro, err := s.cfg.Redis.options()
	if err != nil {
		return err
	}
	s.anonymous, s.known = s.cfg.Limits.Anonymous(), s.cfg.Limits.Known()
	s.limits, err = guard.New(guard.Options{Redis: ro, Registerer: s.registry, Logger: s.log, Within: s.cfg.Limits.Within}, s.anonymous, s.known)
	if err != nil {
		return err
	}
	s.closers.add(s.limits.Close)
	return nil
}

// limited is the middleware of the limits, nil if there are none.
func (s *Server) limited(admin httpapi.Guard) echo.MiddlewareFunc {
	if s.limits == nil {
		return nil
	}
	return s.limits.Middleware(guard.Rules{
		Anonymous: s.anonymous, Known: s.known,
		Cost: func(c echo.Context) int64 {
			if unlimited(c) || admin.IsKey(c.Request()) {
				return 0
			}
			return costOf(c)
		},
		Judge: admin.Judge,
	})
}

// limitJobs is what the limits do in the background.
func (s *Server) limitJobs() []periodic.Job {
	if s.limits == nil {
		return nil
	}
	return []periodic.Job{{Name: "rate limits' instances", Every: guard.BeatEvery, Pass: s.limits.Beat, Logger: s.log}}
}

// unlimited reports whether a request is not counted: preflights, probes and scrapes, which must work when all else is refused;
// the console, whose pages ask for more by themselves and whose logins are limited by guesses; and the pages of the
// documentation, which are files in memory.
func unlimited(c echo.Context) bool {
	return c.Request().Method == http.MethodOptions || ofConsole(c) || unlimitedPath(c.Path())
}

func unlimitedPath(path string) bool {
	switch path {
	case "/metrics", "/health", "/api/health", "/docs", "/api/docs", "/redoc", "/api/redoc", "/openapi.json", "/api/openapi.json", "/docs/assets/:name":
		return true
	}
	return strings.HasPrefix(path, "/health/") || strings.HasPrefix(path, "/api/health/")
}

// The units that requests cost which take more than a look into the cache.
const (
	mostUnits        = 50
	searchUnits      = 10 // a plain search of up to three words
	analysisUnits    = 2  // and one more for each kilobyte of text
	articleAnalysis  = 5
	batchJobUnits    = 20
	openDataUnits    = 5         // a foreign service may have to be asked
	unknownTextUnits = mostUnits // of a body that does not say its length
)

// costOf is how many units a request may cost.
func costOf(c echo.Context) int64 {
	switch path := c.Path(); {
	case path == "/api/articles/search":
		return searchCost(c.QueryParam("q"))
	case path == "/api/articles/:id/analysis":
		return articleAnalysis
	case strings.HasPrefix(path, "/api/government/"):
		return openDataUnits
	case c.Request().Method != http.MethodPost:
		return 1
	case path == "/api/analysis/batch-analyze":
		return batchJobUnits
	case path == "/api/analysis/analyze", path == "/api/analysis/batch":
		n := c.Request().ContentLength
		if n < 0 {
			return unknownTextUnits
		}
		return min(mostUnits, analysisUnits+n/1000)
	}
	return 1
}

// searchCost is by what makes searches slow: many words, alternatives, phrases and exclusions.
func searchCost(q string) int64 {
	units := int64(searchUnits)
	words := strings.Fields(q)
	units += int64(max(0, len(words)-3))
	for _, w := range words {
		if w == "OR" || strings.HasPrefix(w, "-") || strings.HasPrefix(w, `"`) {
			units += 4
		}
	}
	return min(mostUnits, units)
}

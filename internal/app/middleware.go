package app

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/admission"
	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/guard"
	"openlearn/internal/httpapi"
	"openlearn/internal/tracing"
)

// requestTimeout bounds the work for one request.
const requestTimeout = 30 * time.Second

// useMiddleware installs the middleware, outermost first. The order is the point:
func useMiddleware(e *echo.Echo, cfg serverConfig, log *slog.Logger, times *requestTimes, reg prometheus.Registerer, spans *tracing.Tracing, shown func(id int64), responses, identify, limit, admit echo.MiddlewareFunc) {
	var chain []echo.MiddlewareFunc
	use := func(m echo.MiddlewareFunc) { chain = append(chain, m) }
	e.Pre(canonicalPath) // before routing, which must see one spelling
	use(requestID)       // first, so that every log message below can name the request
	if spans != nil {
		use(spans.Middleware) // around everything that takes time; log messages get the trace's id
	}
	use(observe(log, times, reg))    // sees the final status, even after panics
	use(securityHeaders(cfg))        // on every answer, errors included
	if len(cfg.AllowedOrigins) > 0 { // to Echo, an empty list means everyone
		use(cors(cfg.AllowedOrigins)) // on errors too: a page must be able to read them
	}
	// a panic becomes an error that the layers above treat as such
	use(middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
		log.Error("panic", "route", c.Path(), "error", err, "stack", string(stack))
		return err
	}}))
	use(identify)     // before limits and the HTTP cache, which need the identity
	if limit != nil { // outside of the HTTP cache, whose hits count too, and inside of what refusals have to bear
		use(limit)
	}
	if shown != nil { // outside the HTTP cache, whose hits are accesses too
		use(countArticles(shown))
	}
	if responses != nil { // everything above runs for each request, everything below once for all identical ones
		use(responses)
	}
	use(middleware.BodyLimit("8M")) // before anything reads a body
	use(deadline)                   // bounds every wait below; the cache's waits have their own bounds
	use(admit)                      // below the HTTP cache, whose answers never wait
	use(logCauses(log))             // innermost: logs the cause that a handler hides from its client, once per run
	e.Use(assembled(chain))
}

// assembled puts middleware together once. Echo would do so for every request, and repeat the preparations of each
// middleware.
func assembled(chain []echo.MiddlewareFunc) echo.MiddlewareFunc {
	handle := func(c echo.Context) error { return c.Handler()(c) } // the handler that the router found
	for _, m := range slices.Backward(chain) {
		handle = m(handle)
	}
	return func(echo.HandlerFunc) echo.HandlerFunc { return handle }
}

// methodLabel bounds the methods in metrics: clients may invent any.
func methodLabel(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// cachedLabel is what the HTTP cache says about its answer, or NONE if it said nothing.
func cachedLabel(h http.Header) string {
	switch said := h.Get("X-Cache"); said {
	case rules.Hit, rules.Miss, rules.Stale, rules.Bypass:
		return said
	}
	return "NONE"
}

// requestID names the request, using the caller's id if it is safe in logs and headers.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	named := middleware.RequestIDWithConfig(middleware.RequestIDConfig{Generator: newRequestID})(next)
	return func(c echo.Context) error {
		if id := c.Request().Header.Get(echo.HeaderXRequestID); id != "" && !plainID.MatchString(id) {
			c.Request().Header.Del(echo.HeaderXRequestID)
		}
		return named(c)
	}
}

// newRequestID is 128 random bits: it must be unique, not secret.
func newRequestID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	return hex.EncodeToString(b[:])
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,128}$`)

// cors lets pages of the allowed origins call the API with everything the client sends, and read what it needs.
func cors(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		Skipper:          ofConsole, // only its own pages may read it
		AllowOrigins:     origins,
		AllowMethods:     []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"},
		AllowHeaders:     []string{"Content-Type", "Authorization", "Accept", "If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since", "X-API-Key", "X-Requested-With"},
		ExposeHeaders:    append([]string{"X-Total-Count", "ETag", "Last-Modified", "Location", "X-Cache", "X-Request-ID", "Retry-After", "X-Invalidation"}, guard.Fields...),
		AllowCredentials: len(origins) > 0 && origins[0] != "*",
		MaxAge:           600,
	})
}

const apiPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// hsts asks browsers to use TLS for a year. It leaves out subdomains, because they are not ours to decide on.
const hsts = "max-age=31536000"

// securityHeaders are set before the handler, which may replace them (the documentation pages need another policy).
func securityHeaders(cfg serverConfig) echo.MiddlewareFunc {
	fixed := map[string][]string{}
	for name, value := range map[string]string{
		"X-API-Version":                     APIVersion,
		"Content-Security-Policy":           apiPolicy,
		"X-Frame-Options":                   "DENY",
		"X-Content-Type-Options":            "nosniff",
		"Referrer-Policy":                   "strict-origin-when-cross-origin",
		"X-Permitted-Cross-Domain-Policies": "none",
		"Permissions-Policy":                "geolocation=(), microphone=(), camera=(), payment=(), usb=()",
	} {
		fixed[http.CanonicalHeaderKey(name)] = []string{value} // shared by all answers: adding to one makes a new slice
	}
	if strings.HasPrefix(strings.ToLower(cfg.PublicURL), "https:") {
		fixed["Strict-Transport-Security"] = []string{hsts}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			res := c.Response()
			h := res.Header()
			maps.Copy(h, fixed)
			res.Before(func() { httpapi.Complete(h, res.Status) }) // for every answer, even those of the HTTP cache
			if httpapi.HasCredentials(c.Request()) {
				h.Set("Cache-Control", httpapi.PersonalCache) // unless the handler sets another value
			}
			return next(c)
		}
	}
}

func deadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if endless(c) {
			return next(c)
		}
		ctx, cancel := context.WithTimeout(c.Request().Context(), requestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}

// observe is the only place that counts and logs requests. It is around everything, so that failures before or outside the
// HTTP cache are counted too, and it records what that cache did.
func observe(log *slog.Logger, times *requestTimes, reg prometheus.Registerer) echo.MiddlewareFunc {
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_progress", Help: "Requests being answered now."})
	reg.MustRegister(inFlight)
	labels := &endpoints{}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			inFlight.Inc()
			defer inFlight.Dec()
			if err := next(c); err != nil {
				c.Error(err) // sends the answer now, so that the status below is the one sent
			}
			status, took := c.Response().Status, time.Since(start)
			route := labels.of(c)
			if !endless(c) || status != http.StatusOK { // how long somebody listens is not a response time
				times.observe(requestKind{methodLabel(c.Request().Method), route, cachedLabel(c.Response().Header()), status}, took)
			}
			level := slog.LevelDebug
			// A 503 means "later": most are shed requests, which are counted. If something is broken logCauses logs it.
			if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
				level = slog.LevelError
			}
			if !log.Enabled(c.Request().Context(), level) {
				return nil
			}
			log.LogAttrs(c.Request().Context(), level, "request",
				slog.String("method", c.Request().Method), slog.String("path", c.Request().URL.Path), slog.String("route", route),
				slog.String("remote", httpapi.ClientAddress(c.Request())), slog.Int("status", status), slog.Duration("took", took), slog.Int64("bytes", c.Response().Size),
				slog.String("request_id", c.Response().Header().Get(echo.HeaderXRequestID)))
			return nil
		}
	}
}

// logCauses logs why an answer is a 5xx, because the client is not told.
func logCauses(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			cause := httpapi.Cause(c)
			if cause == nil && err != nil && httpapi.StatusOf(err) >= http.StatusInternalServerError {
				cause = err
			}
			if cause != nil && !errors.Is(cause, admission.ErrShed) { // those are counted: a message for each would add load
				log.LogAttrs(c.Request().Context(), slog.LevelError, "request failed",
					slog.String("route", c.Path()), slog.String("query", c.Request().URL.RawQuery), slog.String("error", cause.Error()),
					slog.String("request_id", workedFor(c)))
			}
			return err
		}
	}
}

type starterKey struct{}

// startedBy records, in the context of work that many share, the request that started it.
func startedBy(ctx context.Context, answer http.Header) context.Context {
	return context.WithValue(ctx, starterKey{}, answer.Get(echo.HeaderXRequestID))
}

// workedFor is the id of the request for which the handler ran, or of the one that started it for all waiting requests.
func workedFor(c echo.Context) string {
	if id := c.Response().Header().Get(echo.HeaderXRequestID); id != "" {
		return id
	}
	id, _ := c.Request().Context().Value(starterKey{}).(string)
	return id
}

// headAsGet answers HEAD like GET; net/http itself leaves out the body.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := *r // a copy: the server must still know that it was HEAD
			get.Method = http.MethodGet
			r = &get
		}
		next.ServeHTTP(w, r)
	})
}

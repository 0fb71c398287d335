package app

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/admin"
	"openlearn/internal/cache"
)

// requestTimes is how long requests took to answer, for Prometheus and for the administration.
type requestTimes struct {
	vec *prometheus.HistogramVec

	mu       sync.RWMutex
	by       map[requestKind]prometheus.Histogram
	refusals int // how many of them are of 4xx
}

// mostRefusals bounds the kinds of refused requests that have a series of their own: clients choose how they are wrong, on
// every route. Others are counted together, by method and status.
const mostRefusals = 100

// requestKind is the labels of a request. Routes are templates: raw paths would be unbounded.
type requestKind struct {
	method, route, cached string
	status                int
}

func newRequestTimes(reg prometheus.Registerer) *requestTimes {
	t := &requestTimes{by: map[requestKind]prometheus.Histogram{}, vec: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "api_request_duration_seconds", Help: "Time to answer a request, by route and by how the HTTP cache answered it: HIT, MISS, STALE, BYPASS, or NONE where it had no part.",
		Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"method", "endpoint", "status", "cached"})}
	reg.MustRegister(cache.Exposed(t.vec, .0001, .00025, .0005, .001, .0025, .01, .05, .25, .5, 1, 5))
	return t
}

func (t *requestTimes) observe(k requestKind, took time.Duration) {
	t.mu.RLock()
	h := t.by[k]
	t.mu.RUnlock()
	if h == nil {
		h = t.add(k)
	}
	h.Observe(took.Seconds())
}

func (t *requestTimes) add(k requestKind) prometheus.Histogram {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.by[k]; h != nil {
		return h
	}
	if k.status >= 400 && k.status < 500 {
		if t.refusals >= mostRefusals {
			k = requestKind{k.method, "other", "NONE", k.status}
			if h := t.by[k]; h != nil {
				return h
			}
		}
		t.refusals++
	}
	h, ok := t.vec.WithLabelValues(k.method, k.route, strconv.Itoa(k.status), k.cached).(prometheus.Histogram)
	if !ok {
		panic(fmt.Sprintf("request times of %v are no histogram", k)) // client_golang's documentation says that they are
	}
	t.by[k] = h
	return h
}

// read returns the measurements so far, for the administration's comparison.
func (t *requestTimes) read() []admin.RouteTimes {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := make([]admin.RouteTimes, 0, len(t.by))
	for k, h := range t.by {
		out = append(out, admin.RouteTimes{Route: k.route, Answer: admin.Answer(k.cached), Times: cache.HistogramOf(h)})
	}
	return out
}

// endpoints are the methods and templates of all routes. A request with another method is not a request for the route, though
// its path is: clients may send any method, for every path.
type endpoints struct {
	once sync.Once
	has  map[routeKey]bool
}

type routeKey struct{ method, path string }

// of is the label of a request's route.
func (e *endpoints) of(c echo.Context) string {
	e.once.Do(func() { // at the first request all routes are there
		e.has = map[routeKey]bool{}
		for _, r := range c.Echo().Routes() {
			e.has[routeKey{r.Method, r.Path}] = true
		}
	})
	if e.has[routeKey{c.Request().Method, c.Path()}] {
		return c.Path()
	}
	return "unmatched"
}

package app

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"openlearn/internal/httpapi"
	"openlearn/internal/postgres"
)

// The bounds of one check of a component: a probe that hangs says nothing, and orchestrators give up after a second. Redis
// gets less, because the service is ready without it.
const (
	checkTimeout      = 800 * time.Millisecond
	redisCheckTimeout = 300 * time.Millisecond
)

// health answers the probes. Liveness checks nothing outside the process: restarting us repairs no database.
type health struct {
	db       *postgres.DB
	cache    *redis.Client
	draining *atomic.Bool // SIGTERM has come
	looks    singleflight.Group
}

// Component is the state of one component that the service needs.
type Component struct {
	Status         string  `json:"status" enum:"healthy,degraded,unhealthy"`
	Error          string  `json:"error,omitempty"`
	Detail         string  `json:"detail,omitempty"`
	ResponseTimeMS float64 `json:"response_time_ms"`
}

func (h *health) register(api *httpapi.API) {
	get := func(path, id, summary string) huma.Operation {
		return huma.Operation{
			Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{"health"},
			Middlewares: huma.Middlewares{notStored},
		}
	}
	for _, at := range []struct{ prefix, id string }{{"/health", "health"}, {"/api/health", "api-health"}} {
		huma.Register(api, get(at.prefix, at.id, "Whether the service runs"), h.overview)
		huma.Register(api, get(at.prefix+"/live", at.id+"-live", "Liveness: the process answers"), h.live)
		huma.Register(api, get(at.prefix+"/ready", at.id+"-ready", "Readiness: requests can be answered"), h.ready)
	}
}

// notStored keeps an answer out of every cache: it describes the current state.
func notStored(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	next(ctx)
}

type overviewOutput struct {
	Status int
	Body   struct {
		Status  string `json:"status" enum:"ok,degraded,unavailable"`
		Service string `json:"service"`
	}
}

func (h *health) overview(ctx context.Context, _ *struct{}) (*overviewOutput, error) {
	out := &overviewOutput{Status: http.StatusOK}
	out.Body.Service = "openlearn"
	switch db, cache := h.look(ctx); {
	case db.Error != "":
		out.Body.Status, out.Status = "unavailable", http.StatusServiceUnavailable
	case cache.Error != "":
		out.Body.Status = "degraded"
	default:
		out.Body.Status = "ok"
	}
	return out, nil
}

type liveOutput struct {
	Body struct {
		Alive     bool      `json:"alive"`
		Status    string    `json:"status"`
		Timestamp time.Time `json:"timestamp"`
	}
}

func (h *health) live(context.Context, *struct{}) (*liveOutput, error) {
	out := &liveOutput{}
	out.Body.Alive, out.Body.Status, out.Body.Timestamp = true, "healthy", time.Now().UTC()
	return out, nil
}

type readyOutput struct {
	Status int
	Body   struct {
		Ready          bool                 `json:"ready"`
		Status         string               `json:"status" enum:"healthy,degraded,unhealthy"`
		Checks         map[string]Component `json:"checks"`
		Timestamp      time.Time            `json:"timestamp"`
		ResponseTimeMS float64              `json:"response_time_ms"`
	}
}

// ready is 503 without PostgreSQL and while we shut down. It is ready but degraded without Redis, when everything is read
// from the source, and while PostgreSQL accepts no writes.
func (h *health) ready(ctx context.Context, _ *struct{}) (*readyOutput, error) {
	start := time.Now()
	db, cache := h.look(ctx)
	out := &readyOutput{Status: http.StatusOK}
	b := &out.Body
	b.Ready, b.Status = true, "healthy"
	b.Checks = map[string]Component{"database": db, "redis": cache}
	if cache.Error != "" {
		b.Status = "degraded"
	}
	if db.Error != "" {
		b.Ready, b.Status, out.Status = false, "unhealthy", http.StatusServiceUnavailable
	} else if db.Status == "degraded" {
		b.Status = "degraded"
	}
	if h.draining.Load() {
		b.Ready, b.Status, out.Status = false, "unhealthy", http.StatusServiceUnavailable
		b.Checks["process"] = Component{Status: "unhealthy", Error: "shutting down"}
	}
	b.Timestamp, b.ResponseTimeMS = time.Now().UTC(), milliseconds(time.Since(start))
	return out, nil
}

// components are the results of one check.
type components struct{ db, cache Component }

// look checks both at once. Concurrent probes share one check, so they cannot use up the connections; it belongs to no
// single probe and has its own bound.
func (h *health) look(ctx context.Context) (db, cache Component) {
	seen, _, _ := h.looks.Do("", func() (any, error) {
		ctx := context.WithoutCancel(ctx)
		done := make(chan Component, 1)
		go func() { done <- h.database(ctx) }()
		cache := check(ctx, redisCheckTimeout, func(ctx context.Context) error { return h.cache.Ping(ctx).Err() })
		return components{<-done, cache}, nil
	})
	c := seen.(components)
	return c.db, c.cache
}

// database checks whether PostgreSQL answers and accepts writes.
func (h *health) database(ctx context.Context) Component {
	readOnly := false
	c := check(ctx, checkTimeout, func(ctx context.Context) (err error) {
		readOnly, err = h.db.ReadOnly(ctx)
		return err
	})
	if readOnly {
		c.Status, c.Detail = "degraded", "takes no writes (read-only)"
	}
	return c
}

// check has its own texts for failures: driver errors name hosts and users, and probes are public.
func check(ctx context.Context, limit time.Duration, ping func(context.Context) error) Component {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	err := ping(ctx)
	c := Component{Status: "healthy", ResponseTimeMS: milliseconds(time.Since(start))}
	switch {
	case err == nil:
		return c
	case errors.Is(err, context.DeadlineExceeded):
		c.Error = "no answer within " + limit.String()
	default:
		c.Error = "cannot be reached"
	}
	c.Status = "unhealthy"
	return c
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

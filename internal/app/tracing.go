package app

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"

	"openlearn/internal/cache"
	"openlearn/internal/tracing"
)

// tracingConfig are OpenTelemetry's own variables, of which we read where to send and whether at all. Its library reads the
// others itself.
type tracingConfig struct {
	Endpoint       string `envconfig:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TracesEndpoint string `envconfig:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	Protocol       string `envconfig:"OTEL_EXPORTER_OTLP_PROTOCOL"`
	Exporter       string `envconfig:"OTEL_TRACES_EXPORTER"`
	Disabled       bool   `envconfig:"OTEL_SDK_DISABLED"`
}

// url is where spans are posted, "" for nowhere.
func (c tracingConfig) url() string {
	switch {
	case c.Disabled, c.Exporter == "none":
		return ""
	case c.TracesEndpoint != "":
		return c.TracesEndpoint
	case c.Endpoint != "":
		return strings.TrimRight(c.Endpoint, "/") + "/v1/traces"
	}
	return ""
}

func (c tracingConfig) validate() error {
	to := c.url()
	if to == "" {
		return nil
	}
	u, err := url.Parse(to)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return errors.New("OTEL_EXPORTER_OTLP_ENDPOINT: expected http://host:4318")
	case c.Protocol != "" && c.Protocol != "http/protobuf":
		return errors.New("OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf")
	case c.Exporter != "" && c.Exporter != "otlp":
		return errors.New("OTEL_TRACES_EXPORTER: expected otlp or none")
	}
	return nil
}

// tracesShutdown bounds the sending of the last spans.
const tracesShutdown = 3 * time.Second

func (a *App) startTracing(ctx context.Context) error {
	to := a.cfg.Tracing.url()
	if to == "" {
		return nil
	}
	var err error
	a.tracing, err = tracing.New(ctx, tracing.Options{Endpoint: to, Version: APIVersion, Registerer: a.registry, Logger: a.log})
	return err
}

func (a *App) stopTracing() {
	if a.tracing == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tracesShutdown)
	defer cancel()
	if err := a.tracing.Close(ctx); err != nil {
		a.log.Warn("traces are lost", "error", err) // no reason to end with an error
	}
}

// queryTracer shows statements to the metrics and, if there are any, to the spans.
func (a *App) queryTracer(metrics *queryMetrics) pgx.QueryTracer {
	if a.tracing == nil {
		return metrics
	}
	return multitracer.New(metrics, a.tracing.Queries())
}

// cacheTracer is nil, and costs the cache nothing, while tracing is off.
func (a *App) cacheTracer() cache.Tracer {
	if a.tracing == nil {
		return nil
	}
	return cacheSpans{a.tracing}
}

type cacheSpans struct{ tracing *tracing.Tracing }

func (c cacheSpans) Begin(ctx context.Context, op cache.Operation, layer string, n int) (context.Context, func(string, error)) {
	return c.tracing.Operation(ctx, string(op), layer, n)
}

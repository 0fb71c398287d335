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

// tracingConfig holds those of OpenTelemetry's own variables that say whether and where to send traces. Its library reads
// the others itself.
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

// Validate reports which variables are wrong.
func (c *tracingConfig) Validate() error {
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

func (c *core) startTracing(ctx context.Context) error {
	to := c.cfg.Tracing.url()
	if to == "" {
		return nil
	}
	var err error
	c.tracing, err = tracing.New(ctx, tracing.Options{Endpoint: to, Version: APIVersion, Registerer: c.registry, Logger: c.log})
	if err == nil {
		c.closers.addFunc(c.stopTracing)
	}
	return err
}

func (c *core) stopTracing() {
	ctx, cancel := context.WithTimeout(context.Background(), tracesShutdown)
	defer cancel()
	if err := c.tracing.Close(ctx); err != nil {
		c.log.Warn("traces are lost", "error", err) // not a reason to exit with an error
	}
}

// queryTracer passes statements to the metrics and, if tracing is on, to the spans.
func (c *core) queryTracer(metrics *queryMetrics) pgx.QueryTracer {
	if c.tracing == nil {
		return metrics
	}
	return multitracer.New(metrics, c.tracing.Queries())
}

// cacheTracer is nil, and costs the cache nothing, while tracing is off.
func (c *core) cacheTracer() cache.Tracer {
	if c.tracing == nil {
		return nil
	}
	return cacheSpans{c.tracing}
}

type cacheSpans struct{ tracing *tracing.Tracing }

func (c cacheSpans) Begin(ctx context.Context, op cache.Operation, layer string, n int) (context.Context, func(string, error)) {
	return c.tracing.Operation(ctx, string(op), layer, n)
}

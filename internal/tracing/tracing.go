// Package tracing makes OpenTelemetry spans for requests, cache operations and statements, and sends them by OTLP over
// HTTP. They contain route templates, layers, outcomes and statements without their arguments: no keys, no values, no
// paths, no personal data.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options configure a Tracing.
type Options struct {
	// Endpoint is where spans are posted, such as http://localhost:4318/v1/traces. Headers, timeout, compression,
	// certificates, sampler and batching are set by OpenTelemetry's own environment variables.
	Endpoint string
	// Version of the service, as an attribute of all spans.
	Version    string
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Tracing makes and sends spans. Close must follow.
type Tracing struct {
	tracer     trace.Tracer
	provider   *sdktrace.TracerProvider
	exporter   *exporter
	propagator propagation.TraceContext
}

// New starts to send spans. It does not wait for the collector: if that is away only spans are lost.
func New(ctx context.Context, o Options) (*Tracing, error) {
	sender, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
		Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: 15 * time.Second,
	}))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	// Later ones take precedence: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES may give another name.
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "openlearn"), attribute.String("service.version", o.Version)), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, errors.Join(fmt.Errorf("tracing: %w", err), sender.Shutdown(ctx))
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	e := &exporter{sender: sender, life: life, end: end, log: o.Logger}
	e.sent = prometheus.NewCounter(prometheus.CounterOpts{Name: "tracing_spans_sent_total", Help: "Spans that the collector took."})
	e.lost = prometheus.NewCounter(prometheus.CounterOpts{Name: "tracing_spans_lost_total", Help: "Spans that could not be sent."})
	for _, c := range []prometheus.Collector{e.sent, e.lost} {
		if err := o.Registerer.Register(c); err != nil {
			return nil, errors.Join(fmt.Errorf("tracing: register metrics: %w", err), e.Shutdown(ctx))
		}
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(e))
	return &Tracing{tracer: p.Tracer("openlearn"), provider: p, exporter: e}, nil
}

// Flush sends the waiting spans.
func (t *Tracing) Flush(ctx context.Context) error { return t.provider.ForceFlush(ctx) }

// Close sends the waiting spans as long as ctx allows, and then gives up at once.
func (t *Tracing) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, t.exporter.end) // a running export has its own timeouts and would outlive ctx
	defer stop()
	err := t.provider.Shutdown(ctx)
	t.exporter.end()
	if err != nil {
		return fmt.Errorf("tracing: the last spans were not sent: %w", err)
	}
	return nil
}

// exporter keeps failures away from OpenTelemetry's error handler, which is global to the process, and ends exports when it
// is shut down.
type exporter struct {
	sender     *otlptrace.Exporter
	life       context.Context
	end        context.CancelFunc
	log        *slog.Logger
	sent, lost prometheus.Counter
	failing    atomic.Bool
}

// ExportSpans sends a batch. A failure loses the batch, and is logged only once until sending works again.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	if err := e.sender.ExportSpans(ctx, spans); err != nil {
		e.lost.Add(float64(len(spans)))
		if e.failing.CompareAndSwap(false, true) {
			e.log.Warn("traces are lost: the collector does not take them", "spans", len(spans), "error", err)
		}
		return nil
	}
	e.sent.Add(float64(len(spans)))
	if e.failing.CompareAndSwap(true, false) {
		e.log.Info("the collector takes traces again")
	}
	return nil
}

// Shutdown ends the sender.
func (e *exporter) Shutdown(ctx context.Context) error {
	err := e.sender.Shutdown(ctx)
	e.end()
	return err
}

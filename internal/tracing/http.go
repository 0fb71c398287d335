package tracing

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Middleware makes a span for each request, as a child of the caller's if it sends a traceparent (W3C Trace Context), and
// answers with a traceresponse (its level 2 draft), so that the caller can find it. Probes and /metrics are left out: they
// would be most of the spans.
func (t *Tracing) Middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		route := c.Path()
		if route == "" {
			route = "unmatched"
		}
		if route == "/metrics" || strings.HasPrefix(strings.TrimPrefix(route, "/api"), "/health") {
			return next(c)
		}
		r := c.Request()
		method := methodName(r.Method)
		ctx := t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", method), attribute.String("http.route", route)))
		defer span.End()
		c.SetRequest(r.WithContext(ctx))
		h := c.Response().Header()
		out := propagation.MapCarrier{}
		t.propagator.Inject(ctx, out)
		h.Set("traceresponse", out.Get("traceparent"))
		err := next(c)
		if !span.IsRecording() {
			return err
		}
		status := c.Response().Status
		span.SetAttributes(attribute.Int("http.response.status_code", status), attribute.String("openlearn.request_id", h.Get(echo.HeaderXRequestID)))
		for name, header := range map[string]string{"openlearn.cache": "X-Cache", "openlearn.cache_status": "Cache-Status"} {
			if v := h.Get(header); v != "" {
				span.SetAttributes(attribute.String(name, v))
			}
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		return err
	}
}

// methodName bounds the number of span names: clients may invent methods.
func methodName(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "_OTHER"
}

package tracing

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// wanted reports whether ctx belongs to a sampled request. Work outside requests (the relay's polls, audits) makes no
// spans: these would be thousands of one-span traces an hour.
func wanted(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

func nothing(string, error) {}

// Operation makes a span for a cache operation on n entries of a layer ("" = none); end must be called with its outcome.
func (t *Tracing) Operation(ctx context.Context, operation, layer string, n int) (inside context.Context, end func(outcome string, err error)) {
	if !wanted(ctx) {
		return ctx, nothing
	}
	name, attrs := "cache "+operation, []attribute.KeyValue{attribute.String("cache.operation", operation), attribute.Int("cache.entries", n)}
	if layer != "" {
		name, attrs = name+" "+layer, append(attrs, attribute.String("cache.layer", layer))
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attrs...))
	return ctx, func(outcome string, err error) {
		if outcome != "" {
			span.SetAttributes(attribute.String("cache.outcome", outcome))
		}
		fail(span, err)
		span.End()
	}
}

// fail marks a span whose work failed. The text of an error may contain a key or a value, so only its kind is recorded.
func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	kind := "error"
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		kind = "SQLSTATE " + pg.Code
	case errors.Is(err, context.DeadlineExceeded):
		kind = "timeout"
	case errors.Is(err, context.Canceled):
		kind = "canceled"
	}
	span.SetAttributes(attribute.String("error.type", kind))
	span.SetStatus(codes.Error, kind)
}

// Queries makes spans for statements, as a tracer for pgx.
func (t *Tracing) Queries() pgx.QueryTracer { return queries{t.tracer} }

type queries struct{ tracer trace.Tracer }

type queryKey struct{}

// TraceQueryStart begins a span. Arguments are never recorded.
func (q queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if !wanted(ctx) {
		return ctx
	}
	text := statement(d.SQL)
	operation, _, _ := strings.Cut(text, " ")
	operation = strings.ToUpper(operation)
	name := operation
	if m := table.FindStringSubmatch(text); m != nil {
		name += " " + m[1]
	}
	ctx, span := q.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", operation), attribute.String("db.query.text", text)))
	return context.WithValue(ctx, queryKey{}, span)
}

// TraceQueryEnd ends it.
func (queries) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	span, ok := ctx.Value(queryKey{}).(trace.Span)
	if !ok {
		return
	}
	span.SetAttributes(attribute.Int64("db.response.returned_rows", d.CommandTag.RowsAffected()))
	if !errors.Is(d.Err, pgx.ErrNoRows) {
		fail(span, d.Err)
	}
	span.End()
}

var (
	literals = regexp.MustCompile(`'(?:[^']|'')*'`)
	table    = regexp.MustCompile(`(?i)\b(?:from|into|update)\s+"?([a-z_][a-z0-9_]*)`)
)

const longestStatement = 2000

// statement is SQL as it may be shown: it has placeholders for arguments, and its literals are left out.
func statement(sql string) string {
	text := strings.Join(strings.Fields(literals.ReplaceAllString(sql, "?")), " ")
	if len(text) > longestStatement {
		text = strings.ToValidUTF8(text[:longestStatement], "")
	}
	return text
}

// Logs adds trace_id and span_id to messages that are logged inside a span.
func Logs(h slog.Handler) slog.Handler { return logs{h} }

type logs struct{ slog.Handler }

func (l logs) Handle(ctx context.Context, r slog.Record) error {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", s.TraceID().String()), slog.String("span_id", s.SpanID().String()))
	}
	return l.Handler.Handle(ctx, r)
}

func (l logs) WithAttrs(attrs []slog.Attr) slog.Handler { return logs{l.Handler.WithAttrs(attrs)} }

func (l logs) WithGroup(name string) slog.Handler { return logs{l.Handler.WithGroup(name)} }

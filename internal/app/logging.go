package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/tracing"
)

func parseLevel(s string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return l, fmt.Errorf("log level %q: %w", s, err)
	}
	return l, nil
}

// NewLogger writes JSON lines to w: what `serve` does, for machines to read.
func NewLogger(w io.Writer, level string) *slog.Logger {
	l, err := parseLevel(level)
	if err != nil {
		l = slog.LevelInfo
	}
	return slog.New(tracing.Logs(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: withUnit})))
}

// withUnit writes a duration as "1.5s": JSON has it as a number otherwise, and nobody knows of what.
func withUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// NewConsoleLogger writes text lines to w: what `dev` and the commands do, for people to read.
func NewConsoleLogger(w io.Writer, level string) *slog.Logger {
	l, err := parseLevel(level)
	if err != nil {
		l = slog.LevelInfo
	}
	return slog.New(tracing.Logs(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})))
}

// quietRedis silences the Redis client, whose logger is one for the whole process and writes a line for every failed
// dial. What matters of it is told by the cache's breaker and by readiness.
var quietRedis = sync.OnceFunc(func() { redis.SetLogger(noLog{}) })

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

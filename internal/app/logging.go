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

// NewLogger makes the logger of `serve`, which writes JSON lines to w for machines to read.
func NewLogger(w io.Writer, level string) *slog.Logger {
	l, err := parseLevel(level)
	if err != nil {
		l = slog.LevelInfo
	}
	return slog.New(tracing.Logs(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: withUnit})))
}

// withUnit writes a duration as "1.5s": otherwise JSON has a number without a unit.
func withUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// NewConsoleLogger makes the logger of `dev` and the commands, which writes text lines to w for people to read.
func NewConsoleLogger(w io.Writer, level string) *slog.Logger {
	l, err := parseLevel(level)
	if err != nil {
		l = slog.LevelInfo
	}
	return slog.New(tracing.Logs(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})))
}

// quietRedis silences the Redis client, whose logger is global and writes a line for every failed dial. The cache's breaker
// and readiness report what matters.
var quietRedis = sync.OnceFunc(func() { redis.SetLogger(noLog{}) })

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

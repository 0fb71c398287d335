package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quieten adapts River's log to ours. Messages about its own parts are for debugging. While PostgreSQL is away each of its
// services logs an error with every poll, so a message with the same level and text is dropped within a minute of the last
// one.
func quieten(h slog.Handler) slog.Handler {
	return &quiet{h: h, said: &said{at: map[line]time.Time{}}}
}

const sayAgain = time.Minute

type line struct {
	level   slog.Level
	message string
}

type said struct {
	mu sync.Mutex
	at map[line]time.Time
}

type quiet struct {
	h    slog.Handler
	said *said
}

// Enabled asks the wrapped handler.
func (q *quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.h.Enabled(ctx, asDebug(level))
}

func asDebug(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}

// Handle passes a message on, unless the same was logged a moment ago.
func (q *quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = asDebug(r.Level)
	if r.Level >= slog.LevelWarn && !q.said.due(line{r.Level, r.Message}, r.Time) {
		return nil
	}
	return q.h.Handle(ctx, r)
}

// WithAttrs shares the memory of logged messages.
func (q *quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quiet{q.h.WithAttrs(attrs), q.said}
}

// WithGroup shares the memory of logged messages.
func (q *quiet) WithGroup(name string) slog.Handler { return &quiet{q.h.WithGroup(name), q.said} }

func (s *said) due(l line, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.at[l]) < sayAgain {
		return false
	}
	s.at[l] = now
	return true
}

package postgres

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// slowLog is gorm's logger. It logs slow statements as warnings and failed ones at debug level (the caller reports them),
// but never parameters, which may be secrets or whole articles. gorm's own slog logger prints them.
type slowLog struct {
	log  *slog.Logger
	slow time.Duration
}

func (l slowLog) LogMode(logger.LogLevel) logger.Interface { return l }

func (l slowLog) Info(ctx context.Context, msg string, _ ...any)  { l.log.DebugContext(ctx, msg) }
func (l slowLog) Warn(ctx context.Context, msg string, _ ...any)  { l.log.WarnContext(ctx, msg) }
func (l slowLog) Error(ctx context.Context, msg string, _ ...any) { l.log.ErrorContext(ctx, msg) }

// ParamsFilter keeps parameters out of the statement's text.
func (l slowLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// literals are quoted strings: gorm writes parameters into the statements that it reports for Scan, in spite of the filter.
var literals = regexp.MustCompile(`'(?:[^']|'')*'`)

func withoutLiterals(sql string) string {
	const longest = 1000
	sql = strings.Join(strings.Fields(literals.ReplaceAllString(sql, "?")), " ")
	if len(sql) > longest {
		sql = sql[:longest]
	}
	return sql
}

// Trace is called for every statement.
func (l slowLog) Trace(ctx context.Context, begin time.Time, statement func() (sql string, rows int64), err error) {
	took := time.Since(begin)
	failed := err != nil && !errors.Is(err, gorm.ErrRecordNotFound)
	if took < l.slow && !failed {
		return // the text is built only for statements that are logged
	}
	sql, rows := statement()
	attrs := []slog.Attr{slog.Duration("took", took), slog.Int64("rows", rows), slog.String("sql", withoutLiterals(sql))}
	level, msg := slog.LevelWarn, "slow statement"
	if failed {
		level, msg = slog.LevelDebug, "failed statement"
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	l.log.LogAttrs(ctx, level, msg, attrs...)
}

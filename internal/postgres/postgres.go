// Package postgres opens the database for all packages: one pgx pool, and gorm on top of the same pool.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/singleflight"
	gormpg "gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// DB holds the pool, views of it, and two connections beside it.
type DB struct {
	Pool *pgxpool.Pool
	Gorm *gorm.DB
	// Look and Work are for the outbox's relay and for readiness: a busy pool must not look like a server that is away.
	// Look is for queries, Work for short statements that change something.
	Look, Work *Dedicated

	sql    *sql.DB
	asking singleflight.Group // Ping
}

// Server-side timeouts on the connections beside the pool. The lock timeout is shorter than Look's statement timeout, so
// that a lock is reported as such.
const (
	lookStatement, lookLock = 400 * time.Millisecond, 300 * time.Millisecond
	workStatement, workLock = 2 * time.Second, 300 * time.Millisecond
	pingLimit               = 3 * time.Second
)

// Open builds the pool. It does not wait for the server: a database that is away now may be back at the first query, and
// until then readiness reports it. It returns an error only for a malformed URL.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*DB, error) {
	pool, err := OpenPool(ctx, cfg)
	if err != nil {
		return nil, err
	}
	sqlDB := sql.OpenDB(boundedConnector{stdlib.GetPoolConnector(pool), or(cfg.AcquireTimeout, time.Second)})
	sqlDB.SetMaxIdleConns(0) // idle connections are the pool's
	g, err := gorm.Open(gormpg.New(gormpg.Config{Conn: sqlDB}), &gorm.Config{
		QueryFields:            true, // name the columns: * would include generated ones that nobody reads, such as search vectors
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		TranslateError:         true,
		Logger:                 slowLog{log, or(cfg.SlowStatement, time.Second)},
		NowFunc:                func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: open gorm: %w", err)
	}
	d := &DB{Pool: pool, Gorm: g, sql: sqlDB}
	var errs [2]error
	d.Look, errs[0] = newDedicated(cfg, lookStatement, lookLock)
	d.Work, errs[1] = newDedicated(cfg, workStatement, workLock)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: open dedicated connections: %w", err), sqlDB.Close())
	}
	return d, nil
}

// OpenPool builds only a pool, for work that must not share one with requests. It does not wait for the server.
func OpenPool(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		// pgx's parse error repeats the connection string with the password redacted; the cause alone is safer still.
		return nil, errors.New("postgres: DATABASE_URL is not a valid connection string (expected postgres://user:password@host:5432/name)")
	}
	pc.MaxConns = or(cfg.MaxConns, 20)
	pc.ConnConfig.ConnectTimeout = or(cfg.ConnectTimeout, 5*time.Second)
	pc.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(or(cfg.StatementTimeout, 15*time.Second).Milliseconds())
	pc.ConnConfig.RuntimeParams["lock_timeout"] = fmt.Sprint(or(cfg.LockTimeout, 2*time.Second).Milliseconds())
	// An abandoned statement is cancelled in the server. pgx would only close the connection, which the server notices when
	// the statement is done.
	pc.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelPatience}
	}
	// The statement of a killed process ends while it runs, not when it would answer.
	pc.ConnConfig.RuntimeParams["client_connection_check_interval"] = "1s"
	pc.ConnConfig.RuntimeParams["application_name"] = or(cfg.Name, "openlearn")
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pc.ConnConfig.Tracer = cfg.Tracer
	pc.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		// Times are read in UTC, whatever zone this machine is in: the API prints them with Z.
		c.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("postgres: open pool: %w", err)
	}
	return pool, nil
}

// Ping asks the server for a sign of life, outside the pool.
func (d *DB) Ping(ctx context.Context) error {
	_, err := d.ReadOnly(ctx)
	return err
}

// ReadOnly asks, outside the pool, whether the server accepts no writes. Concurrent callers share one query, so that the
// relay waits for at most one, however many probes come.
func (d *DB) ReadOnly(ctx context.Context) (bool, error) {
	answer := d.asking.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), pingLimit)
		defer cancel()
		var readOnly bool
		err := d.Work.Do(ctx, func(ctx context.Context, c *pgx.Conn) error {
			return c.QueryRow(ctx, "SELECT current_setting('transaction_read_only')::boolean").Scan(&readOnly)
		})
		return readOnly, err
	})
	select {
	case a := <-answer:
		if a.Err != nil {
			return false, fmt.Errorf("postgres: ask whether it takes writes: %w", a.Err)
		}
		return a.Val.(bool), nil
	case <-ctx.Done():
		return false, fmt.Errorf("postgres: ask whether it takes writes: %w", ctx.Err())
	}
}

// Close closes all connections and returns when they are closed.
func (d *DB) Close() error {
	err := errors.Join(d.Look.close(), d.Work.close(), d.sql.Close())
	d.Pool.Close()
	return err
}

// Unavailable reports whether err means that the server cannot be reached now (as opposed to having refused the statement).
func Unavailable(err error) bool {
	if ce, ok := errors.AsType[*pgconn.ConnectError](err); ok && ce != nil {
		return true
	}
	if ne, ok := errors.AsType[*net.OpError](err); ok && ne != nil {
		return true
	}
	// A connection that broke during the statement; pgx has no type for the last.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || err != nil && strings.Contains(err.Error(), "conn closed") {
		return true
	}
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		// class 57P: admin_shutdown, crash_shutdown, cannot_connect_now; 53: too_many_connections
		return pe.Code[:2] == "53" || len(pe.Code) == 5 && pe.Code[:3] == "57P"
	}
	return false
}

// Refused reports whether the server will not have us, however long we wait: a wrong user, password or database
// (SQLSTATE classes 28 and 3D).
func Refused(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && len(pe.Code) == 5 && (pe.Code[:2] == "28" || pe.Code[:2] == "3D")
}

// TimedOut reports whether the server cancelled a statement because it took too long.
func TimedOut(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pe.Code == "57014"
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

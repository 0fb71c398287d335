package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Dedicated is one connection outside the pool, for questions that must not wait behind requests. It connects when it is
// first used, and again after it has broken.
type Dedicated struct {
	config *pgx.ConnConfig
	turn   chan struct{} // held by the user of conn
	conn   *pgx.Conn
	heard  atomic.Int64 // when the server last answered, ns since began
	began  time.Time
	closed bool
	ending sync.WaitGroup
}

// Bounds of a dedicated connection: on one attempt to connect, and on how long an idle connection may miss that its server
// has vanished silently.
const (
	dedicatedConnect = 2 * time.Second
	dedicatedClose   = time.Second
)

var dedicatedKeepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

// newDedicated makes one whose statements are bounded by the server, so that a lock leads to an error and not to a wait.
func newDedicated(cfg Config, statement, lock time.Duration) (*Dedicated, error) {
	cc, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	cc.ConnectTimeout = dedicatedConnect
	cc.DialFunc = (&net.Dialer{Timeout: dedicatedConnect, KeepAliveConfig: dedicatedKeepAlive}).DialContext
	cc.RuntimeParams["statement_timeout"] = strconv.FormatInt(statement.Milliseconds(), 10)
	cc.RuntimeParams["lock_timeout"] = strconv.FormatInt(lock.Milliseconds(), 10)
	cc.RuntimeParams["application_name"] = "openlearn outbox"
	cc.RuntimeParams["timezone"] = "UTC"
	cc.Tracer = cfg.Tracer
	d := &Dedicated{config: cc, turn: make(chan struct{}, 1), began: time.Now()}
	d.turn <- struct{}{}
	return d, nil
}

var errDedicatedClosed = errors.New("postgres: the connection has been closed for good")

// Do lends the connection, one caller at a time. do must tolerate running twice: that happens if the connection has broken
// since it was last used.
func (d *Dedicated) Do(ctx context.Context, do func(context.Context, *pgx.Conn) error) error {
	select {
	case <-d.turn:
	case <-ctx.Done():
		return fmt.Errorf("postgres: wait for the connection: %w", ctx.Err())
	}
	defer func() { d.turn <- struct{}{} }()
	for {
		fresh, err := d.connect(ctx)
		if err == nil {
			err = do(ctx, d.conn)
		}
		if Answered(err) {
			d.heard.Store(int64(time.Since(d.began)))
		}
		if d.conn != nil && d.conn.IsClosed() {
			d.drop()
			if !fresh && ctx.Err() == nil {
				continue
			}
		}
		return err
	}
}

// HeardSince reports whether the server has answered anything on this connection after t.
func (d *Dedicated) HeardSince(t time.Time) bool {
	at := d.heard.Load()
	return at != 0 && d.began.Add(time.Duration(at)).After(t)
}

func (d *Dedicated) connect(ctx context.Context) (fresh bool, err error) {
	if d.closed {
		return true, errDedicatedClosed
	}
	if d.conn != nil {
		return false, nil
	}
	d.conn, err = pgx.ConnectConfig(ctx, d.config)
	return true, err
}

// drop releases a broken connection. pgx may still be asking the server to cancel its statement.
func (d *Dedicated) drop() {
	done := d.conn.PgConn().CleanupDone()
	d.conn = nil
	d.ending.Go(func() { <-done }) // within 15 s, according to pgx
}

// close waits for the user of the connection, and for a bounded time for cleanups.
func (d *Dedicated) close() error {
	<-d.turn
	d.closed = true
	var err error
	if d.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), dedicatedClose)
		defer cancel()
		err = d.conn.Close(ctx)
		d.drop()
	}
	d.turn <- struct{}{}
	ended := make(chan struct{})
	go func() { d.ending.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(dedicatedClose):
	}
	return err
}

// Answered reports whether the server gave an answer, even a refusal. Errors from a server that is shutting down or
// starting up do not count, nor do those from a proxy in front of a server that is away.
func Answered(err error) bool {
	if err == nil || errors.Is(err, pgx.ErrNoRows) {
		return true
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && !strings.HasPrefix(refused.Code, "57P") && !strings.HasPrefix(refused.Code, "08")
}

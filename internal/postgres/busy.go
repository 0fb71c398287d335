package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrBusy means that waiting for a connection of the pool took too long: all were in use. It says nothing about the server.
var ErrBusy = errors.New("no connection of the pool was free in time")

// cancelPatience is how long the server has to confirm that it has cancelled a statement before the connection is given up.
const cancelPatience = time.Second

// boundedConnector bounds waits for a connection, however much time the caller has: an early error is better than a long
// wait.
type boundedConnector struct {
	driver.Connector
	atMost time.Duration
}

// Connect takes a connection from the pool.
func (b boundedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, b.atMost)
	defer cancel()
	c, err := b.Connector.Connect(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w (%v): %v", ErrBusy, b.atMost, err)
	}
	return c, err
}

// Refusing reports whether err means that the server, or our pool of connections to it, cannot do this now but may do it
// later: no connection was free, the table is locked, or the server accepts no writes (a standby, or read-only).
func Refusing(err error) bool {
	if errors.Is(err, ErrBusy) {
		return true
	}
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pe.Code == lockNotAvailable || pe.Code == readOnly)
}

// SQLSTATEs of errors that may go away later.
const lockNotAvailable, readOnly = "55P03", "25006"

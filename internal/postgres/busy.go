package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrBusy is a wait for a connection of the pool that took too long: all were in use. It tells nothing of the server.
var ErrBusy = errors.New("no connection of the pool was free in time")

// cancelPatience is how long the server gets to confirm that it has cancelled a statement, before the connection is given up.
const cancelPatience = time.Second

// boundedConnector bounds waits for a connection, whatever time their caller has: who waits long is better told so while
// the others' work goes on.
type boundedConnector struct {
	driver.Connector
	atMost time.Duration
}

// Connect takes a connection out of the pool.
func (b boundedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, b.atMost)
	defer cancel()
	c, err := b.Connector.Connect(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w (%v): %v", ErrBusy, b.atMost, err)
	}
	return c, err
}

// Refusing reports whether err means that the server, or our pool of connections to it, cannot do this now and may do it
// later: no connection was free, the table is locked, or the server takes no writes (a standby, or read-only).
func Refusing(err error) bool {
	if errors.Is(err, ErrBusy) {
		return true
	}
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pe.Code == lockNotAvailable || pe.Code == readOnly)
}

// SQLSTATEs of what may be done later.
const lockNotAvailable, readOnly = "55P03", "25006"

package httpcache

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// net/http writes through a buffer of 4 KiB, so that a larger response, be it ready in memory, leaves in two pieces: the
// header with the body's first bytes, then the rest. That is a system call more, and a client that wakes up twice. Whole
// keeps the first piece back for the moment in which the rest is on its way, and sends both in one call.

// pieceSize is net/http's buffer.
const pieceSize = 4 << 10

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// Whole lets a server send responses from memory in one piece. It changes the server's ConnContext and returns the
// listener to serve on. It belongs right on the listener that accepts: one call sends two pieces on a *net.TCPConn only. What
// is wrapped around its connections has a method NetConn, which returns the inner one.
func Whole(srv *http.Server, l net.Listener) net.Listener {
	inner := srv.ConnContext
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if inner != nil {
			ctx = inner(ctx, c)
		}
		for {
			if whole, ok := c.(*wholeConn); ok {
				return context.WithValue(ctx, wholeKey{}, whole)
			}
			outer, ok := c.(interface{ NetConn() net.Conn })
			if !ok {
				return ctx
			}
			c = outer.NetConn()
		}
	}
	return wholeListener{l}
}

type wholeKey struct{}

type wholeListener struct{ net.Listener }

func (l wholeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wholeConn{Conn: c}, nil
}

// wholeConn keeps one piece back between hold and release. These and Write are called by the one goroutine that serves
// the request.
type wholeConn struct {
	net.Conn
	holding bool
	kept    *[pieceSize]byte // nil = nothing is kept
	n       int
}

// NetConn is the connection beneath, for those who gave it.
func (c *wholeConn) NetConn() net.Conn { return c.Conn }

// holdBack is the request's connection, ready to keep a piece back; nil if it is none that can.
func holdBack(ctx context.Context) *wholeConn {
	c, _ := ctx.Value(wholeKey{}).(*wholeConn)
	if c != nil {
		c.holding = true
	}
	return c
}

// release sends what was kept, if nothing took it along.
func (c *wholeConn) release() {
	if c == nil {
		return
	}
	c.holding = false
	if c.kept != nil {
		_, _ = c.Write(nil) // the client's loss if it has gone
	}
}

func (c *wholeConn) Write(p []byte) (int, error) {
	switch {
	case c.kept != nil:
		return c.writeBoth(p)
	case c.holding && len(p) <= pieceSize:
		c.kept = pieces.Get().(*[pieceSize]byte)
		c.n = copy(c.kept[:], p)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *wholeConn) writeBoth(p []byte) (int, error) {
	first := c.kept
	c.kept = nil
	both := net.Buffers{first[:c.n], p}
	n, err := both.WriteTo(c.Conn)
	pieces.Put(first)
	return max(0, int(n)-c.n), err
}

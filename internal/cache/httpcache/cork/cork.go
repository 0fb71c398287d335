// Package cork sends responses from memory in one system call. net/http writes through a buffer of 4 KiB, so a larger
// response leaves in two pieces even if all of it is in memory: the header with the first bytes of the body, then the rest.
// That is one system call more, and a client that wakes up twice. This package keeps the first piece back until the rest
// is on its way, and sends both with one call.
package cork

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// bufferSize is net/http's.
const bufferSize = 4 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Wrap lets a server send responses from memory in one piece. It changes the server's ConnContext and returns the
// listener to serve on. Wrap the accepting listener directly: only on a *net.TCPConn can one call send two pieces.
// Whatever is wrapped around its connections must have a method NetConn that returns the inner one.
func Wrap(srv *http.Server, l net.Listener) net.Listener {
	inner := srv.ConnContext
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if inner != nil {
			ctx = inner(ctx, c)
		}
		for {
			if corked, ok := c.(*Conn); ok {
				return NewContext(ctx, corked)
			}
			outer, ok := c.(interface{ NetConn() net.Conn })
			if !ok {
				return ctx
			}
			c = outer.NetConn()
		}
	}
	return listener{l}
}

type key struct{}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c}, nil
}

// NewContext tells a server's requests which connection they came by; Wrap does so for all of them.
func NewContext(ctx context.Context, c *Conn) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// Conn keeps one piece back between Hold and Release. These and Write are called by the one goroutine that serves
// the request.
type Conn struct {
	net.Conn
	holding bool
	kept    *[bufferSize]byte // nil = nothing is kept
	n       int
}

// NetConn returns the wrapped connection.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Holding reports whether the next small write is kept back.
func (c *Conn) Holding() bool { return c.holding }

// Hold returns the request's connection, ready to keep a piece back; nil if it cannot.
func Hold(ctx context.Context) *Conn {
	c, _ := ctx.Value(key{}).(*Conn)
	if c != nil {
		c.holding = true
	}
	return c
}

// Release sends the piece that was kept, if no write has sent it.
func (c *Conn) Release() {
	if c == nil {
		return
	}
	c.holding = false
	if c.kept != nil {
		_, _ = c.Write(nil) // it fails only if the client has gone
	}
}

func (c *Conn) Write(p []byte) (int, error) {
	switch {
	case c.kept != nil:
		return c.writeBoth(p)
	case c.holding && len(p) <= bufferSize:
		c.kept = buffers.Get().(*[bufferSize]byte)
		c.n = copy(c.kept[:], p)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *Conn) writeBoth(p []byte) (int, error) {
	first := c.kept
	c.kept = nil
	both := net.Buffers{first[:c.n], p}
	n, err := both.WriteTo(c.Conn)
	buffers.Put(first)
	return max(0, int(n)-c.n), err
}

package cache

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// conns are the connections that reads and writes use, so that they can be
// closed when the server behind them has changed.
type conns struct {
	mu   sync.Mutex
	open map[*trackedConn]struct{}
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

func (s *conns) track(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		t := &trackedConn{Conn: conn, of: s}
		s.mu.Lock()
		s.open[t] = struct{}{}
		s.mu.Unlock()
		if raw, ok := conn.(syscall.Conn); ok { // go-redis checks the socket of idle connections
			return &rawTrackedConn{t, raw}, nil
		}
		return t, nil
	}
}

func (s *conns) closeAll() {
	s.mu.Lock()
	all := make([]*trackedConn, 0, len(s.open))
	for t := range s.open {
		all = append(all, t)
	}
	s.mu.Unlock()
	for _, t := range all {
		_ = t.Close()
	}
}

type trackedConn struct {
	net.Conn
	of *conns
}

func (t *trackedConn) Close() error {
	t.of.mu.Lock()
	delete(t.of.open, t)
	t.of.mu.Unlock()
	return t.Conn.Close()
}

type rawTrackedConn struct {
	*trackedConn
	raw syscall.Conn
}

func (t *rawTrackedConn) SyscallConn() (syscall.RawConn, error) { return t.raw.SyscallConn() }

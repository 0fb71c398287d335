package faults

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between one instance and one server. The zero condition passes everything on.
type proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	changed chan struct{} // closed when the condition changes
	is      condition
	conns   map[net.Conn]bool
	wg      sync.WaitGroup
}

// condition is what a proxy does to the traffic that passes through it.
type condition struct {
	delay  time.Duration // of the server's answers
	silent bool          // connections are accepted and nothing passes
	cut    bool          // connections are reset
}

func newProxy(target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &proxy{listener: l, target: target, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// set changes the proxy's condition.
func (p *proxy) set(c condition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.is = c
	close(p.changed)
	p.changed = make(chan struct{})
	if c.cut {
		for conn := range p.conns {
			reset(conn)
		}
	}
}

func (p *proxy) now() (condition, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.is, p.changed
}

// close ends all connections and waits.
func (p *proxy) close() error {
	err := p.listener.Close()
	p.set(condition{cut: true})
	p.wg.Wait()
	return err
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.wg.Go(func() { p.carry(conn) })
	}
}

// carry passes one connection on until either side ends it.
func (p *proxy) carry(client net.Conn) {
	if !p.keep(client) {
		return
	}
	defer p.drop(client)
	server, err := net.DialTimeout("tcp", p.target, 2*time.Second)
	if err != nil {
		reset(client)
		return
	}
	if !p.keep(server) {
		return
	}
	defer p.drop(server)
	var wg sync.WaitGroup
	both := func() { _ = client.Close(); _ = server.Close() }
	wg.Go(func() { p.copy(server, client, false); both() })
	wg.Go(func() { p.copy(client, server, true); both() })
	wg.Wait()
}

func (p *proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.is.cut {
		reset(conn)
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *proxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// chunk is what was read at once, and when it is passed on: each chunk has the delay, which does not add up over a
// pipeline.
type chunk struct {
	bytes []byte
	due   time.Time
}

func (p *proxy) copy(to, from net.Conn, delayed bool) {
	chunks := make(chan chunk, 1024)
	done := make(chan struct{})
	defer close(done)
	p.wg.Go(func() {
		defer close(chunks)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				is, _ := p.now()
				due := time.Now()
				if delayed {
					due = due.Add(is.delay)
				}
				select {
				case chunks <- chunk{buffer[:n], due}:
				case <-done:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for c := range chunks {
		if !p.pass(c.due) {
			return
		}
		if _, err := to.Write(c.bytes); err != nil {
			return
		}
	}
}

// pass waits until something due then may be passed on, and reports whether the connection still stands.
func (p *proxy) pass(due time.Time) bool {
	for {
		is, changed := p.now()
		if is.cut {
			return false
		}
		wait := time.Until(due)
		if !is.silent && wait <= 0 {
			return true
		}
		if is.silent {
			<-changed
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		}
		timer.Stop()
	}
}

// reset ends a connection so that its other side gets an error and not an end of file.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func TestTheProxy(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _, _ = io.Copy(conn, conn); _ = conn.Close() })
		}
	})
	p, err := newProxy(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.close(), l.Close()); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
	echo := func(conn net.Conn, limit time.Duration) (time.Duration, error) {
		began := time.Now()
		if err := conn.SetDeadline(began.Add(limit)); err != nil {
			return 0, err
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			return 0, err
		}
		_, err := io.ReadFull(conn, make([]byte, 1))
		return time.Since(began), err
	}
	conn, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := echo(conn, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	p.set(condition{delay: 80 * time.Millisecond})
	if took, err := echo(conn, 10*time.Second); err != nil || took < 80*time.Millisecond {
		t.Errorf("delayed: %v, %v", took, err)
	}
	p.set(condition{silent: true})
	if _, err := echo(conn, 50*time.Millisecond); err == nil {
		t.Error("silent, and it answers")
	}
	p.set(condition{})
	if _, err := io.ReadFull(conn, make([]byte, 0)); err != nil {
		t.Error(err)
	}
	if _, err := echo(conn, 10*time.Second); err != nil {
		t.Errorf("after the silence: %v", err)
	}
	whole, err := net.Dial("tcp", p.addr()) // an answer from the silent time may still come on the other
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	if _, err := echo(whole, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	p.set(condition{cut: true})
	if _, err := echo(whole, 10*time.Second); err == nil {
		t.Error("cut, and it answers")
	}
	if fresh, err := net.Dial("tcp", p.addr()); err == nil {
		if _, err := echo(fresh, 10*time.Second); err == nil {
			t.Error("cut, and a new connection answers")
		}
		_ = fresh.Close()
	}
}

package coherence

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// link is the connection between one instance and a server: it can be cut or
// slowed down.
type link struct {
	to    string
	l     net.Listener
	delay atomic.Int64 // ns, of the server's answers
	all   sync.WaitGroup

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{to: to, l: l, open: map[net.Conn]bool{}}
	k.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			k.all.Go(func() { k.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		k.setCut(true)
		k.all.Wait()
	})
	return k
}

func (k *link) addr() string { return k.l.Addr().String() }

// setCut ends all connections and refuses new ones, or lets them through again.
func (k *link) setCut(cut bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cut = cut
	if cut {
		for c := range k.open {
			_ = c.Close()
		}
	}
}

// admit registers a connection, so that a cut ends it.
func (k *link) admit(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.cut {
		k.open[c] = true
	}
	return !k.cut
}

func (k *link) leave(c net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, c)
	_ = c.Close()
}

func (k *link) carry(client net.Conn) {
	defer k.leave(client)
	if !k.admit(client) {
		return
	}
	server, err := net.Dial("tcp", k.to)
	if err != nil {
		return
	}
	defer k.leave(server)
	if !k.admit(server) {
		return
	}
	k.all.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		time.Sleep(time.Duration(k.delay.Load()))
		if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

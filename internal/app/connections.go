package app

import (
	"container/list"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// mostConnections bounds connections if descriptors do not: each costs memory too.
const mostConnections = 8192

// connectionLimit is how many connections are accepted: the limit of descriptors less those reserved for PostgreSQL, Redis
// and files; at least half of the limit.
func connectionLimit(cfg Config) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return mostConnections
	}
	return connectionsWithin(files.Cur, uint64(cfg.Redis.PoolSize)+uint64(cfg.Database.MaxConns)+uint64(cfg.Jobs.PoolSize))
}

func connectionsWithin(files, pools uint64) int {
	const others = 32 // the listener, the log, the relay's connections, dials under way
	keep := min(pools+others, files/2)
	return int(max(1, min(files-keep, mostConnections)))
}

// connections tracks the open connections. At the limit, the connection that has been idle for longest is closed to make room,
// so that idle connections shut nobody out.
type connections struct {
	net.Listener
	most, mostOfOne int

	mu    sync.Mutex
	count int
	ofOne map[string]int
	idle  *list.List // of *limitedConn, longest first
}

// limitConnections bounds the connections of a server, and those of one address to three quarters of that. It sets the
// server's ConnState, and returns the listener to serve on.
func limitConnections(srv *http.Server, l net.Listener, most int) net.Listener {
	cs := &connections{Listener: l, most: most, mostOfOne: max(1, most-most/4), ofOne: map[string]int{}, idle: list.New()}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		lc := limited(c)
		if lc == nil {
			return
		}
		switch state {
		case http.StateActive, http.StateHijacked:
			cs.busy(lc)
		case http.StateIdle:
			lc.in.begin()
			cs.rests(lc)
		}
	}
	return cs
}

// Accept accepts a connection, and closes an idle one if it must.
func (cs *connections) Accept() (net.Conn, error) {
	for {
		c, err := cs.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if lc, ok := cs.admit(c); ok {
			return lc, nil
		}
		_ = c.Close() // all are busy: refused at once
	}
}

func (cs *connections) admit(c net.Conn) (*limitedConn, bool) {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		host = c.RemoteAddr().String()
	}
	lc := &limitedConn{Conn: c, of: cs, host: host, in: newFraming()}
	cs.mu.Lock()
	var leaves *limitedConn
	switch {
	case cs.ofOne[host] >= cs.mostOfOne:
		leaves = cs.longestIdle(host)
	case cs.count >= cs.most:
		leaves = cs.longestIdle("")
	default:
		cs.enter(lc)
		cs.mu.Unlock()
		return lc, true
	}
	if leaves != nil {
		cs.leave(leaves)
		cs.enter(lc)
	}
	cs.mu.Unlock()
	if leaves == nil {
		return nil, false
	}
	_ = leaves.Conn.Close()
	return lc, true
}

// longestIdle returns the longest idle connection of host, or of any ("").
func (cs *connections) longestIdle(host string) *limitedConn {
	for e := cs.idle.Front(); e != nil; e = e.Next() {
		if lc := e.Value.(*limitedConn); host == "" || lc.host == host {
			return lc
		}
	}
	return nil
}

func (cs *connections) enter(lc *limitedConn) {
	cs.count++
	cs.ofOne[lc.host]++
	lc.at = cs.idle.PushBack(lc) // until its first byte
}

func (cs *connections) leave(lc *limitedConn) {
	if lc.gone {
		return
	}
	lc.gone = true
	cs.count--
	if cs.ofOne[lc.host]--; cs.ofOne[lc.host] == 0 {
		delete(cs.ofOne, lc.host)
	}
	cs.unlist(lc)
}

func (cs *connections) unlist(lc *limitedConn) {
	if lc.at != nil {
		cs.idle.Remove(lc.at)
		lc.at = nil
	}
}

func (cs *connections) busy(lc *limitedConn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.unlist(lc)
}

func (cs *connections) rests(lc *limitedConn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !lc.gone && lc.at == nil {
		lc.at = cs.idle.PushBack(lc)
	}
}

// limitedConn is a connection that counts towards the limit until it is closed.
type limitedConn struct {
	net.Conn
	of   *connections
	host string
	at   *list.Element // in idle; nil = busy
	gone bool

	in framing
}

// Read hands out what arrives, cut and without empty lines before requests: see framing.
func (lc *limitedConn) Read(b []byte) (int, error) { return lc.in.read(lc.Conn, b) }

// Close closes the connection and frees its place.
func (lc *limitedConn) Close() error {
	lc.of.mu.Lock()
	lc.of.leave(lc)
	lc.of.mu.Unlock()
	return lc.Conn.Close()
}

// NetConn is the connection beneath.
func (lc *limitedConn) NetConn() net.Conn { return lc.Conn }

// limited unwraps our connection from those that others have wrapped around it.
func limited(c net.Conn) *limitedConn {
	for c != nil {
		if lc, ok := c.(*limitedConn); ok {
			return lc
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = inner.NetConn()
	}
	return nil
}

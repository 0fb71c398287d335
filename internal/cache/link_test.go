package cache

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// link is a TCP link to a Redis that a test can watch and slow down.
type link struct {
	l      net.Listener
	target string
	hook   atomic.Pointer[func(args []string)] // sees each command before it is passed on
	delay  atomic.Int64                        // of each answer, in nanoseconds
	conns  atomic.Int64                        // made so far
	mu     sync.Mutex
	open   []net.Conn
	wg     sync.WaitGroup
}

func startLink(t testing.TB, target string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{l: l, target: target}
	k.wg.Go(k.accept)
	t.Cleanup(k.close)
	return k
}

func (k *link) before(f func(args []string)) {
	if f == nil {
		k.hook.Store(nil)
		return
	}
	k.hook.Store(&f)
}

func (k *link) client(t testing.TB) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: k.l.Addr().String()})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func (k *link) close() {
	_ = k.l.Close()
	k.mu.Lock()
	for _, c := range k.open {
		_ = c.Close()
	}
	k.mu.Unlock()
	k.wg.Wait()
}

func (k *link) accept() {
	for {
		c, err := k.l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", k.target)
		if err != nil {
			_ = c.Close()
			continue
		}
		k.conns.Add(1)
		k.mu.Lock()
		k.open = append(k.open, c, s)
		k.mu.Unlock()
		end := func() { _ = c.Close(); _ = s.Close() }
		k.wg.Go(func() { defer end(); k.there(c, s) })
		k.wg.Go(func() { defer end(); k.back(s, c) })
	}
}

// there passes commands on, one by one.
func (k *link) there(c, s net.Conn) {
	for r := bufio.NewReader(c); ; {
		raw, args, err := readCommand(r)
		if err != nil {
			return
		}
		if h := k.hook.Load(); h != nil {
			(*h)(args)
		}
		if _, err := s.Write(raw); err != nil {
			return
		}
	}
}

// back passes answers on, each piece with the delay of the link.
func (k *link) back(s, c net.Conn) {
	type piece struct {
		b   []byte
		due time.Time
	}
	pieces := make(chan piece, 1024)
	k.wg.Go(func() {
		for p := range pieces {
			time.Sleep(time.Until(p.due)) // the link's delay
			if _, err := c.Write(p.b); err != nil {
				_ = s.Close()
			}
		}
		_ = c.Close()
	})
	defer close(pieces)
	for {
		b := make([]byte, 32<<10)
		n, err := s.Read(b)
		if n > 0 {
			pieces <- piece{b[:n], time.Now().Add(time.Duration(k.delay.Load()))}
		}
		if err != nil {
			return
		}
	}
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) (raw []byte, args []string, err error) {
	line := func() (string, error) {
		b, err := r.ReadBytes('\n')
		raw = append(raw, b...)
		return strings.TrimSpace(string(b)), err
	}
	head, err := line()
	if err != nil {
		return nil, nil, err
	}
	n, err := strconv.Atoi(strings.TrimPrefix(head, "*"))
	if err != nil {
		return nil, nil, fmt.Errorf("not a command: %q", head)
	}
	for range n {
		size, err := line()
		if err != nil {
			return nil, nil, err
		}
		k, err := strconv.Atoi(strings.TrimPrefix(size, "$"))
		if err != nil {
			return nil, nil, err
		}
		b := make([]byte, k+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, nil, err
		}
		raw = append(raw, b...)
		args = append(args, string(b[:k]))
	}
	return raw, args, nil
}

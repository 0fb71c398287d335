package cork

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// writes records how many bytes each call passed to the connection under the wrapper.
type writes struct {
	net.Listener
	mu    sync.Mutex
	sizes []int
}

func (l *writes) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &writesConn{c, l}, err
}

type writesConn struct {
	net.Conn
	l *writes
}

func (c *writesConn) Write(p []byte) (int, error) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.sizes = append(c.l.sizes, len(p))
	return c.Conn.Write(p)
}

// serve serves h through Wrap; a request's sizes are those of the last answer's writes.
func serve(t *testing.T, h http.Handler) (url string, l *writes) {
	t.Helper()
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = &writes{Listener: inner}
	srv := &http.Server{Handler: h}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(Wrap(srv, l)) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + inner.Addr().String(), l
}

// Bodies of every size around the buffer's arrive as they are, in however many writes.
func TestResponsesArriveUnchanged(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", fmt.Sprint(n))
		}
		conn := Hold(r.Context())
		if conn == nil {
			t.Error("the connection cannot hold anything back")
		}
		_, _ = w.Write(pattern(n))
		conn.Release()
		_, _ = io.WriteString(w, "") // and nothing is different afterwards
	}))
	for _, query := range []string{"", "&length"} {
		sizes := []int{0, 1, 2047, 2048, 2049, 10_000, 200_000, 3 << 20}
		for n := bufferSize - 400; n <= bufferSize+20; n++ {
			sizes = append(sizes, n)
		}
		for _, n := range append(sizes, 2*bufferSize-200, 2*bufferSize-150, 2*bufferSize-100, 2*bufferSize, 2*bufferSize+1) {
			res, err := http.Get(fmt.Sprintf("%s/?n=%d%s", url, n, query)) //nolint:noctx // the test's own server
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err != nil || !bytes.Equal(got, pattern(n)) {
				t.Fatalf("%d bytes%s: got %d, %v", n, query, len(got), err)
			}
		}
	}
}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte('a' + i%23)
	}
	return p
}

// The purpose of the package: what net/http writes in two pieces leaves in one call. A net.Conn that is not a TCP
// connection gets the pieces one after the other, which is how the test sees them.
func TestWritesBothPiecesTogether(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	c := &Conn{Conn: near}
	read := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(far)
		read <- string(all)
	}()
	first, rest := strings.Repeat("a", bufferSize), strings.Repeat("b", 20_000)
	c.holding = true
	if n, err := c.Write([]byte(first)); n != bufferSize || err != nil || c.kept == nil {
		t.Fatalf("%d, %v: the first piece was not kept", n, err)
	}
	if n, err := c.Write([]byte(rest)); n != len(rest) || err != nil || c.kept != nil {
		t.Fatalf("%d, %v: the rest did not take the first piece along", n, err)
	}
	if _, err := c.Write([]byte("c")); err != nil || c.kept == nil {
		t.Fatalf("%v: nothing kept again", err)
	}
	c.Release()
	if c.kept != nil || c.holding {
		t.Fatal("released, and something is kept")
	}
	if n, err := c.Write([]byte("d")); n != 1 || err != nil {
		t.Fatalf("%d, %v: a write that nobody holds back", n, err)
	}
	_ = near.Close()
	if got := <-read; got != first+rest+"cd" {
		t.Fatalf("%d bytes arrived", len(got))
	}
	if n, err := c.Write([]byte("e")); n != 0 || err == nil {
		t.Fatalf("%d, %v after the end", n, err)
	}
}

// Streams are not held back: their handlers do not call Hold.
func TestLeavesStreamsAlone(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	url, l := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "data: x\n\n")
			_ = http.NewResponseController(w).Flush()
			<-more
		}
	}))
	res, err := http.Get(url) //nolint:noctx // the test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for range 3 {
		if line, err := in.ReadString('\n'); err != nil || line != "data: x\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		more <- struct{}{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sizes) < 3 || slices.Contains(l.sizes, 0) {
		t.Errorf("writes of %v bytes", l.sizes)
	}
}

package app

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestEmptyLinesBeforeARequestAreSkipped (RFC 9112 §2.2): on a new connection and between requests, whole or in pieces, one or two of them.
func TestEmptyLinesBeforeARequestAreSkipped(t *testing.T) {
	t.Parallel()
	const get, post = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n\r\nhm\n"
	for name, c := range map[string]struct {
		pieces []string // requests; each is sent, in two parts, when the answer to the one before it has come
		want   []string // bodies; "400" = refused
	}{
		"none":                 {[]string{get}, []string{"GET "}},
		"one":                  {[]string{"\r\n" + get}, []string{"GET "}},
		"two":                  {[]string{"\r\n\r\n" + get}, []string{"GET "}},
		"three":                {[]string{"\r\n\r\n\r\n" + get}, []string{"400"}},
		"a bare line feed":     {[]string{"\n" + get}, []string{"GET "}},
		"between requests":     {[]string{get, "\r\n" + get, "\r\n" + get}, []string{"GET ", "GET ", "GET "}},
		"after a body":         {[]string{post, "\r\n" + get}, []string{"POST \r\nhm\n", "GET "}},
		"not in a body":        {[]string{"\r\n" + post}, []string{"POST \r\nhm\n"}},
		"something before one": {[]string{" \r\n" + get}, []string{"400"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				_, _ = io.WriteString(w, r.Method+" "+string(b))
			})}
			l = connectionsOf(srv, l, 8)
			idle, tell := make(chan struct{}, 10), srv.ConnState
			srv.ConnState = func(c net.Conn, state http.ConnState) {
				if tell(c, state); state == http.StateIdle {
					idle <- struct{}{}
				}
			}
			served := make(chan struct{})
			go func() { defer close(served); _ = srv.Serve(l) }()
			t.Cleanup(func() { _ = srv.Close(); <-served })
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			for i, piece := range c.pieces {
				if i > 0 {
					<-idle // the server expects another request
				}
				half := 1
				for _, part := range []string{piece[:half], piece[half:]} {
					if _, err := io.WriteString(conn, part); err != nil {
						t.Fatal(err)
					}
				}
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("request %d: %v", i+1, err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				got := string(body)
				if res.StatusCode != http.StatusOK {
					got = "400"
				}
				if got != c.want[i] {
					t.Errorf("request %d: %d %q, want %q", i+1, res.StatusCode, body, c.want[i])
				}
			}
		})
	}
}

// pieces is a listener with one connection, whose client writes each piece into one read.
type pieces struct {
	net.Listener
	conns chan net.Conn
}

func (l pieces) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l pieces) Close() error { return nil }

// TestEmptyLinesBetweenRequestsThatAreSentTogether: requests of all kinds, pipelined, with empty lines between them, however the stream
// is cut. No byte of a body is lost.
func TestEmptyLinesBetweenRequestsThatAreSentTogether(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	blanks := []string{"", "\r\n", "\n", "\r\n\r\n", "\n\n"}
	bodies := []string{"\r\n", "\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", "hola", "\n", strings.Repeat("\r\nGET ", 2000)}
	for n := range 300 {
		var stream strings.Builder
		var want []string
		for i := range 1 + random.IntN(6) {
			stream.WriteString(blanks[random.IntN(len(blanks))])
			body, more := bodies[random.IntN(len(bodies))], strings.Repeat("x", random.IntN(2)*5000)
			kind := random.IntN(4)
			method := []string{"GET", "PATCH", "PUT", "POST"}[random.IntN(4)]
			switch kind {
			case 0, 1:
				body = ""
				fmt.Fprintf(&stream, "%s /%d HTTP/1.1\r\nHost: x\r\nX-More: %s\r\n\r\n", method, i, more)
			case 2:
				fmt.Fprintf(&stream, "%s /%d HTTP/1.1\nContent-length:%d\nHost: x\nX-More: %s\n\n%s", method, i, len(body), more, body)
			default:
				half, trailer := random.IntN(len(body)), []string{"", "X-Trailer: a\r\n", "A:1\r\nB:\r\n"}[random.IntN(3)]
				fmt.Fprintf(&stream, "%s /%d HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\n\r\n", method, i)
				for _, chunk := range []string{body[:half], body[half:]} {
					if chunk != "" {
						fmt.Fprintf(&stream, "%X;a=b\r\n%s\r\n", len(chunk), chunk)
					}
				}
				fmt.Fprintf(&stream, "0\r\n%s\r\n", trailer)
			}
			want = append(want, fmt.Sprintf("%s /%d %q", method, i, body))
		}
		var cut []string
		for rest := stream.String(); rest != ""; {
			at := len(rest)
			if n%3 > 0 {
				at = 1 + random.IntN(min(len(rest), []int{3, 3000}[n%3-1]))
			}
			cut, rest = append(cut, rest[:at]), rest[at:]
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			if got := answersTo(t, cut, len(want)); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%.3000q:\n%.2000s, want\n%.2000s", stream.String(), got, want)
			}
		})
	}
}

// answersTo sends a stream in pieces, and returns the bodies of n answers.
func answersTo(t *testing.T, cut []string, n int) (bodies []string) {
	t.Helper()
	far, near := net.Pipe()
	inner := pieces{conns: make(chan net.Conn, 1)}
	inner.conns <- far
	srv := &http.Server{ReadHeaderTimeout: 20 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, "%s %s %q", r.Method, r.URL, b)
	})}
	l := limitConnections(srv, inner, 8)
	served, sent := make(chan error, 1), make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	go func() {
		for _, piece := range cut {
			if _, err := io.WriteString(near, piece); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	defer func() {
		_ = near.Close()
		close(inner.conns) // srv.Close waits for Accept
		_ = srv.Close()
		if err := <-served; !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		<-sent
	}()
	if err := near.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(near)
	for range n {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("after %d answers: %v", len(bodies), err)
			return bodies
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s, %v: %.200s", res.Status, err, body)
			return bodies
		}
		bodies = append(bodies, string(body))
	}
	return bodies
}

// given is a connection that hands out what it was given, in pieces of some lengths.
type given struct {
	net.Conn
	left    []byte
	lengths []byte
}

func (g *given) Read(b []byte) (int, error) {
	if len(g.left) == 0 {
		return 0, io.EOF
	}
	n := len(g.left)
	if len(g.lengths) > 0 {
		n = 1 + int(g.lengths[0])
		g.lengths = g.lengths[1:]
	}
	n = copy(b[:min(n, len(b))], g.left)
	g.left = g.left[n:]
	return n, nil
}

// FuzzFraming: whatever arrives is handed out, but for the empty lines at the beginning.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"), []byte{1, 30})
	f.Add([]byte("PUT / HTTP/1.1\r\nTransfer-Encoding:chunked\r\n\r\n3\r\n\r\nx\r\n0\r\nA:\r\n\r\n\nGET / HTTP/1.1\n\n"), []byte{64, 2, 9})
	f.Add([]byte("POST / HTTP/1.1\nContent-Length: 5\n\n\n\nabcPUT / HTTP/1.1\r\ncontent-length:-1\r\n\r\n"), []byte{})
	f.Add([]byte("\n\n\n\n\n\nTransfer-Encoding: x\n\n:\n\n"), []byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream, lengths []byte) {
		in := newFraming()
		c := &given{left: bytes.Clone(stream), lengths: lengths}
		var got []byte
		for b := make([]byte, 64); ; {
			n, err := in.read(c, b)
			if got = append(got, b[:n]...); err != nil {
				break
			}
			if n == 0 {
				t.Fatal("nothing was read")
			}
		}
		want := stream
		for i := 0; i < mostBlank && len(want) > 0 && (want[0] == '\r' || want[0] == '\n'); i++ {
			want = want[1:]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

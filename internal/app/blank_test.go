package app

import (
	"bufio"
	"io"
	"net"
	"net/http"
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

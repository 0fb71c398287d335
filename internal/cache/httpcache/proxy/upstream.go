package proxy

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Transport is an http.Transport for a caching reverse proxy. It leaves content codings to the client. Where net/http
// gives up, on a response with a transfer coding that it does not know, this transport reads up to the connection's
// end, as RFC 9112 §6.3 prescribes.
func Transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.DisableCompression = true // what is stored is what was sent
	t.ForceAttemptHTTP2 = false
	t.MaxIdleConnsPerHost = 64
	// Below the 5 s after which many servers close an idle connection: a request with a body that meets a closing one
	// cannot be sent again.
	t.IdleConnTimeout = 3 * time.Second
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &headConn{Conn: c}, nil
	}
	return t
}

// headConn edits the heads of HTTP/1.1 responses as they are read. It relies on how http.Transport uses a connection: one
// request at a time, its head at the beginning of a Write, and the next only after the response was read. What is not
// plain HTTP/1.1 (TLS, a body that is still being sent) does not look like that and passes untouched.
type headConn struct {
	net.Conn
	expect atomic.Bool // a request was written, its response's head has not been read
	raw    []byte      // read while expecting a head
	ready  []byte      // to be handed out
}

// maxHead bounds what is held back while looking for a head's end.
const maxHead = 64 << 10

var headEnd = []byte("\r\n\r\n")

func (c *headConn) Write(b []byte) (int, error) {
	line, _, _ := bytes.Cut(b[:min(len(b), 4<<10)], []byte("\r\n"))
	if bytes.HasSuffix(line, []byte(" HTTP/1.1")) {
		c.expect.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *headConn) Read(b []byte) (int, error) {
	if len(c.ready) == 0 && !c.expect.Load() {
		n, err := c.Conn.Read(b)
		if n == 0 || !c.expect.Load() {
			return n, err
		}
		c.raw = append(c.raw, b[:n]...) // the read had begun before the request was written
	}
	for len(c.ready) == 0 {
		if err := c.readHead(); err != nil && len(c.ready) == 0 {
			return 0, err
		}
	}
	n := copy(b, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// readHead moves one head from raw to ready, edited, and all the rest after a final one. Anything that is not a head
// passes as it is.
func (c *headConn) readHead() error {
	start := []byte("HTTP/1.")
	for {
		if end := bytes.Index(c.raw, headEnd); end >= 0 && bytes.HasPrefix(c.raw, start) {
			head, rest := c.raw[:end+len(headEnd)], c.raw[end+len(headEnd):]
			c.ready, c.raw = editHead(head), rest
			if !interimHead(head) {
				c.pass()
			}
			return nil
		}
		if len(c.raw) > maxHead || !bytes.HasPrefix(c.raw, start[:min(len(c.raw), len(start))]) {
			c.pass()
			return nil
		}
		buf := make([]byte, 4<<10)
		n, err := c.Conn.Read(buf)
		c.raw = append(c.raw, buf[:n]...)
		if err != nil {
			c.pass()
			return err
		}
	}
}

// pass hands out what was read and stops looking for heads until the next request.
func (c *headConn) pass() {
	c.expect.Store(false)
	c.ready, c.raw = append(c.ready, c.raw...), nil
}

func interimHead(head []byte) bool {
	_, status, _ := bytes.Cut(head, []byte(" "))
	return len(status) > 0 && status[0] == '1' && !bytes.HasPrefix(status, []byte("101"))
}

// editHead drops a Transfer-Encoding whose last coding is not chunked, and has the connection closed after the response.
func editHead(head []byte) []byte {
	var out []byte
	for line := range bytes.SplitSeq(head[:len(head)-4], []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(name, []byte("Transfer-Encoding")) && !lastIsChunked(value) {
			line = []byte("Connection: close")
		}
		out = append(append(out, line...), "\r\n"...)
	}
	return append(out, "\r\n"...)
}

func lastIsChunked(value []byte) bool {
	if i := bytes.LastIndexByte(value, ','); i >= 0 {
		value = value[i+1:]
	}
	return bytes.EqualFold(bytes.Trim(value, " \t"), []byte("chunked"))
}

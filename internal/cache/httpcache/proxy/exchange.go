package proxy

import (
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"openlearn/internal/cache/httpcache/rules"
)

// exchange is one request to the upstream handler: the ResponseWriter it writes to. It decides at the final status
// whether the response goes to the client as it comes, with a copy for the store, or is held back, because a 304, a part
// or an error is answered from what is stored.
type exchange struct {
	client http.ResponseWriter // nil: nobody is waiting (a refresh in the background)
	hold   func(status int, h http.Header) bool
	before func(status int, h http.Header) (keep bool) // edits the fields that go to the client; keep the body?
	// whole is called once all of a response that is not held has come, before the client can know that it has, so that
	// the client's next request finds it stored. Where the upstream names no length, that is when the handler has
	// returned. nil = not of interest.
	whole func()
	// tooLarge is called when more than limit has come of a response that was to be kept. nil = not of interest.
	tooLarge func()
	head     bool // the request was a HEAD: no body follows
	limit    int
	now      func() time.Time

	header  http.Header
	got     http.Header // fields as upstream gave them
	status  int
	clocks  rules.Clocks
	body    []byte
	keep    bool // the body is being copied
	held    bool
	large   bool // more than limit
	written int64
	length  int64 // as Content-Length says, -1 if it does not
	failed  error // the upstream could not be asked
	sendErr error // the client went away
}

var (
	_ http.ResponseWriter = (*exchange)(nil)
	_ http.Flusher        = (*exchange)(nil)
)

func (x *exchange) Header() http.Header { return x.header }

// WriteHeader passes interim responses straight to the client, and takes the first final status as the response's.
func (x *exchange) WriteHeader(status int) {
	if x.status != 0 {
		return
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		x.interim(status)
		return
	}
	x.status = status
	x.clocks.Responded = x.now()
	x.got = x.header.Clone()
	x.held = x.hold != nil && (x.failed != nil || x.hold(status, x.got))
	if x.held {
		x.keep = true
		return
	}
	x.keep = x.before(status, x.header)
	x.length = x.declared()
	x.arrived()
	if x.client == nil {
		return
	}
	out := x.client.Header()
	maps.Copy(out, x.header)
	x.client.WriteHeader(status)
}

// interim passes a 1xx on at once; it is never stored. Frameworks' writers may take it for the final status, so it goes to
// the innermost one.
func (x *exchange) interim(status int) {
	if x.client == nil {
		return
	}
	w := x.client
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = outer.Unwrap()
	}
	h := w.Header()
	saved := h.Clone()
	maps.Copy(h, x.header)
	w.WriteHeader(status)
	clear(h)
	maps.Copy(h, saved)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	x.written += int64(len(b))
	if x.keep {
		if len(x.body)+len(b) > x.limit {
			x.keep, x.large, x.body = false, true, nil
			if x.tooLarge != nil {
				x.tooLarge()
			}
		} else {
			x.body = append(x.body, b...)
		}
	}
	x.arrived()
	if x.held || x.client == nil {
		if x.large && x.client == nil {
			return 0, errTooLarge // nobody reads it and it will not be stored
		}
		return len(b), nil
	}
	n, err := x.client.Write(b)
	if err != nil {
		x.sendErr = err
	}
	return n, err
}

var errTooLarge = errors.New("httpcache: response is larger than what may be stored")

// declared is how many bytes of body follow, -1 if the upstream does not say.
func (x *exchange) declared() int64 {
	if x.head || rules.Bodiless(x.status) {
		return 0
	}
	n, err := strconv.ParseInt(x.got.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// arrived calls whole if this was the last of the response.
func (x *exchange) arrived() {
	if x.whole == nil || x.held || x.written != x.length {
		return
	}
	whole := x.whole
	x.whole = nil
	whole()
}

// Flush implements http.Flusher.
func (x *exchange) Flush() { _ = x.FlushError() }

// FlushError sends on what was written so far, as http.ResponseController asks for it.
func (x *exchange) FlushError() error {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if x.held || x.client == nil {
		return nil
	}
	return http.NewResponseController(x.client).Flush()
}

// Unwrap lets http.ResponseController set deadlines on the client's connection or take it over (101).
func (x *exchange) Unwrap() http.ResponseWriter { return x.client }

// UpstreamFailed marks the response as one made up because the upstream did not answer.
func (x *exchange) UpstreamFailed(err error) { x.failed = err }

// UpstreamFailed is for a handler that could not reach its upstream (an httputil.ReverseProxy's ErrorHandler): the cache
// around it, if there is one, may then serve what it has stored. Call it before writing the 502 that others get.
func UpstreamFailed(w http.ResponseWriter, err error) {
	for w != nil {
		if x, ok := w.(interface{ UpstreamFailed(error) }); ok {
			x.UpstreamFailed(err)
			return
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}

// complete reports whether the whole response arrived: as many bytes as Content-Length says, none lost because the
// client left.
func (x *exchange) complete(r *http.Request) bool {
	if x.status == 0 || x.failed != nil || x.large || x.sendErr != nil || r.Context().Err() != nil {
		return false
	}
	declared := x.got.Get("Content-Length")
	if declared == "" || r.Method == http.MethodHead || rules.Bodiless(x.status) {
		return true
	}
	n, err := strconv.ParseInt(declared, 10, 64)
	return err == nil && n == x.written
}

package httpcache

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/cache"
)

// Middleware is the cache for an Echo, to be used inside of what belongs to one request or client alone (request ids,
// limits, CORS): what is outside runs for each, what is inside once for all. Routes are recognised by their template. HEAD
// is for a wrapper around the Echo to turn into GET, since a router that only knows GET has found another handler for it.
func (s *Service) Middleware() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			rt := s.routes[c.Path()]
			r := c.Request()
			if rt == nil || r.Method != http.MethodGet {
				return next(c)
			}
			p := Params{names: c.ParamNames(), values: append([]string(nil), c.ParamValues()...)}
			v, why := s.prepare(rt, r, &p)
			c.SetParamValues(p.values...)
			direct := func() error { return next(c) }
			if why != "" {
				return s.pass(rt, c.Response(), why, direct)
			}
			e, handler := c.Echo(), c.Handler()
			q := &call{selection: v, handle: func(w http.ResponseWriter, r *http.Request) error {
				inner := e.NewContext(r, w)
				inner.SetPath(rt.Path)
				inner.SetParamNames(v.params.names...)
				inner.SetParamValues(v.params.values...)
				inner.SetHandler(handler)
				if err := next(inner); err != nil {
					e.HTTPErrorHandler(err, inner)
				}
				return nil
			}}
			return s.serve(c.Response(), r, q, direct)
		}
	}
}

// Wrap is the cache around any handler. Routes are recognised by comparing paths with the table in its order.
func (s *Service) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt, values := s.find(r)
		if rt == nil {
			next.ServeHTTP(w, r)
			return
		}
		own := *r
		u := *r.URL
		own.URL = &u
		p := Params{names: rt.names(), values: values}
		v, why := s.prepare(rt, &own, &p)
		if path := rt.path(p.values); u.EscapedPath() != path {
			own.URL.Path, own.URL.RawPath = pathOf(path), path
		}
		direct := func() error {
			next.ServeHTTP(w, &own)
			return nil
		}
		if why == "" {
			q := &call{selection: v, handle: func(w http.ResponseWriter, r *http.Request) error {
				next.ServeHTTP(w, r)
				return nil
			}}
			if err := s.serve(w, &own, q, direct); err != nil {
				s.log.Error("cached route failed", "route", rt.Path, "error", err)
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
			return
		}
		_ = s.pass(rt, w, why, direct) // direct returns nil
	})
}

func (s *Service) find(r *http.Request) (*route, []string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, nil
	}
	for _, rt := range s.list {
		if values, ok := rt.match(r.URL.Path); ok {
			return rt, values
		}
	}
	return nil, nil
}

// pass lets the handler answer this request itself.
func (s *Service) pass(rt *route, w http.ResponseWriter, why string, direct func() error) error {
	h := w.Header()
	if why == "credentials" {
		h.Set("Cache-Control", "private, no-store")
	}
	o := outcome{cache: Bypass, fwd: "bypass", detail: why}
	o.mark(h)
	s.met.refused.WithLabelValues(rt.Path, why).Inc()
	return direct()
}

// serve answers from the engine.
func (s *Service) serve(w http.ResponseWriter, r *http.Request, q *call, direct func() error) error {
	start := time.Now()
	rep, info, err := s.answers.GetPlaced(s.opt.Started(r.Context(), w.Header()), &q.place, q)
	o := outcomeOf(info)
	if err != nil {
		var pass *passError
		var failed *failure
		switch {
		case errors.As(err, &failed):
			rep, o = failed.rep, outcome{cache: Miss, fwd: "miss", status: failed.rep.status}
		case errors.As(err, &pass):
			return s.pass(q.rt, w, pass.why, direct)
		case errors.Is(err, errAborted):
			panic(http.ErrAbortHandler) // cut this connection as the handler wanted its own cut
		case errors.Is(err, cache.ErrClosed), errors.Is(err, cache.ErrInvalidKey):
			return s.pass(q.rt, w, "cache", direct)
		default:
			return err
		}
	}
	if o.cache == Hit {
		q.rt.seen.asked(q.id)
	}
	n, enc := s.send(w, r, q.rt, rep, &o, info)
	q.rt.answered(o.cache, time.Since(start))
	if n > 0 {
		s.met.sizes(q.rt, enc).Observe(float64(n))
	}
	return nil
}

func outcomeOf(info cache.Info) outcome {
	switch {
	case info.Stale:
		return outcome{cache: Stale, detail: "stale"}
	case info.Source == cache.FromBypass:
		return outcome{cache: Bypass, fwd: "bypass"}
	case info.Source == cache.FromSource:
		return outcome{cache: Miss, fwd: "miss", stored: !info.StoredAt().IsZero()}
	}
	return outcome{cache: Hit}
}

var (
	revalidate = []string{"public, no-cache"}
	noStore    = []string{"no-store"}
)

// send writes a representation: in the coding the client likes best, or as a 304 if it has just that.
func (s *Service) send(w http.ResponseWriter, r *http.Request, rt *route, rep *representation, o *outcome, info cache.Info) (sent int, enc string) {
	form := s.coder.pick(rep, r.Header["Accept-Encoding"])
	h := w.Header()
	for name, values := range rep.header {
		h[name] = values
	}
	if len(h["Vary"]) == 0 {
		h["Vary"] = rt.vary[:len(rt.vary):len(rt.vary)]
	} else {
		for _, name := range rt.vary {
			addVary(h, name)
		}
	}
	status, body := rep.status, form.body
	switch {
	case status == http.StatusOK:
		h["Cache-Control"], h["Etag"] = revalidate, form.etag
		if fresh(r.Header, rep, form) {
			status, body = http.StatusNotModified, nil
			delete(h, "Content-Type")
			delete(h, "Content-Disposition")
			delete(h, "Content-Language")
		}
	case status >= http.StatusInternalServerError:
		h["Cache-Control"] = noStore
	default:
		h["Cache-Control"] = revalidate
	}
	if at := info.StoredAt(); !at.IsZero() && o.fwd == "" {
		setAge(h, s.opt.Now().Sub(at))
	}
	o.mark(h)
	enc = "identity"
	if status != http.StatusNotModified && !bodiless(status) {
		h["Content-Length"] = form.length
		if form.encoding != nil {
			h["Content-Encoding"], enc = form.encoding, form.encoding[0]
		}
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead || len(body) == 0 {
		return 0, enc
	}
	defer holdBack(r.Context()).release()
	sent, _ = w.Write(body) // the client's loss if it has gone
	return sent, enc
}

// fresh evaluates the client's preconditions against the form it would get now (RFC 9110 §13.2.2).
func fresh(h http.Header, rep *representation, form *coded) bool {
	if lines := h["If-None-Match"]; len(lines) > 0 {
		return anyMatches(lines, form.etag[0])
	}
	if len(h["If-Modified-Since"]) == 0 || len(rep.header["Last-Modified"]) == 0 {
		return false
	}
	now := time.Now() // only decides the century of two-digit years
	since, ok := dateOf(h["If-Modified-Since"], now)
	modified, ok2 := dateOf(rep.header["Last-Modified"], now)
	return ok && ok2 && !modified.After(since)
}

// addVary adds a name to Vary unless it is there: middleware outside may have added theirs.
func addVary(h http.Header, name string) {
	lines := h["Vary"]
	for _, line := range lines {
		if line == name || strings.Contains(line, ",") && containsFold(listMembers([]string{line}), name) {
			return
		}
	}
	h["Vary"] = append(lines[:len(lines):len(lines)], name)
}

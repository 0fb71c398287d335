package service

import (
	"errors"
	"math"
	"net/http"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache/cork"
	"openlearn/internal/cache/httpcache/rules"
)

// Request is one GET of a cached route, with its parameters in canonical form. Adapters for routers make it with
// Service.Request and answer with Serve; Wrap does so for a plain http.Handler.
type Request struct {
	s      *Service
	rt     *route
	v      *selection
	params Params
	why    string // the request passes by
}

// Handler answers a request, or returns an error that it leaves to whoever called Serve.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Request begins a request on the route with this template; ok is false if the table does not have it or r is not a
// GET. names and values are those of the path. The query of r is rewritten to its canonical form. A wrapper around the
// router must turn HEAD into GET, since a router that only knows GET has found another handler for it.
func (s *Service) Request(template string, r *http.Request, names, values []string) (q Request, ok bool) {
	rt := s.routes[template]
	if rt == nil || r.Method != http.MethodGet {
		return Request{}, false
	}
	q = Request{s: s, rt: rt, params: Params{names: names, values: append([]string(nil), values...)}}
	q.v, q.why = s.prepare(rt, r, &q.params)
	return q, true
}

// Template is the route's template.
func (q *Request) Template() string { return q.rt.Path }

// Names are the names of the path's values.
func (q *Request) Names() []string { return q.params.names }

// Values are the path's values, in canonical form.
func (q *Request) Values() []string { return q.params.values }

// Serve answers from the cache. shared runs for all who wait, on a request and a writer that belong to no client, and may
// outlive this request; own answers this client alone, where the cache cannot.
func (q *Request) Serve(w http.ResponseWriter, r *http.Request, shared Handler, own func() error) error {
	switch q.why {
	case "":
	case reasonCredentials:
		return q.s.personal(w, r, q.rt, shared, own)
	default:
		return q.s.pass(q.rt, w, q.why, own)
	}
	return q.s.serve(w, r, &call{selection: q.v, handle: shared}, own)
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
		q := Request{s: s, rt: rt, v: v, params: p, why: why}
		shared := func(w http.ResponseWriter, r *http.Request) error {
			next.ServeHTTP(w, r)
			return nil
		}
		switch err := q.Serve(w, &own, shared, direct); {
		case errors.Is(err, ErrPreconditionFailed):
			http.Error(w, http.StatusText(http.StatusPreconditionFailed), http.StatusPreconditionFailed)
		case err != nil:
			s.log.Error("cached route failed", "route", rt.Path, "error", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
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
	if why == reasonCredentials {
		h["Cache-Control"] = private
	}
	o := rules.Outcome{Cache: rules.Bypass, Fwd: "bypass", Detail: why}
	s.marker.Mark(h, &o)
	s.met.refused.WithLabelValues(rt.Path, why).Inc()
	return direct()
}

// serve answers from the engine.
func (s *Service) serve(w http.ResponseWriter, r *http.Request, q *call, direct func() error) error {
	start := time.Now()
	rep, info, err := s.answers.GetPlaced(s.opt.Started(r.Context(), w.Header()), &q.place, q)
	o := s.outcomeOf(info)
	if err != nil {
		var pass *passError
		var failed *failure
		switch {
		case errors.As(err, &failed):
			rep, o = failed.rep, rules.Outcome{Cache: rules.Miss, Fwd: "miss", Status: failed.rep.status}
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
	if o.Cache == rules.Hit {
		q.rt.seen.asked(q.id)
	}
	n, enc, err := s.send(w, r, &answer{rt: q.rt, v: q.selection, rep: rep, info: info, held: s.confirmed(r.Context(), q, rep, info)}, &o)
	if err != nil {
		return err
	}
	q.rt.answered(o.Cache, time.Since(start))
	if n > 0 {
		s.met.sizes(q.rt, enc).Observe(float64(n))
	}
	return nil
}

func (s *Service) outcomeOf(info cache.Info) rules.Outcome {
	switch {
	case info.Stale:
		return rules.Outcome{Cache: rules.Stale, Detail: "stale", TTL: s.left(info), HasTTL: true}
	case info.Source == cache.FromBypass:
		return rules.Outcome{Cache: rules.Bypass, Fwd: "bypass"}
	case info.Source == cache.FromSource:
		return rules.Outcome{Cache: rules.Miss, Fwd: "miss", Stored: !info.StoredAt().IsZero()}
	}
	return rules.Outcome{Cache: rules.Hit, TTL: s.left(info), HasTTL: true}
}

// left is how long a stored answer stays fresh, in whole seconds; negative once it is stale.
func (s *Service) left(info cache.Info) time.Duration {
	return time.Duration(math.Floor(info.Expires().Sub(s.opt.Now()).Seconds())) * time.Second
}

var (
	revalidate = []string{"public, no-cache"}
	noStore    = []string{"no-store"}
	private    = []string{"private, no-cache"} // its sender may keep it, and asks each time whether it is current
)

// answer is what is sent to one client.
type answer struct {
	rt         *route
	v          *selection // nil for personal answers
	rep        *representation
	info, held cache.Info // where it comes from, and how it is stored
	personal   bool       // no other client may have it
}

// send writes a representation: in the coding the client prefers, or as a 304 if it has exactly that.
func (s *Service) send(w http.ResponseWriter, r *http.Request, a *answer, o *rules.Outcome) (sent int, enc string, err error) {
	rt, rep, info := a.rt, a.rep, a.info
	form := s.coder.pick(rep, r.Header["Accept-Encoding"])
	h := w.Header()
	for name, values := range rep.header {
		h[name] = values
	}
	if len(h["Vary"]) == 0 {
		h["Vary"] = rt.vary[:len(rt.vary):len(rt.vary)]
	} else {
		for _, name := range rt.vary {
			rules.AddVary(h, name)
		}
	}
	status, body := rep.status, form.body
	switch {
	case status == http.StatusOK:
		h["Cache-Control"], h["Etag"] = revalidate, form.etag
		var made time.Time
		if rt.Listing {
			made = s.made(info)
			if len(rep.header["Last-Modified"]) > 0 && !made.After(s.opt.Now()) {
				h["Last-Modified"] = []string{made.Format(http.TimeFormat)}
			}
		}
		switch verdict(r.Header, rep, form, made) {
		case rules.Proceed:
		case rules.Failed:
			s.marker.Mark(h, o)
			for name := range rep.header {
				delete(h, name)
			}
			delete(h, "Etag")
			h["Cache-Control"] = noStore
			return 0, "", ErrPreconditionFailed
		case rules.Unchanged:
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
	if a.personal && status < http.StatusInternalServerError {
		h["Cache-Control"] = private
	}
	if at := info.StoredAt(); !at.IsZero() && o.Fwd == "" {
		rules.SetAge(h, s.opt.Now().Sub(at))
	}
	if rt.search != nil && status < http.StatusInternalServerError {
		h["No-Vary-Search"] = rt.search
	}
	s.tag(h, a.v, status, a.held)
	s.marker.Mark(h, o)
	enc = "identity"
	if status != http.StatusNotModified && !rules.Bodiless(status) {
		h["Content-Length"] = form.length
		if form.encoding != nil {
			h["Content-Encoding"], enc = form.encoding, form.encoding[0]
		}
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead || len(body) == 0 {
		return 0, enc, nil
	}
	defer cork.Hold(r.Context()).Release()
	sent, _ = w.Write(body) // it fails only if the client has gone
	return sent, enc, nil
}

// made is the first full second after a listing was stored (or now, if it was not). Until then there may have been another
// answer within the same second, which an HTTP date cannot tell from this one; from then on it is this answer's Last-Modified.
func (s *Service) made(info cache.Info) time.Time {
	at := info.StoredAt()
	if at.IsZero() {
		at = s.opt.Now()
	}
	return at.UTC().Truncate(time.Second).Add(time.Second)
}

// verdict evaluates the client's preconditions against the form it would get now. made is set for listings only: see
// Service.made.
func verdict(h http.Header, rep *representation, form *coded, made time.Time) rules.Verdict {
	if len(h["If-None-Match"]) == 0 && len(h["If-Match"]) == 0 && len(h["If-Modified-Since"]) == 0 && len(h["If-Unmodified-Since"]) == 0 {
		return rules.Proceed
	}
	now := time.Now() // only decides the century of two-digit years
	current := rules.Current{ETags: form.etag}
	if len(h["If-Modified-Since"]) == 0 && len(h["If-Unmodified-Since"]) == 0 {
		return rules.Preconditions(http.MethodGet, h, current, now) // parsing a date costs more than the rest of a 304
	}
	if at, ok := rules.DateOf(rep.header["Last-Modified"], now); ok {
		current.Modified = at
		if !made.IsZero() && len(h["If-Unmodified-Since"]) == 0 {
			current.Modified = made
		}
	}
	return rules.Preconditions(http.MethodGet, h, current, now)
}

// Package service caches routes of our own. Lifetimes and dependencies come from a table, so that invalidating a dependency
// takes effect on HTTP responses at once, on every instance; clients are told to ask each time and are answered with 304.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/cache/httpcache/rules"
)

// Options configures a Service.
type Options struct {
	// Cache is the engine; needed.
	Cache *cache.Cache
	// Routes is the table of cached routes; others pass untouched.
	Routes []Route
	// Registerer receives the metrics; nil = a private registry.
	Registerer prometheus.Registerer
	// Logger; nil = discard.
	Logger *slog.Logger
	// Name is this cache in Cache-Status (RFC 9211). "" = "cache".
	Name string
	// Scope is what shapes answers but is in no request, such as the address that links begin with. Services with
	// different scopes may share a Redis: neither is given the other's answers.
	Scope string
	// CredentialFields are request fields besides Authorization, and CredentialCookies cookies, that say who a request
	// is from. Such a request is not answered from the cache.
	CredentialFields, CredentialCookies []string
	// Host is the host that handlers see while they answer for everyone, so that no client's Host header gets into
	// what others read. "" = "localhost".
	Host string
	// Fields are stored with a response besides the standard ones (Content-Type, Content-Language, Content-Disposition,
	// Last-Modified, Link, X-Total-Count): all others are dropped.
	Fields []string
	// MaxBody bounds the bodies that are stored, in bytes; larger ones pass. 0 = 4 MiB.
	MaxBody int
	// MinCompress is the size from which bodies are sent compressed to clients that accept it. 0 = 1 KiB.
	MinCompress int
	// CodedBytes bounds the compressed forms kept in memory. 0 = 32 MiB.
	CodedBytes int
	// Started adds to the context of a load what logs need of the request that starts it, from the fields that its answer has by
	// then (its id); nil = nothing. It must be cheap: it is called for each request.
	Started func(ctx context.Context, answer http.Header) context.Context
	// Tags tells caches outside of the service what answers depend on; nil = nothing is told.
	Tags *Tagging
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// Service caches our own routes by a table. Only anonymous GET and HEAD are answered from the cache: a request with
// Authorization, or with one of the fields and cookies that Options names as credentials, passes and is marked private.
// Clients are sent "public, no-cache" and an ETag, so that each of their requests can be answered with a 304, and an
// invalidation takes effect on the next one; lifetimes never leave the table.
//
// The handler runs once for all who wait (the engine's rule for joining holds), on a request made for the purpose:
// canonical parameters, the chosen values of the route's variations, and nothing else from any client. What it answers
// with is shared only if it set no cookie, did not say private or no-store, and varies on nothing undeclared; else each
// client gets an answer of its own.
type Service struct {
	routes    map[string]*route
	list      []*route // in the table's order
	opt       Options
	keep      map[string]bool
	secrets   []string // CredentialFields, canonical
	oneClient []string // Tags.Personal, canonical
	marker    *rules.Marker
	log       *slog.Logger
	met       *metrics
	coder     *coder
	known     *otter.Cache[asked, *selection]
	detours   *detours
	answers   *cache.Func[*call, *representation]
}

// storedByDefault are the fields that describe a representation, as far as our handlers set them.
var storedByDefault = []string{"Content-Type", "Content-Language", "Content-Disposition", "Last-Modified", "Link", "X-Total-Count"}

// New makes the cache for a table of routes.
func New(o Options) (*Service, error) {
	if o.Cache == nil {
		return nil, errors.New("httpcache: Options.Cache is needed")
	}
	for at, value := range map[*int]int{&o.MaxBody: 4 << 20, &o.MinCompress: 1 << 10, &o.CodedBytes: 32 << 20} {
		if *at == 0 {
			*at = value
		}
		if *at < 0 {
			return nil, fmt.Errorf("httpcache: a negative bound in %+v", o)
		}
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Started == nil {
		o.Started = func(ctx context.Context, _ http.Header) context.Context { return ctx }
	}
	if o.Host == "" {
		o.Host = "localhost"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{opt: o, log: o.Logger, routes: map[string]*route{}, keep: map[string]bool{}}
	for _, r := range o.Routes {
		rt, err := newRoute(r)
		if err != nil {
			return nil, err
		}
		if s.routes[r.Path] != nil {
			return nil, fmt.Errorf("httpcache: route %s is in the table twice", r.Path)
		}
		s.routes[r.Path], s.list = rt, append(s.list, rt)
	}
	for _, list := range [][]string{storedByDefault, o.Fields} {
		for _, name := range list {
			s.keep[http.CanonicalHeaderKey(name)] = true
		}
	}
	for _, name := range o.CredentialFields {
		s.secrets = append(s.secrets, http.CanonicalHeaderKey(name))
	}
	if o.Tags != nil {
		if o.Tags.All == "" {
			return nil, errors.New("httpcache: Options.Tags.All is needed")
		}
		for _, name := range o.Tags.Personal {
			s.oneClient = append(s.oneClient, http.CanonicalHeaderKey(name))
		}
	}
	if o.Name == "" {
		o.Name = "cache"
	}
	var err error
	if s.marker, err = rules.NewMarker(o.Name); err != nil {
		return nil, err
	}
	if s.coder, err = newCoder(o.CodedBytes, o.MinCompress); err != nil {
		return nil, err
	}
	if s.known, err = otter.New(&otter.Options[asked, *selection]{
		MaximumSize: knownSelections, Executor: func(f func()) { f() }, // no goroutines of its own
	}); err != nil {
		return nil, fmt.Errorf("httpcache: selections: %w", err)
	}
	if s.detours, err = newDetours(); err != nil {
		return nil, err
	}
	if s.met, err = newMetrics(o.Registerer, s.routes); err != nil {
		return nil, fmt.Errorf("httpcache: metrics: %w", err)
	}
	s.answers = cache.Wrap(o.Cache, cache.Spec[*call]{
		Layer:  httpcache.ResponseLayer,
		Key:    func(c *call) cache.Key { return cache.Key{ID: c.id} },
		Deps:   (*call).deps,
		Codec:  representationCodec{o.Scope},
		Shared: true,
	}, s.load).ResultTTL(s.ttl)
	return s, s.answers.Err()
}

// call is one request on a cached route, as the engine knows it. It outlives the request: others may wait for its load.
type call struct {
	*selection
	handle Handler
}

func (c *call) deps() []string {
	if c.rt.Deps == nil {
		return nil
	}
	return c.rt.Deps(c.params)
}

// credentials reports whether a request says who it is from: its sender may get an answer of their own.
func (s *Service) credentials(h http.Header) bool {
	if len(h["Authorization"]) > 0 {
		return true
	}
	for _, name := range s.secrets {
		if len(h[name]) > 0 {
			return true
		}
	}
	if len(h["Cookie"]) == 0 {
		return false
	}
	r := http.Request{Header: h}
	for _, name := range s.opt.CredentialCookies {
		if _, err := r.Cookie(name); err == nil {
			return true
		}
	}
	return false
}

// request is what the handler gets: nothing from any client except what names the entry.
func (s *Service) request(ctx context.Context, c *call) *http.Request {
	u := &url.URL{Path: c.rt.Path, RawQuery: c.query}
	if len(c.params.values) > 0 {
		u.RawPath = c.rt.path(c.params.values)
		u.Path = pathOf(u.RawPath)
	}
	r := &http.Request{
		Method: http.MethodGet, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Host: s.opt.Host, Body: http.NoBody, RequestURI: u.RequestURI(),
	}
	for i, v := range c.rt.Vary {
		if c.chosen[i] != "" {
			r.Header.Set(v.Header, c.chosen[i])
		}
	}
	return r.WithContext(ctx)
}

// passError ends a load whose answer cannot be shared: each caller gets one of their own.
type passError struct{ why string }

func (e *passError) Error() string { return "httpcache: not for sharing: " + e.why }

// failure ends a load that the handler answered with a server error. All who waited get it, unless something expired can
// stand in.
type failure struct{ rep *representation }

func (e *failure) Error() string {
	return fmt.Sprintf("httpcache: the handler answered %d", e.rep.status)
}

// errAborted is a handler that gave up in the middle of its answer.
var errAborted = errors.New("httpcache: the handler aborted its answer")

// load runs the handler for everyone who waits.
func (s *Service) load(ctx context.Context, c *call) (*representation, error) {
	rec := newRecorder(s.opt.MaxBody)
	err := runHandler(c.handle, rec, s.request(ctx, c))
	switch {
	case rec.pass != "":
		return nil, s.detourFor(c, rec.pass)
	case err != nil:
		return nil, err
	case rec.status == 0:
		rec.WriteHeader(http.StatusOK)
	}
	if why := rec.forbidden(c.rt.vary); why != "" {
		return nil, s.detourFor(c, why)
	}
	if n := rec.got.Get("Content-Length"); n != "" && n != strconv.Itoa(len(rec.body)) {
		return nil, errAborted // fewer bytes than were announced
	}
	h := http.Header{}
	for name, values := range rec.got {
		if s.keep[name] && len(values) > 0 {
			h[name] = values
		}
	}
	rep := newRepresentation(rec.status, h, rec.body)
	if rep.status >= http.StatusInternalServerError {
		return nil, &failure{rep}
	}
	return rep, nil
}

func (s *Service) detourFor(c *call, why string) error {
	s.detours.take(c.id, s.opt.Now())
	s.met.unstored.WithLabelValues(c.rt.Path, why).Inc()
	s.log.Warn("a cached route's answer cannot be shared", "route", c.rt.Path, "reason", why)
	return &passError{why}
}

// runHandler turns an aborted answer into an error; other panics are the engine's to report.
func runHandler(handle Handler, rec *recorder, r *http.Request) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			err = errAborted
		default:
			panic(v)
		}
	}()
	return handle(rec, r)
}

// ttl is how long an answer is kept: 0 would mean the layer's TTL, negative means not at all.
func (s *Service) ttl(c *call, r *representation) time.Duration {
	var d time.Duration
	switch r.status {
	case http.StatusOK:
		d = c.rt.Lifetime
	case http.StatusNotFound:
		d = c.rt.NotFound
	}
	if d <= 0 {
		s.met.unstored.WithLabelValues(c.rt.Path, "status").Inc()
		return -1
	}
	s.makeRoom(c)
	return d
}

// makeRoom counts an entry that is about to be stored, and removes what it displaces.
func (s *Service) makeRoom(c *call) {
	displaced := c.rt.seen.admit(c.id)
	if len(displaced) == 0 {
		return
	}
	s.met.unstored.WithLabelValues(c.rt.Path, "displaced").Add(float64(len(displaced)))
	if !s.opt.Cache.Serving() {
		return // they expire
	}
	ctx, cancel := context.WithTimeout(context.Background(), removeWithin)
	defer cancel()
	keys := make([]cache.Key, len(displaced))
	for i, id := range displaced {
		keys[i] = cache.Key{ID: id}
	}
	if err := s.opt.Cache.Forget(ctx, httpcache.ResponseLayer, keys...); err != nil {
		s.log.Debug("displaced responses were not removed, and expire", "route", c.rt.Path, "error", err)
	}
}

const removeWithin = time.Second

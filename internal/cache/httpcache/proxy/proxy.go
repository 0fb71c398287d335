// Package proxy is a shared cache in front of any handler that does what RFC 9111 describes: freshness from the response's
// own fields, Vary, validation, ranges, invalidation by unsafe methods.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"openlearn/internal/cache/httpcache/rules"
)

// Options configures a Proxy.
type Options struct {
	// Store keeps the responses; needed.
	Store Store
	// Name is this cache in Cache-Status (RFC 9211). "" = "cache".
	Name string
	// Targets are the targeted cache-control fields (RFC 9213) to obey, the most specific first; nil = CDN-Cache-Control.
	Targets []string
	// MaxBody bounds the bodies that are stored, in bytes. 0 = 4 MiB.
	MaxBody int
	// Keep is how long past its freshness a response is kept for validation and for an upstream that is away. 0 = 24 h.
	Keep time.Duration
	// MaxKeep bounds how long anything is kept, however fresh; it must not exceed what the engine takes. 0 = 48 h.
	MaxKeep time.Duration
	// NoLanguageSelection turns off the reuse of a stored response for a request that prefers its Content-Language.
	NoLanguageSelection bool
	// RefreshTimeout bounds a refresh in the background (stale-while-revalidate). 0 = 30 s.
	RefreshTimeout time.Duration
	// Logger; nil = discard.
	Logger *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// Proxy is a shared cache with all of RFC 9111 in front of any handler: the responses' own fields decide. It stores
// Set-Cookie like any other field where freshness is explicit, as the RFC allows; use it only with upstreams that say
// private where they mean it.
type Proxy struct {
	next   http.Handler
	opt    Options
	log    *slog.Logger
	marker *rules.Marker
	life   context.Context
	stop   context.CancelFunc

	mu         sync.Mutex
	closed     bool
	refreshing map[string]struct{}
	work       sync.WaitGroup

	flights flights
}

// New wraps next. Call Close when done.
func New(next http.Handler, o Options) (*Proxy, error) {
	if next == nil || o.Store == nil {
		return nil, errors.New("httpcache: a proxy needs a handler and Options.Store")
	}
	if o.Targets == nil {
		o.Targets = rules.DefaultTargets
	}
	if o.MaxBody == 0 {
		o.MaxBody = 4 << 20
	}
	for _, d := range []struct {
		at *time.Duration
		to time.Duration
	}{{&o.Keep, 24 * time.Hour}, {&o.MaxKeep, 48 * time.Hour}, {&o.RefreshTimeout, 30 * time.Second}} {
		if *d.at == 0 {
			*d.at = d.to
		}
	}
	if o.MaxBody < 0 || o.Keep < 0 || o.MaxKeep < 0 || o.RefreshTimeout < 0 {
		return nil, fmt.Errorf("httpcache: negative bound in %+v", o)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name = "cache"
	}
	marker, err := rules.NewMarker(o.Name)
	if err != nil {
		return nil, err
	}
	p := &Proxy{next: next, opt: o, log: o.Logger, marker: marker, refreshing: map[string]struct{}{}}
	p.life, p.stop = context.WithCancel(context.Background())
	return p, nil
}

// Close ends refreshes in the background and waits for them. Requests may still come; they are served without
// refreshes.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.work.Wait()
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Upgrade") != "":
		p.next.ServeHTTP(w, r)
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.ContentLength != 0:
		// A body has no meaning in these methods (RFC 9110 §9.3.1), but an upstream may let it shape its answer, and
		// the key does not include it.
		p.pass(w, r, "bypass")
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		p.read(w, r)
	case rules.SafeMethod(r.Method):
		p.pass(w, r, "method")
	default:
		p.write(w, r)
	}
}

// uriOf is the cache key: the effective request URI (RFC 9111 §2, with the method understood to be GET).
func uriOf(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + r.URL.RequestURI()
}

// lookup is one read: the request, what it asks for and what is stored.
type lookup struct {
	p   *Proxy
	w   http.ResponseWriter
	r   *http.Request
	uri string
	req rules.RequestPolicy
	v   *variant // selected, nil if none
	fwd string   // why it goes upstream

	others []*variant // where none matches: those that the upstream may select by their tags
	plain  bool       // ask as if nothing were stored

	looked time.Time // when the store was asked
	flight *flight   // others wait for this one's fetch; nil if nobody does
}

func (p *Proxy) read(w http.ResponseWriter, r *http.Request) {
	l := &lookup{p: p, w: w, r: r, uri: uriOf(r), req: rules.RequestPolicyOf(r.Header), looked: time.Now()}
	doc, err := p.current(r.Context(), l.uri)
	if err != nil {
		p.log.Debug("http cache bypassed", "uri", l.uri, "error", err)
		p.pass(w, r, "bypass")
		return
	}
	l.v = doc.pick(r.Header, !p.opt.NoLanguageSelection)
	switch {
	case doc == nil:
		l.fwd = "uri-miss"
	case l.v == nil:
		l.fwd = "vary-miss"
	case rules.OriginDecides(r.Header):
		l.fwd = "request"
	case l.fromStore():
		return
	}
	if l.req.OnlyIfCached {
		l.gatewayTimeout()
		return
	}
	if l.collapsible() && l.collapse() {
		return
	}
	l.fetch()
}

func (p *Proxy) load(ctx context.Context, uri string) (*document, error) {
	b, err := p.opt.Store.Load(ctx, uri)
	if err != nil || b == nil {
		return nil, err
	}
	doc, err := decodeDocument(b, p.opt.Targets)
	if err != nil {
		p.log.Warn("stored response does not decode", "uri", uri, "error", err)
		return nil, nil // a miss; the next fill overwrites it
	}
	return doc, nil
}

// fromStore answers from the selected response if it may be used without asking (RFC 9111 §4), else says why not.
func (l *lookup) fromStore() bool {
	v, now := l.v, l.p.opt.Now()
	age, life := v.age(now), v.life()
	fresh := life > age
	switch {
	case l.req.NoCache || l.req.MaxAge.Given && int64(age/time.Second) > l.req.MaxAge.N,
		l.req.MinFresh.Given && life-age < rules.Seconds(l.req.MinFresh.N):
		l.fwd = "request"
		return false
	case v.policy.NoCache:
		l.fwd = "stale"
		return false
	case fresh:
		if !l.covered() {
			l.fwd = "partial"
			return false
		}
		l.send(v, rules.Outcome{Cache: rules.Hit, TTL: life - age, HasTTL: true})
		return true
	}
	l.fwd = "stale"
	if v.policy.NeverStale() || !l.covered() {
		return false
	}
	stale := rules.Outcome{Cache: rules.Stale, TTL: life - age, HasTTL: true}
	switch swr := v.policy.StaleWhileRevalidate; {
	case l.req.AnyStale || l.req.MaxStale.Given && age-life <= rules.Seconds(l.req.MaxStale.N):
		l.send(v, stale)
		return true
	case swr.Given && age-life <= rules.Seconds(swr.N) && life >= 0:
		l.p.refresh(l)
		l.send(v, stale)
		return true
	}
	return false
}

// covered reports whether the selected response has the bytes that the request asks for.
func (l *lookup) covered() bool {
	if !l.v.partial || l.v.part.Whole() {
		return true
	}
	s, ok := l.span()
	return ok && rules.SlicePart(l.v.body, l.v.part, s).OK
}

// span is the byte range the request asks of the selected response.
func (l *lookup) span() (rules.Span, bool) {
	if l.r.Method != http.MethodGet || l.r.Header.Get("Range") == "" || len(l.r.Header["Range"]) > 1 {
		return rules.Span{}, false
	}
	if !rules.RangeApplies(l.r.Header, l.v.header, l.v.clocks.Responded) {
		return rules.Span{}, false
	}
	return rules.ParseRange(l.r.Header.Get("Range"))
}

// gatewayTimeout answers only-if-cached with nothing to serve (RFC 9111 §5.2.1.7).
func (l *lookup) gatewayTimeout() {
	o := rules.Outcome{Cache: rules.Miss, Fwd: l.fwd, Detail: "only-if-cached"}
	l.p.marker.Mark(l.w.Header(), &o)
	l.w.Header().Set("Cache-Control", "no-store")
	http.Error(l.w, http.StatusText(http.StatusGatewayTimeout), http.StatusGatewayTimeout)
}

// pass forwards without looking or storing.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, why string) {
	x := &exchange{client: w, header: http.Header{}, now: p.opt.Now}
	x.before = func(status int, h http.Header) bool {
		rules.StripConnection(h)
		o := rules.Outcome{Cache: rules.Bypass, Fwd: why, Status: status}
		p.marker.Mark(h, &o)
		return false
	}
	p.run(x, r)
}

// run calls the handler behind the cache. Its panics go through to the server, which closes the connection, and nothing
// is stored.
func (p *Proxy) run(x *exchange, r *http.Request) {
	x.clocks.Requested = x.now()
	p.next.ServeHTTP(x, r)
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
}

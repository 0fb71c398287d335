// Package fetch reads documents over HTTP as a polite guest: robots.txt, a pace for each host, retries that honour
// Retry-After, bounds on time and size, and no address that is not public.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"openlearn/internal/scraping/robots"
	"openlearn/internal/scraping/source"
)

// Config tunes a Fetcher; zero values mean the defaults.
type Config struct {
	// UserAgent is sent with every request; its leading letters are the product token that robots.txt is read for.
	// ASCII only: firewalls of the press refuse anything else. Default: DefaultUserAgent.
	UserAgent string
	// Timeout bounds one request with its body. Default 20 s.
	Timeout time.Duration
	// MaxBytes bounds a decompressed body. Default 8 MiB.
	MaxBytes int64
	// MaxRedirects bounds the redirects of one fetch. Default 5.
	MaxRedirects int
	// Attempts is how often one address is tried in all when the answer is 408, 429, 5xx or none. Default 3.
	Attempts int
	// Backoff is the wait before the second attempt, doubled for each further one. Default 1 s.
	Backoff time.Duration
	// Patience is the longest Retry-After that is waited for. Default 30 s.
	Patience time.Duration
	// Allowed are networks that may be reached although they are not public, on any port: a private mirror, or a test's own
	// servers. Default: none. Elsewhere only ports 80 and 443 of public addresses are.
	Allowed []netip.Prefix
	// Log takes warnings and debug lines. Default: discarded.
	Log *slog.Logger
	// Now is the clock of robots.txt lifetimes and rests. Default time.Now.
	Now func() time.Time
}

// DefaultUserAgent says who asks and why.
const DefaultUserAgent = "OpenLearnBot/1.0 (+https://github.com/bjpl/open_learn_co; reads Colombian news for people who learn Spanish; respects robots.txt)"

func (c Config) withDefaults() Config {
	if c.UserAgent == "" {
		c.UserAgent = DefaultUserAgent
	}
	if c.Timeout <= 0 {
		c.Timeout = 20 * time.Second
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 8 << 20
	}
	if c.MaxRedirects <= 0 {
		c.MaxRedirects = 5
	}
	if c.Attempts <= 0 {
		c.Attempts = 3
	}
	if c.Backoff <= 0 {
		c.Backoff = time.Second
	}
	if c.Patience <= 0 {
		c.Patience = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Fetcher reads documents over HTTP as a polite guest: one User-Agent, robots.txt, a pace per host, retries that honour
// Retry-After, caps on time and size, and no address that is not public. It is safe for concurrent use; Close it.
type Fetcher struct {
	cfg              Config
	agent            string // product token
	public, loopback *http.Client

	mu     sync.Mutex
	paces  map[string]*hostPace   // by source.BareAuthority
	robots map[string]*robotsFile // by scheme://host
}

// New makes a Fetcher.
func New(cfg Config) *Fetcher {
	cfg = cfg.withDefaults()
	return &Fetcher{
		cfg: cfg, agent: robots.ProductToken(cfg.UserAgent),
		public: newClient(cfg, false), loopback: newClient(cfg, true),
		paces: map[string]*hostPace{}, robots: map[string]*robotsFile{},
	}
}

// newClient makes a client that reaches public addresses, or loopback ones, never both: a pooled connection cannot
// serve a source that may not have opened it. No proxy from the environment: the guard would see the proxy's address
// instead of the target's.
func newClient(cfg Config, loopback bool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            guardedDialer(cfg, loopback).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    cfg.Timeout,
			ResponseHeaderTimeout:  cfg.Timeout,
			MaxIdleConns:           32,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		},
		// Redirects are followed by hand: each hop has to pass the host rule, robots.txt and the pace.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close drops idle connections.
func (f *Fetcher) Close() {
	f.public.CloseIdleConnections()
	f.loopback.CloseIdleConnections()
}

// Validators make a request conditional (RFC 9110 §13).
type Validators struct{ ETag, LastModified string }

// Document is a successful answer.
type Document struct {
	URL         *url.URL // after redirects
	Moved       *url.URL // where the address has moved to for good (301, 308), nil if it has not
	Header      http.Header
	ContentType string // media type in lower case with its parameters as sent; may be empty
	Body        []byte // decompressed, not decoded: see extract.Decode
	Validators  Validators
	NotModified bool // 304: Body is empty
}

// Accept headers, by what is expected.
const (
	AcceptPage = "text/html,application/xhtml+xml;q=0.9"
	AcceptFeed = "application/rss+xml,application/atom+xml,application/xml;q=0.9,text/xml;q=0.9,*/*;q=0.1"
)

// Get fetches one address of a source. The error is a *Error.
func (f *Fetcher) Get(ctx context.Context, def source.Source, address, accept string, known Validators) (*Document, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, &Error{URL: address, Reason: ReasonOffHost, Err: err}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, &Error{URL: address, Reason: ReasonNetwork, Err: err}
	}
	req := request{def: def, site: def.Site(), accept: accept, known: known, cookies: jar}
	doc, err := f.follow(ctx, req, u)
	if err != nil {
		var fetch *Error
		if !errors.As(err, &fetch) {
			err = &Error{URL: address, Reason: ReasonOf(err), Err: err}
		}
		return nil, err
	}
	return doc, nil
}

// request is what stays the same over the hops and attempts of one Get.
type request struct {
	def     source.Source
	site    source.Site
	accept  string
	known   Validators
	cookies http.CookieJar // of this chain alone: a page that sets one and redirects to itself
	robots  bool           // this is the fetch of robots.txt: no robots check, redirects may leave the host (RFC 9309 §2.3.1.2)
}

func (r request) client(f *Fetcher) *http.Client {
	if r.def.AllowLoopback {
		return f.loopback
	}
	return f.public
}

// follow fetches u and the addresses it redirects to.
func (f *Fetcher) follow(ctx context.Context, req request, u *url.URL) (*Document, error) {
	forGood, seen := true, map[string]int{}
	start := u
	for hop := 0; ; hop++ {
		// Once more is allowed to a page that has set a cookie on the way; a third time is a loop.
		if seen[u.String()]++; seen[u.String()] > 2 {
			return nil, &Error{URL: u.String(), Reason: ReasonRedirects, Err: errors.New("a loop")}
		}
		if !req.robots {
			if !req.site.Accepts(u) {
				return nil, &Error{URL: u.String(), Reason: ReasonOffHost, Err: errors.New("not on the source's host")}
			}
		}
		interval, err := f.permission(ctx, req, u)
		if err != nil {
			return nil, err
		}
		doc, next, err := f.attempts(ctx, req, u, interval)
		if err != nil {
			return nil, err
		}
		if next == nil && doc != nil && req.accept == AcceptPage {
			next = refreshOf(doc)
		}
		if next == nil {
			if forGood && u != start {
				doc.Moved = u
			}
			return doc, nil
		}
		forGood = forGood && doc != nil && doc.Moved != nil
		if hop == f.cfg.MaxRedirects {
			return nil, &Error{URL: u.String(), Reason: ReasonRedirects, Err: fmt.Errorf("more than %d redirects", f.cfg.MaxRedirects)}
		}
		if u.Scheme == "https" && next.Scheme != "https" {
			return nil, &Error{URL: next.String(), Reason: ReasonOffHost, Err: errors.New("redirect from https to " + next.Scheme)}
		}
		u = next
	}
}

// permission asks robots.txt about u and answers the interval to keep between requests to its host.
func (f *Fetcher) permission(ctx context.Context, req request, u *url.URL) (time.Duration, error) {
	perMinute := req.def.RequestsPerMinute
	if perMinute == 0 {
		perMinute = source.DefaultRequestsPerMinute
	}
	interval := time.Duration(float64(time.Minute) / perMinute)
	if req.robots {
		return interval, nil
	}
	rules, err := f.rulesFor(ctx, req, u)
	if err != nil {
		return 0, err
	}
	if rule := rules.Blocking(u); rule != "" {
		return 0, &Error{URL: u.String(), Reason: ReasonRobots, Err: fmt.Errorf("robots.txt: Disallow: %s", rule)}
	}
	return max(interval, rules.CrawlDelay), nil
}

// attempts tries u until it answers or the attempts are used up. next is set where the answer is a redirect.
func (f *Fetcher) attempts(ctx context.Context, req request, u *url.URL, interval time.Duration) (doc *Document, next *url.URL, err error) {
	pace := f.paceOf(u)
	backoff := f.cfg.Backoff
	for attempt := 1; ; attempt++ {
		if err := pace.wait(ctx, pace.delay(interval), f.cfg.Patience); err != nil {
			return nil, nil, err
		}
		var retryAfter time.Duration
		asked := f.cfg.Now()
		doc, next, retryAfter, err = f.once(ctx, req, u)
		if err == nil {
			pace.took(f.cfg.Now().Sub(asked))
		}
		if !req.robots { // a robots.txt that is forbidden opens the site (RFC 9309 §2.3.1.3)
			pace.refused(statusOf(err) == http.StatusForbidden)
		}
		again, hostFault := retryable(err)
		pace.outcome(!hostFault)
		if !again {
			return doc, next, err
		}
		if retryAfter > 0 {
			pace.rest(retryAfter) // for everyone who wants that host; pace.wait gives up where it is too long
		}
		if attempt == f.cfg.Attempts || ctx.Err() != nil {
			return nil, nil, err
		}
		f.cfg.Log.DebugContext(ctx, "scraping: retry", "url", u.String(), "attempt", attempt, "retry_after", retryAfter, "err", err)
		if retryAfter == 0 {
			if sleep(ctx, backoff) != nil {
				return nil, nil, err
			}
			backoff *= 2
		}
	}
}

func statusOf(err error) int {
	var fetch *Error
	if errors.As(err, &fetch) {
		return fetch.Status
	}
	return 0
}

// retryable says whether trying again may help, and whether the failure is the host's (it counts towards its rest).
func retryable(err error) (again, hostFault bool) {
	if err == nil {
		return false, false
	}
	var fetch *Error
	if errors.As(err, &fetch) && fetch.Reason == ReasonStatus {
		switch fetch.Status {
		case http.StatusTooManyRequests:
			return true, false
		case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true, true
		}
		return false, false
	}
	switch ReasonOf(err) {
	case ReasonTimeout, ReasonNetwork:
		return true, true
	}
	return false, false
}

// once sends one request and reads its answer.
func (f *Fetcher) once(ctx context.Context, req request, u *url.URL) (*Document, *url.URL, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	target := *u
	target.Fragment = ""
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, nil, 0, &Error{URL: u.String(), Reason: ReasonOffHost, Err: err}
	}
	hr.Header.Set("User-Agent", f.cfg.UserAgent)
	hr.Header.Set("Accept", req.accept)
	hr.Header.Set("Accept-Language", "es-CO,es;q=0.9")
	if req.known.ETag != "" {
		hr.Header.Set("If-None-Match", req.known.ETag)
	}
	if req.known.LastModified != "" {
		hr.Header.Set("If-Modified-Since", req.known.LastModified)
	}
	if req.cookies != nil {
		for _, c := range req.cookies.Cookies(hr.URL) {
			hr.AddCookie(c)
		}
	}
	resp, err := req.client(f).Do(hr)
	if err != nil {
		return nil, nil, 0, &Error{URL: u.String(), Reason: ReasonOf(err), Err: err}
	}
	defer func() { _ = resp.Body.Close() }() // read or given up: nothing to learn from the error
	if req.cookies != nil {
		req.cookies.SetCookies(hr.URL, resp.Cookies())
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && req.known != Validators{}:
		v := req.known
		if tag := resp.Header.Get("ETag"); tag != "" { // the one to ask with from now on (RFC 9110 §15.4.5)
			v.ETag = tag
		}
		return &Document{URL: u, NotModified: true, Validators: v, Header: resp.Header}, nil, 0, nil
	case resp.StatusCode == 301 || resp.StatusCode == 302 || resp.StatusCode == 303 || resp.StatusCode == 307 || resp.StatusCode == 308:
		next, err := u.Parse(resp.Header.Get("Location"))
		if err != nil || resp.Header.Get("Location") == "" {
			return nil, nil, 0, &Error{URL: u.String(), Reason: ReasonStatus, Status: resp.StatusCode, Err: errors.New("redirect to nowhere")}
		}
		var moved Document
		if resp.StatusCode == http.StatusMovedPermanently || resp.StatusCode == http.StatusPermanentRedirect {
			moved.Moved = next
		}
		return &moved, next, 0, nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		err := &Error{URL: u.String(), Reason: ReasonStatus, Status: resp.StatusCode, Err: errors.New(http.StatusText(resp.StatusCode))}
		return nil, nil, retryAfter(resp.Header.Get("Retry-After"), f.cfg.Now()), err
	}
	doc, err := f.read(req, u, resp)
	return doc, nil, 0, err
}

// read takes the body within the cap; robots.txt is cut there, anything else is refused.
func (f *Fetcher) read(req request, u *url.URL, resp *http.Response) (*Document, error) {
	limit := f.cfg.MaxBytes
	if req.robots {
		limit = robots.MaxBytes
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, &Error{URL: u.String(), Reason: ReasonOf(err), Err: err}
	}
	if int64(len(body)) > limit {
		if !req.robots {
			return nil, &Error{URL: u.String(), Reason: ReasonTooLarge, Err: fmt.Errorf("more than %d bytes", limit)}
		}
		body = body[:limit]
	}
	if body, err = inflate(body, limit); err != nil {
		return nil, &Error{URL: u.String(), Reason: ReasonTooLarge, Err: err}
	}
	doc := &Document{
		URL: u, Body: body, Header: resp.Header, ContentType: resp.Header.Get("Content-Type"),
		Validators: Validators{ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified")},
	}
	if req.accept == AcceptPage && !isHTML(doc) {
		return nil, &Error{URL: u.String(), Reason: ReasonContentType, Err: fmt.Errorf("content type %q", doc.ContentType)}
	}
	return doc, nil
}

func isHTML(doc *Document) bool {
	declared := doc.ContentType
	if declared == "" {
		declared = http.DetectContentType(doc.Body)
	}
	media, _, err := mime.ParseMediaType(declared)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(declared), ";")
	}
	return media == "text/html" || media == "application/xhtml+xml"
}

// retryAfter reads RFC 9110 §10.2.3: seconds or a date. 0 means not given.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if d, err := time.ParseDuration(value + "s"); err == nil && !strings.ContainsAny(value, "-hmsuµn") {
		return max(0, d)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func (f *Fetcher) paceOf(u *url.URL) *hostPace {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := source.BareAuthority(u)
	p, ok := f.paces[key]
	if !ok {
		p = newHostPace(f.cfg.Now)
		f.paces[key] = p
	}
	return p
}

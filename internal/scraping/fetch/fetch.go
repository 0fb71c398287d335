// Package fetch reads documents over HTTP as a polite guest: robots.txt, a pace for each host, retries that honour
// Retry-After, bounds on time and size, and no address that is not public.
package fetch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
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
	// Budgets is the pace towards hosts that all instances share. Where it cannot be asked, and where there is none, this
	// process keeps a pace of its own. Optional.
	Budgets Budgets
	// State keeps what hosts said of robots, for all instances and beyond restarts. Optional.
	State State
	// Allowed are networks that may be reached although they are not public, on any port: a private mirror, or a test's own
	// servers. Default: none. Elsewhere only ports 80 and 443 of public addresses are.
	Allowed []netip.Prefix
	// Log takes warnings and debug lines. Default: discarded.
	Log *slog.Logger
	// Now is the clock of lifetimes, turns and rests. Default time.Now.
	Now func() time.Time
	// Sleep waits, or ends with the context and says its error. It goes with Now. Default: the machine's time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Rand gives numbers in [0, 1) for the jitter; it must be safe for concurrent use. Default: math/rand/v2.
	Rand func() float64
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
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c
}

// Fetcher reads documents over HTTP as a polite guest: one User-Agent, robots.txt, a pace per host, retries that honour
// Retry-After, caps on time and size, and no address that is not public. It is safe for concurrent use; Close it.
type Fetcher struct {
	cfg              Config
	agent            string // product token
	public, loopback *http.Client

	own   *localBudgets
	alone atomic.Bool // the shared budgets cannot be asked

	mu     sync.Mutex
	robots map[string]*robotsFile // by scheme://host
}

// New makes a Fetcher.
func New(cfg Config) *Fetcher {
	cfg = cfg.withDefaults()
	return &Fetcher{
		cfg: cfg, agent: robots.ProductToken(cfg.UserAgent),
		public: newClient(cfg, false), loopback: newClient(cfg, true),
		own: newLocalBudgets(cfg.Now), robots: map[string]*robotsFile{},
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
			DisableCompression:     true, // labels lie: read goes by what the bytes are
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
	NotModified bool          // 304: Body is empty
	Lifetime    time.Duration // how long the server calls the answer fresh (RFC 9111 §4.2.1), up to a day; 0: it does not say
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

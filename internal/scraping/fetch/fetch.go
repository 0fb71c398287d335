// Package fetch reads documents over HTTP as a polite client: it obeys robots.txt, keeps a pace for each host, retries as
// Retry-After asks, bounds time and size, and connects only to public addresses.
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

	"openlearn/internal/netguard"
	"openlearn/internal/scraping/robots"
	"openlearn/internal/scraping/source"
)

// Config tunes a Fetcher; zero values mean the defaults.
type Config struct {
	// UserAgent is sent with every request; its leading letters are the product token that is looked up in robots.txt.
	// ASCII only: newspapers' firewalls refuse anything else. Default: DefaultUserAgent.
	UserAgent string
	// Timeout bounds one request with its body. Default 20 s.
	Timeout time.Duration
	// MaxBytes bounds a decompressed body. Default 8 MiB.
	MaxBytes int64
	// MaxRedirects bounds the redirects in one fetch. Default 5.
	MaxRedirects int
	// Attempts is how often one address is tried in total if the answer is 408, 429 or 5xx, or there is none. Default 3.
	Attempts int
	// Backoff is the wait before the second attempt; it doubles with each further one. Default 1 s.
	Backoff time.Duration
	// Patience is the longest Retry-After that a fetch waits for. Default 30 s.
	Patience time.Duration
	// Budgets sets the pace of requests to hosts for all instances. Without it, and while it is unavailable, this process
	// keeps a pace of its own. Optional.
	Budgets Budgets
	// State keeps the hosts' robots.txt, for all instances and across restarts. Optional.
	State State
	// Allowed are networks that may be reached on any port although they are not public: a private mirror, or the servers
	// of a test. Default: none. Elsewhere only ports 80 and 443 of public addresses may be reached.
	Allowed []netip.Prefix
	// Log receives warnings and debug messages. Default: discarded.
	Logger *slog.Logger
	// Read is told of every body that was read for a source: what it was (see ReadPage), and its bytes, decompressed. It must be
	// safe for concurrent use. Optional.
	Read func(sourceID, what string, bytes int)
	// Now is the clock of lifetimes, turns and rests. Default time.Now.
	Now func() time.Time
	// Sleep waits for the duration, or returns the context's error when that ends first. It must fit Now. Default: real
	// time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Rand gives numbers in [0, 1) for the jitter; it must be safe for concurrent use. Default: math/rand/v2.
	Rand func() float64
}

// What Config.Read is told of.
const (
	ReadPage   = "page"   // a web page
	ReadFeed   = "feed"   // a feed or a sitemap
	ReadRobots = "robots" // robots.txt
)

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
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
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

// Fetcher reads documents over HTTP as a polite client: it has one User-Agent, obeys robots.txt, keeps a pace per host,
// retries as Retry-After asks, caps time and size, and connects only to public addresses. It is safe for concurrent use.
// The caller must close it.
type Fetcher struct {
	cfg              Config
	agent            string // product token
	public, loopback *http.Client

	own   *localBudgets
	alone atomic.Bool // the shared budgets are unavailable

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

// newClient makes a client that reaches either public addresses or loopback, never both: so no pooled connection can serve
// a source that was not allowed to open it. No proxy from the environment: the guard would see the proxy's address instead
// of the target's.
func newClient(cfg Config, loopback bool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            netguard.Dialer(netguard.Options{Timeout: cfg.Timeout, Allowed: cfg.Allowed, Loopback: loopback}).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    cfg.Timeout,
			ResponseHeaderTimeout:  cfg.Timeout,
			MaxIdleConns:           32,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
			DisableCompression:     true, // labels are unreliable: read judges by the bytes
		},
		// Redirects are followed by hand: each hop must pass the host rule, robots.txt and the pace.
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
	Moved       *url.URL // where the address has moved permanently (301, 308), nil if it has not
	Header      http.Header
	ContentType string // media type in lower case with its parameters as sent; may be empty
	Body        []byte // decompressed, not decoded: see extract.Decode
	Validators  Validators
	NotModified bool          // 304: Body is empty
	Lifetime    time.Duration // how long the server declares the answer fresh (RFC 9111 §4.2.1), up to a day; 0: it does not say
}

// Accept headers by kind of document.
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

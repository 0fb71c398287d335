// Package upstream asks foreign services for data as a careful guest: only the hosts that the configuration names, at public
// addresses; a rate that all instances share; a budget of time for each question; a circuit breaker.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"openlearn/internal/netguard"
)

// DefaultUserAgent says who asks and why.
const DefaultUserAgent = "OpenLearn/1.0 (+https://github.com/bjpl/open_learn_co; shows Colombian open data to people who learn Spanish)"

// Config says how one upstream is asked. Name, Base and PerSecond are required.
type Config struct {
	// Name is the upstream's in metrics, logs and answers.
	Name string
	// Base is where it is: its host is the only one that is ever asked.
	Base string
	// PerSecond is the rate of requests, over all instances; Burst is how many may go at once. 0 = 2.
	PerSecond float64
	Burst     int
	// Budget bounds one question with its waits and attempts. 0 = 8 s.
	Budget time.Duration
	// Attempts is how often a question is asked where asking again may help. 0 = 3.
	Attempts int
	// Pause is the wait before the second attempt, doubled for each further one. 0 = 300 ms.
	Pause time.Duration
	// MaxBytes bounds an answer, decompressed. 0 = 32 MiB.
	MaxBytes int64
	// UserAgent; "" = DefaultUserAgent.
	UserAgent string
	// Failures is how many failures in a row open the breaker, which closes again by a question that is answered after Recess.
	// 0 = 5, and 30 s.
	Failures int
	Recess   time.Duration
	// Allowed are networks that may be reached although they are not public.
	Allowed []netip.Prefix
	// Shared is where instances share the rate; nil = this process keeps it alone.
	Shared redis.Scripter
	// Metrics; nil = none.
	Metrics *Metrics
	// Log; nil = discard.
	Logger *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

func (c *Config) complete() error {
	if c.Name == "" || c.Base == "" || c.PerSecond <= 0 {
		return errors.New("upstream: Name, Base and PerSecond are required")
	}
	or(&c.Burst, 2)
	or(&c.Budget, 8*time.Second)
	or(&c.Attempts, 3)
	or(&c.Pause, 300*time.Millisecond)
	or(&c.MaxBytes, 32<<20)
	or(&c.Failures, 5)
	or(&c.Recess, 30*time.Second)
	or(&c.UserAgent, DefaultUserAgent)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

func or[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Client asks one upstream. It is safe for concurrent use; Close it.
type Client struct {
	cfg     Config
	base    *url.URL
	http    *http.Client
	limiter *Limiter
	breaker *gobreaker.CircuitBreaker[*Answer]

	mu      sync.Mutex
	resting time.Time // it asked to be left alone until then
	opened  time.Time // when the breaker opened last
	last    time.Time // when it last gave data
	failed  *Error    // the last failure since then
}

// New makes a Client.
func New(cfg Config) (*Client, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	base, err := url.Parse(cfg.Base)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.User != nil {
		return nil, fmt.Errorf("upstream %s: %q is not the address of a service", cfg.Name, cfg.Base)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	c := &Client{cfg: cfg, base: base, limiter: NewLimiter(cfg.Name, cfg.PerSecond, cfg.Burst, cfg.Shared, cfg.Now)}
	c.http = &http.Client{
		Transport: &http.Transport{
			// No proxy from the environment: the guard would see the proxy's address instead of the target's.
			DialContext:            netguard.Dialer(netguard.Options{Timeout: cfg.Budget, Allowed: cfg.Allowed}).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    cfg.Budget,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		},
		CheckRedirect: c.mayFollow,
	}
	c.breaker = gobreaker.NewCircuitBreaker[*Answer](gobreaker.Settings{
		Name: cfg.Name, MaxRequests: 1, Timeout: cfg.Recess,
		ReadyToTrip:   func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= cfg.Failures },
		IsSuccessful:  healthy,
		IsExcluded:    saysNothing,
		OnStateChange: c.turned,
	})
	cfg.Metrics.begin(cfg.Name)
	return c, nil
}

// mayFollow lets redirects lead nowhere else than to the same host by the same scheme.
func (c *Client) mayFollow(req *http.Request, via []*http.Request) error {
	if len(via) >= 3 || req.URL.Host != c.base.Host || req.URL.Scheme != c.base.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

func (c *Client) turned(_ string, from, to gobreaker.State) {
	if to == gobreaker.StateOpen {
		c.mu.Lock()
		c.opened = time.Now() // the breaker's own clock is the machine's
		c.mu.Unlock()
	}
	c.cfg.Metrics.breaker(c.cfg.Name, to)
	c.cfg.Logger.Warn("government: the breaker of an upstream turned", "upstream", c.cfg.Name, "from", from.String(), "to", to.String())
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Name is the upstream's.
func (c *Client) Name() string { return c.cfg.Name }

// Validators make a question conditional (RFC 9110 §13).
type Validators struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

// Question is one request. Path is below the base.
type Question struct {
	Path   string
	Query  url.Values
	Header http.Header
	Known  Validators
	// Decode makes data of the answer, whose status is 200 or one of 400 to 499 but for 429. An *Error of its making (see Fail) is
	// what the question fails with; any other is Malformed.
	Decode func(*Answer) error
}

// Answer is what came.
type Answer struct {
	Status      int
	Header      http.Header
	Type        string // media type, in lower case
	Body        []byte
	NotModified bool
	Validators  Validators
}

// Ask asks a question, again where that may help, within the budget. The error is an *Error, or the context's.
func (c *Client) Ask(ctx context.Context, q Question) (*Answer, error) {
	began := time.Now()
	bound, cancel := context.WithTimeout(ctx, c.cfg.Budget)
	defer cancel()
	a, err := c.breaker.Execute(func() (*Answer, error) { return c.attempts(bound, q) })
	switch {
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		err = &Error{Kind: Open, After: c.recess(), Err: err}
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return a, c.ended(began, err)
}

// ended counts how a question ended.
func (c *Client) ended(began time.Time, err error) error {
	if err == nil {
		c.mu.Lock()
		c.last, c.failed = c.cfg.Now(), nil
		c.mu.Unlock()
		c.cfg.Metrics.answered(c.cfg.Name, time.Since(began), c.cfg.Now())
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Kind: Network, Err: err}
	}
	e.Upstream = c.cfg.Name
	c.mu.Lock()
	if e.Kind != Open || c.failed == nil {
		c.failed = e
	}
	c.mu.Unlock()
	c.cfg.Metrics.failed(c.cfg.Name, e.Kind, time.Since(began))
	return e
}

// Discard counts data that proved to be none after it was decoded.
func (c *Client) Discard(kind Kind, err error) *Error {
	e := &Error{Upstream: c.cfg.Name, Kind: kind, Err: err}
	c.mu.Lock()
	c.failed = e
	c.mu.Unlock()
	c.cfg.Metrics.failed(c.cfg.Name, kind, 0)
	return e
}

func (c *Client) recess() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.cfg.Recess-time.Since(c.opened), time.Second)
}

func (c *Client) attempts(ctx context.Context, q Question) (*Answer, error) {
	pause := c.cfg.Pause
	for n := 1; ; n++ {
		a, err := c.once(ctx, q)
		if err == nil || ctx.Err() != nil && n > 1 {
			return a, err
		}
		e, ok := errors.AsType[*Error](err)
		again := ok && slices.Contains([]Kind{Network, Late, Malformed, Throttled}, e.Kind) || ok && e.Kind == Status && e.Status >= 500
		wait := max(pause, e.after())
		left := time.Hour
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
		if !again || n >= c.cfg.Attempts || wait >= left {
			return nil, err
		}
		if sleep(ctx, wait+time.Duration(rand.Int64N(int64(c.cfg.Pause)/4+1))) != nil {
			return nil, err // what the attempt said is of more use than that the time is over
		}
		pause *= 2
	}
}

func (e *Error) after() time.Duration {
	if e == nil {
		return 0
	}
	return e.After
}

// State is how an upstream is doing, as far as this process knows.
type State struct {
	Name    string
	Base    string
	Breaker string // closed, half-open or open
	Last    time.Time
	Failed  *Error // the last failure since it last gave data; nil = there is none
	Resting time.Duration
}

// State tells how the upstream is doing.
func (c *Client) State() State {
	breaker := c.breaker.State().String() // before the lock, which turned takes within the breaker's
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{c.cfg.Name, c.base.String(), breaker, c.last, c.failed, max(c.resting.Sub(c.cfg.Now()), 0)}
}

package cdn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache/httpcache/tags"
	"openlearn/internal/outbox"
	"openlearn/internal/periodic"
)

// Options configures a Hook. Pool, Feed, All, URL and Secret are needed.
type Options struct {
	// Pool is the hook's alone, so that busy requests do not hold it up.
	Pool *pgxpool.Pool
	// Feed is where changes come from, All the tag of every answer.
	Feed *outbox.Feed
	All  string
	// URL is whom to tell, Secret what signs it.
	URL, Secret string
	// Poll is how often changes are looked for. 0 = 200 ms.
	Poll time.Duration
	// Again is after how long each delivery is repeated, for what was on its way to the CDN while the first one arrived.
	// 0 = 5 s.
	Again time.Duration
	// MaxRest bounds the pause after deliveries that failed. 0 = 15 s.
	MaxRest time.Duration
	// Registerer receives the metrics; nil = a private registry.
	Registerer prometheus.Registerer
	// Logger; nil = discard.
	Logger *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

const (
	statementTime = 3 * time.Second
	postTime      = 5 * time.Second
	holdTime      = 4 * postTime // longer than a delivery takes, else another instance delivers it too

	// reliableFor is how old an undelivered change may be, and the last look at the queue, while more may still be held.
	reliableFor = 10 * time.Second
	claimRows   = 20
)

// Hook delivers purges. Any number of instances may run one: each delivers what it has claimed.
type Hook struct {
	opt    Options
	queue  *Queue
	client *http.Client
	met    *metrics

	state atomic.Pointer[state]
	// Used by the pass alone: deliveries that failed in a row, the last one's error, and until when to rest.
	failures int
	cause    error
	rest     time.Time
}

// state is what the last look showed.
type state struct {
	at       time.Time
	complete bool
	waiting  int64
	oldest   time.Duration
}

// NewHook makes a hook. Its Job does the work.
func NewHook(o Options) *Hook {
	for _, d := range []struct {
		at *time.Duration
		to time.Duration
	}{{&o.Poll, 200 * time.Millisecond}, {&o.Again, 5 * time.Second}, {&o.MaxRest, 15 * time.Second}} {
		if *d.at <= 0 {
			*d.at = d.to
		}
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Hook{opt: o, queue: NewQueue(o.Pool, o.Feed.On(o.Pool), o.All)}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	h.client = &http.Client{
		Transport: transport, Timeout: postTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it would lose the body
	}
	h.met = newMetrics(o.Registerer, h)
	return h
}

// Job is the hook's work.
func (h *Hook) Job() periodic.Job {
	return periodic.Job{
		Name: "CDN purges", Every: h.opt.Poll, Pass: h.pass, Logger: h.opt.Logger, Now: h.opt.Now,
		Last: func(context.Context) error { h.client.CloseIdleConnections(); return nil },
	}
}

// Reliable reports whether a CDN is told of changes in time: the queue was looked at a moment ago, has every change, and
// none in it has waited for long. While it is not, nothing more should be held.
func (h *Hook) Reliable() bool {
	s := h.state.Load()
	return s != nil && s.complete && s.oldest < reliableFor && h.opt.Now().Sub(s.at) < reliableFor
}

// pass moves what has changed into the queue, and delivers what is due.
func (h *Hook) pass(ctx context.Context) error {
	for {
		if err := h.look(ctx); err != nil {
			return err
		}
		if h.opt.Now().Before(h.rest) {
			return h.cause // it is not over: the log need not say that it works again
		}
		n, err := h.deliver(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}

// look moves changes into the queue and publishes what is waiting.
func (h *Hook) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, statementTime)
	defer cancel()
	at := h.opt.Now()
	feed := h.queue.feed
	s, err := feed.Look(ctx)
	if err != nil {
		return err
	}
	if !s.Joined {
		// What may be held already is of a time of which no changes were recorded.
		return feed.Join(ctx, func(ctx context.Context, tx pgx.Tx) error { return h.queue.everything(ctx, tx, time.Now()) })
	}
	for more := s.Waiting > 0; more; {
		if more, err = h.queue.move(ctx); err != nil {
			return err
		}
	}
	n, oldest, err := h.queue.waiting(ctx)
	if err == nil && n > mostRows {
		err = h.queue.shrink(ctx, mostRows)
	}
	if err != nil {
		return err
	}
	h.state.Store(&state{at: at, complete: s.Complete, waiting: n, oldest: max(oldest, s.Oldest)})
	return nil
}

// deliver claims what is due and delivers as much of it as fits, the oldest first. It reports how many rows were acknowledged.
func (h *Hook) deliver(ctx context.Context) (acknowledged int, err error) {
	claiming, cancel := context.WithTimeout(ctx, statementTime)
	defer cancel()
	list, err := h.queue.claim(claiming, claimRows, holdTime)
	if err != nil {
		return 0, err
	}
	if len(list) == 0 {
		return 0, nil
	}
	n := fitting(list)
	batch, rest := list[:n], list[n:]
	if err := h.post(ctx, batch); err != nil {
		return 0, errors.Join(err, h.failed(ctx, err, list))
	}
	h.failures = 0
	for _, p := range batch {
		if p.delivered == 0 {
			h.met.delay.Observe(max(0, h.opt.Now().Sub(p.changed).Seconds()))
		}
	}
	// What cannot be recorded is delivered once more, when the hold has ended.
	return len(batch), h.bounded(ctx, func(ctx context.Context) error {
		return errors.Join(h.queue.settle(ctx, batch, h.opt.Again), h.queue.release(ctx, rest))
	})
}

// fitting is how many of the first rows go into one delivery: all, if one of them is for everything.
func fitting(list []purge) int {
	if slices.ContainsFunc(list, func(p purge) bool { return p.everything }) {
		return len(list)
	}
	n := 0
	for i, p := range list {
		if n += len(p.tags); n > rowTags && i > 0 {
			return i
		}
	}
	return len(list)
}

// failed releases what was not delivered, and rests for longer each time. What the receiver finds too large becomes one purge
// of everything, which is as small as a delivery can be.
func (h *Hook) failed(ctx context.Context, cause error, list []purge) error {
	h.failures++
	pause := min(h.opt.MaxRest, 250*time.Millisecond<<min(h.failures-1, 10))
	pause = pause/2 + rand.N(pause/2+1) // instances that failed together do not come back together
	var refused *refusedError
	large := errors.As(cause, &refused) && refused.status == http.StatusRequestEntityTooLarge
	if refused != nil && refused.after > pause {
		pause = min(refused.after, h.opt.MaxRest)
	}
	h.rest, h.cause = h.opt.Now().Add(pause), cause
	return h.bounded(context.WithoutCancel(ctx), func(ctx context.Context) error {
		err := h.queue.release(ctx, list)
		if err == nil && large && !list[0].everything {
			err = h.queue.shrink(ctx, 0)
		}
		return err
	})
}

func (h *Hook) bounded(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, statementTime)
	defer cancel()
	return do(ctx)
}

// Delivery is the body of a delivery.
type Delivery struct {
	SentAt time.Time `json:"sent_at"`
	// Everything says that all that is held must go; Tags then holds the tag of every answer.
	Everything bool     `json:"everything"`
	Tags       []string `json:"tags"`
}

// refusedError is an answer that does not acknowledge.
type refusedError struct {
	status int
	after  time.Duration // as Retry-After says
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("the purge hook's receiver answered %d", e.status)
}

// post delivers one batch. Any 2xx acknowledges it.
func (h *Hook) post(ctx context.Context, batch []purge) error {
	now := h.opt.Now()
	d := Delivery{SentAt: now.UTC().Truncate(time.Millisecond)}
	seen := map[string]bool{}
	for _, p := range batch {
		d.Everything = d.Everything || p.everything
		for _, tag := range p.tags {
			if !seen[tag] {
				seen[tag] = true
				d.Tags = append(d.Tags, tag)
			}
		}
	}
	if d.Everything {
		d.Tags = []string{h.opt.All}
	}
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode a purge: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.opt.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("CACHE_PURGE_URL: no request can be made for it")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "openlearn")
	req.Header.Set("Surrogate-Key", tags.Space(d.Tags)) // for receivers that read no bodies, such as Varnish
	req.Header.Set(SignatureField, sign(h.opt.Secret, now, body))
	res, err := h.client.Do(req)
	if err != nil {
		h.met.count(deliveryFailed)
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the address, which may hold a secret
		}
		return fmt.Errorf("deliver a purge: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	_ = res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		h.met.count(deliveryRefused)
		after, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return &refusedError{res.StatusCode, time.Duration(max(0, min(after, 3600))) * time.Second}
	}
	h.met.count(deliveryAcknowledged)
	h.met.tags.Add(float64(len(d.Tags)))
	return nil
}

package government

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

// What goes stale when this changes? Foreign services tell nobody of their changes, so nothing is invalidated but by operators:
//
//	an answer            six hours, less a tenth at random at most; then as its changes teach (cache.Adaptive), one hour to a day
//	an answer of no rows a quarter of an hour: what is missing today may be published soon
//	an expired answer    seven days, while its service gives no data
//	places and rates     what is read of our own tables goes with them
//
// An answer that brings no data, or loses what there was, is never stored.

// Layer is the layer of foreign services' answers.
const Layer = "api_government"

const (
	keptFor  = 7 * 24 * time.Hour
	emptyFor = 15 * time.Minute
	// MaxTTL is the longest lifetime that the cache must allow: a day, and the week after it.
	MaxTTL = 24*time.Hour + keptFor
)

// Layers is this domain's part of the cache's table.
func Layers() []cache.Layer {
	l := cache.Graced(cache.Layer{
		Name: Layer, Namespace: "api:gov", Tier: cache.L2, TTL: 6 * time.Hour, Description: "Answers of Colombian open-data services.",
		HardTimeout: 9 * time.Second, // a question's budget is 8 s
	})
	l.StaleIfError = keptFor
	return []cache.Layer{l}
}

// ask is a question to a foreign service.
type ask struct {
	endpoint string // with params the key of its answer
	params   url.Values
	up       *upstream.Client // nil: it is our own database that is asked
	deps     []string         // what of our own database the answer depends on
	// fetch asks it. same: what is known is still what the service says.
	fetch func(ctx context.Context, known upstream.Validators) (k kept, same bool, err error)
	// missing is what is not found where there are no rows; "" = then there are none.
	missing string
}

// kept is an answer as the cache keeps it.
type kept struct {
	Table table.Table         `json:"table"`
	Total *int                `json:"total,omitempty"`
	Known upstream.Validators `json:"known"`
}

func (a ask) key() cache.Key { return cache.Key{ID: a.endpoint, Params: a.params} }

func (s *Service) newCached(c *cache.Cache) *cache.Func[ask, kept] {
	return cache.Wrap(c, cache.Spec[ask]{
		Layer: Layer, Key: ask.key, Deps: func(a ask) []string { return a.deps }, Adaptive: &cache.Adaptive{Min: time.Hour, Max: 24 * time.Hour}, NegativeTTL: 5 * time.Minute,
	}, s.load).ResultTTL(func(_ ask, k kept) time.Duration {
		if len(k.Table.Rows) == 0 {
			return emptyFor
		}
		return 0 // as it has been learnt
	}).Validate(func(_ ask, k kept) error { return k.Table.Valid() })
}

// load gets an answer from its service, or says why there is none. What was there is asked for conditionally.
func (s *Service) load(ctx context.Context, a ask) (kept, error) {
	name := cache.Hash(a.endpoint, a.params.Encode())
	if err := s.failures.recent(name); err != nil {
		return kept{}, err
	}
	last, had := kept{}, false
	if s.cached != nil && a.up != nil {
		if k, _, err := s.cached.Last(ctx, a); err == nil {
			last, had = k, true
		}
	}
	k, same, err := a.fetch(ctx, last.Known)
	switch {
	case a.up == nil:
		return k, err
	case err != nil:
	case same && had:
		return last, nil
	case same:
		err = a.up.Discard(upstream.Malformed, errors.New("unchanged, where nothing was known"))
	case len(k.Table.Rows) == 0 && len(last.Table.Rows) > 0:
		err = a.up.Discard(upstream.Vanished, fmt.Errorf("no rows where there were %d", len(last.Table.Rows)))
	case len(k.Table.Rows) == 0 && a.missing != "":
		return kept{}, notFound(a.missing)
	}
	if err != nil {
		s.failures.note(name, err)
	}
	return k, err
}

// notFound is remembered as such.
type notFound string

func (e notFound) Error() string { return string(e) }
func (notFound) Unwrap() error   { return cache.ErrNotFound }

// answer is what is kept, or what its service says now.
func (s *Service) answer(ctx context.Context, a ask) (kept, cache.Info, error) {
	if s.cached == nil {
		k, err := s.load(ctx, a)
		return k, cache.Info{Source: cache.FromBypass}, err
	}
	return s.cached.GetInfo(ctx, a)
}

// failures remembers questions that failed lately, so that readers of an expired answer neither wait nor cost the service a
// request each.
type failures struct {
	now    func() time.Time
	recess time.Duration

	mu    sync.Mutex
	byKey map[string]failure
}

type failure struct {
	until time.Time
	err   *upstream.Error
}

// mostFailures bounds the memory; past it all is forgotten.
const mostFailures = 10_000

func (f *failures) recent(key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	was, ok := f.byKey[key]
	if !ok {
		return nil
	}
	left := was.until.Sub(f.now())
	if left <= 0 {
		delete(f.byKey, key)
		return nil
	}
	again := *was.err
	again.After = max(left, time.Second)
	return &again
}

func (f *failures) note(key string, err error) {
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok || e.Kind == upstream.Open { // the caller left, or the breaker keeps this memory
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.byKey) >= mostFailures {
		clear(f.byKey)
	}
	f.byKey[key] = failure{f.now().Add(max(f.recess, e.After)), e}
}

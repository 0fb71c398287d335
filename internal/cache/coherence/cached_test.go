package coherence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
)

// cached is the cache under test, used in every way it offers.
type cached struct {
	w     *worker
	c     *cache.Cache
	funcs map[string]*cache.Func[entry, value]
}

func newCached(w *worker, rdb redis.UniversalClient) (*cached, error) {
	c, err := cache.New(cache.Options{
		Redis: rdb, Layers: layers(), MaxTTL: 10 * time.Minute,
		// It gives up quickly, so that what happens afterwards is tested often.
		RedisTimeout: 300 * time.Millisecond, Lease: 300 * time.Millisecond, LockWait: 700 * time.Millisecond, LoadTimeout: 2 * time.Second,
		BreakerProbe: 30 * time.Millisecond, EarlyRefresh: 30, NearBytes: 48 << 10,
	})
	if err != nil {
		return nil, err
	}
	if err := c.Start(context.Background()); err != nil {
		return nil, err
	}
	s := &cached{w: w, c: c, funcs: map[string]*cache.Func[entry, value]{}}
	for _, layer := range layerNames {
		f := cache.Wrap(c, cache.Spec[entry]{
			Layer: layer,
			Key:   func(e entry) cache.Key { return cache.Key{ID: e.id()} },
			Deps:  func(e entry) []string { return e.declared() },
		}, s.load).ResultTTL(func(e entry, v value) time.Duration {
			if v.Stamp%10 == 0 {
				return time.Duration(100+v.Stamp%400) * time.Millisecond
			}
			return 0
		}).Validate(func(e entry, v value) error {
			if v.Entry != e {
				return fmt.Errorf("an entry for %d, not %d", v.Entry, e)
			}
			return nil
		})
		if layer == plain || layer == bounded {
			f.Batch(s.loadMany)
		}
		if err := f.Err(); err != nil {
			return nil, err
		}
		s.funcs[layer] = f
	}
	return s, nil
}

func (s *cached) close() error { return s.c.Close() }

// load is the fetch of any entry. A "not found" carries its number in its text.
func (s *cached) load(ctx context.Context, e entry) (value, error) {
	parts := e.parts()
	if parts == nil {
		v, err := s.w.fetch(ctx, e)
		if err == nil && v.Missing {
			return value{}, fmt.Errorf("%d: %w", v.Stamp, cache.ErrNotFound)
		}
		return v, err
	}
	v := value{Entry: e, Stamp: s.w.m.Seq.Add(1)}
	s.w.m.count(nLoads, 1)
	s.w.m.InLoad[s.w.Number].Add(1)
	defer s.w.m.InLoad[s.w.Number].Add(-1)
	var got []result
	if e.layer() == site {
		got = s.many(ctx, parts)
	} else {
		for _, p := range parts {
			got = append(got, s.one(ctx, p))
		}
	}
	for _, p := range got {
		if p.err != nil {
			return v, p.err
		}
		v.Parts = append(v.Parts, p.value)
	}
	return v, nil
}

func (s *cached) loadMany(ctx context.Context, es []entry) ([]cache.Loaded[value], error) {
	out := make([]cache.Loaded[value], len(es))
	for i, e := range es {
		out[i].Value, out[i].Err = s.load(ctx, e)
	}
	return out, nil
}

func (s *cached) one(ctx context.Context, e entry) result {
	v, info, err := s.funcs[e.layer()].GetInfo(ctx, e)
	return s.resultOf(e, v, info, err)
}

func (s *cached) many(ctx context.Context, es []entry) []result {
	out := make([]result, len(es))
	for i, got := range s.funcs[es[0].layer()].GetMany(ctx, es) {
		out[i] = s.resultOf(es[i], got.Value, got.Info, got.Err)
	}
	return out
}

func (s *cached) resultOf(e entry, v value, info cache.Info, err error) result {
	if errors.Is(err, cache.ErrNotFound) {
		text, _, _ := strings.Cut(err.Error(), ":")
		stamp, parseErr := strconv.ParseInt(text, 10, 64)
		return result{value: value{Entry: e, Stamp: stamp, Missing: true}, source: info.Source, stale: info.Stale, err: parseErr}
	}
	return result{value: v, source: info.Source, stale: info.Stale, err: err}
}

func (s *cached) read(ctx context.Context, r *rand.Rand, es []entry) []result {
	if len(es) > 1 {
		return s.many(ctx, es)
	}
	e := es[0]
	switch r.IntN(20) {
	case 0:
		v, err := cache.GetOrSet(ctx, s.c, s.entryOf(e), time.Duration(50+r.IntN(1000))*time.Millisecond, func(ctx context.Context) (value, error) {
			return s.load(ctx, e)
		})
		return []result{s.resultOf(e, v, cache.Info{}, err)}
	case 1:
		if e.parts() == nil {
			s.set(ctx, e)
		}
		v, err := cache.Get[value](ctx, s.c, s.entryOf(e))
		if errors.Is(err, cache.ErrMiss) || errors.Is(err, cache.ErrBypass) {
			return []result{s.one(ctx, e)}
		}
		return []result{s.resultOf(e, v, cache.Info{Source: cache.FromRedis}, err)}
	case 2: // a caller in a hurry
		ctx, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(8000))*time.Microsecond)
		defer cancel()
		return []result{s.one(ctx, e)}
	default:
		return []result{s.one(ctx, e)}
	}
}

// set stores a value with a ticket taken before it was obtained.
func (s *cached) set(ctx context.Context, e entry) {
	ticket, err := s.c.Ticket(ctx, s.entryOf(e))
	if err != nil {
		return
	}
	v, err := s.w.fetch(ctx, e)
	if err != nil || v.Missing {
		return
	}
	if cache.Set(ctx, s.c, s.entryOf(e), v, 0, ticket) == nil {
		s.w.m.count(nTickets, 1)
	}
}

func (s *cached) entryOf(e entry) cache.Entry {
	return cache.Entry{Layer: e.layer(), Key: cache.Key{ID: e.id()}, Deps: e.declared()}
}

func (s *cached) invalidate(ctx context.Context, names []string) error {
	first := names[0]
	if layer, ok := strings.CutPrefix(first, deletePattern); ok {
		_, err := s.c.PurgePattern(ctx, layer, oneDigit, cache.PurgeOptions{Within: 20 * time.Millisecond})
		return err
	}
	if layer, ok := strings.CutPrefix(first, "layer:"); ok {
		if len(names) == 1 {
			return s.c.InvalidateLayer(ctx, layer)
		}
		return s.c.InvalidateAll(ctx)
	}
	if layer, id, _ := strings.Cut(first, ":"); len(names) == 1 && s.funcs[layer] != nil {
		return s.c.Delete(ctx, layer, cache.Key{ID: id})
	}
	return s.c.Invalidate(ctx, names...)
}

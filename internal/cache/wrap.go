package cache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Spec says how a function is cached: one screen answers "what goes stale
// when this changes?".
type Spec[A any] struct {
	// Layer is the name of the layer.
	Layer string
	// Key identifies the entry for an argument.
	Key func(A) Key
	// Deps names what the result depends on, as a function of the argument
	// ("article:42", "articles", "source:El Tiempo"). The layer and the entry
	// itself are always added. nil = only those.
	Deps func(A) []string
	// TTL replaces the layer's; 0 = the layer's.
	TTL time.Duration
	// NegativeTTL replaces the layer's for "not found"; 0 = the layer's,
	// negative = do not remember.
	NegativeTTL time.Duration
	// NotFound is the error that a remembered "not found" returns; it should
	// wrap ErrNotFound. nil = an error with the loader's text that does.
	NotFound error
	// Codec; nil = JSON{}.
	Codec Codec
}

// Func is a cached function: a key, its dependencies and a way to load.
type Func[A, T any] struct {
	c      *Cache
	layer  *layerState
	spec   Spec[A]
	load   func(context.Context, A) (T, error)
	fprint uint64
	err    error // of Wrap; returned by every call
}

// Wrap caches load. A wrong spec (an unknown layer, an absurd TTL) is returned
// by every call and by Err.
func Wrap[A, T any](c *Cache, s Spec[A], load func(context.Context, A) (T, error)) *Func[A, T] {
	if s.Codec == nil {
		s.Codec = JSON{}
	}
	f := &Func[A, T]{c: c, spec: s, load: load}
	f.fprint = fingerprint(s.Codec.Name(), reflect.TypeFor[T]())
	f.layer, f.err = c.layer(s.Layer)
	switch {
	case f.err != nil:
	case s.Key == nil || load == nil:
		f.err = fmt.Errorf("cache: wrap in layer %s: Key and load are needed", s.Layer)
	case s.TTL < 0 || s.TTL+f.layer.hardWindow() > c.opt.MaxTTL || s.NegativeTTL > c.opt.MaxTTL:
		f.err = fmt.Errorf("%w: wrap in layer %s: TTL %v, negative %v, at most %v", ErrInvalidTTL, s.Layer, s.TTL, s.NegativeTTL, c.opt.MaxTTL)
	}
	return f
}

// Err is what is wrong with the spec, nil if nothing is.
func (f *Func[A, T]) Err() error { return f.err }

// Get returns the value for a: stored and current, or loaded.
func (f *Func[A, T]) Get(ctx context.Context, a A) (T, error) {
	v, _, err := f.GetInfo(ctx, a)
	return v, err
}

// GetInfo is Get and says where the value came from.
func (f *Func[A, T]) GetInfo(ctx context.Context, a A) (T, Info, error) {
	var zero T
	q, err := f.request(a)
	if err != nil {
		return zero, Info{}, err
	}
	ans, err := f.c.getOrLoad(ctx, q)
	if err != nil {
		return zero, ans.info, err
	}
	if ans.negative {
		return zero, ans.info, f.notFound(ans.payload)
	}
	if v, ok := ans.value.(T); ok {
		return v, ans.info, nil
	}
	var v T
	if err := f.spec.Codec.Unmarshal(ans.payload, &v); err != nil {
		return zero, ans.info, fmt.Errorf("cache: decode %s: %w", q.key, err)
	}
	return v, ans.info, nil
}

// Deps lists everything the entry for a depends on, the implicit ones
// included: what a response built from it must declare.
func (f *Func[A, T]) Deps(a A) []string {
	t, err := f.target(a)
	if err != nil {
		return nil
	}
	return t.deps
}

// Key is the entry's full Redis key; "" for an argument that names none.
func (f *Func[A, T]) Key(a A) string {
	t, err := f.target(a)
	if err != nil {
		return ""
	}
	return t.key
}

func (f *Func[A, T]) target(a A) (target, error) {
	if f.err != nil {
		return target{}, f.err
	}
	var deps []string
	if f.spec.Deps != nil {
		deps = f.spec.Deps(a)
	}
	return f.c.newTarget(f.layer, f.spec.Key(a), deps, f.fprint)
}

func (f *Func[A, T]) request(a A) (*request, error) {
	t, err := f.target(a)
	if err != nil {
		return nil, err
	}
	return &request{target: t, load: func(ctx context.Context) product {
		v, err := f.load(ctx, a)
		return f.produce(v, err)
	}}, nil
}

// produce encodes what the source said. Only what decodes again is stored,
// and what a miss returns is what a hit would.
func (f *Func[A, T]) produce(v T, err error) product {
	if err != nil {
		if !errors.Is(err, ErrNotFound) {
			return product{err: err}
		}
		p := product{negative: true, err: err, payload: []byte(err.Error()), ttl: f.spec.NegativeTTL}
		return p
	}
	p := product{ttl: f.spec.TTL, value: v}
	data, err := f.spec.Codec.Marshal(v)
	if err != nil {
		f.c.log.Warn("cache cannot encode a value", "layer", f.layer.Name, "error", err)
		p.noStore = rejectEncode
		return p
	}
	var back T
	if err := f.spec.Codec.Unmarshal(data, &back); err != nil {
		f.c.log.Warn("cache cannot decode what it encoded", "layer", f.layer.Name, "error", err)
		p.noStore = rejectEncode
		return p
	}
	p.payload, p.value = data, back
	return p
}

// notFoundError is a remembered "not found" whose loader's error is gone.
type notFoundError string

func (e notFoundError) Error() string { return string(e) }
func (e notFoundError) Unwrap() error { return ErrNotFound }

func (f *Func[A, T]) notFound(text []byte) error {
	if f.spec.NotFound != nil {
		return f.spec.NotFound
	}
	return notFoundError(text)
}

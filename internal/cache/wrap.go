package cache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"openlearn/internal/cache/internal/fingerprint"
	"openlearn/internal/cache/internal/near"
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
	// NoCompress leaves payloads as they are: for what is compressed already.
	NoCompress bool
	// Volatile says that the source's answer changes although nothing it
	// depends on does (a count of the last 24 hours): the audit, which could
	// not tell that from incoherence, leaves it alone.
	Volatile bool
	// Shared lets reads from process memory return one and the same decoded
	// value: only for results that no caller modifies. Otherwise each read
	// decodes its own.
	Shared bool
	// Adaptive learns each entry's lifetime from its changes; nil = every entry has the TTL.
	Adaptive *Adaptive
}

// Func is a cached function: a key, its dependencies and a way to load. It is
// safe for concurrent use once built.
type Func[A, T any] struct {
	c      *Cache
	layer  *layerState
	spec   Spec[A]
	load   func(context.Context, A) (T, error)
	many   func(context.Context, []A) ([]Loaded[T], error)
	ttl    func(A, T) time.Duration
	check  func(A, T) error
	pace   *pace
	fprint uint64
	owner  uint64
	err    error // of Wrap; returned by every call
}

// Wrap caches load. A wrong spec (an unknown layer, an absurd TTL) is returned
// by every call and by Err.
func Wrap[A, T any](c *Cache, s Spec[A], load func(context.Context, A) (T, error)) *Func[A, T] {
	if s.Codec == nil {
		s.Codec = JSON{}
	}
	f := &Func[A, T]{c: c, spec: s, load: load, owner: c.owners.Add(1)}
	f.fprint = fingerprint.Of(s.Codec.Name(), reflect.TypeFor[T]())
	c.schemas.Note(f.fprint, s.Codec.Name(), reflect.TypeFor[T]())
	f.layer, f.err = c.layer(s.Layer)
	switch {
	case f.err != nil:
	case s.Key == nil || load == nil:
		f.err = fmt.Errorf("cache: wrap in layer %s: Key and load are needed", s.Layer)
	case s.TTL < 0 || s.TTL+f.layer.hardWindow() > c.opt.MaxTTL || s.NegativeTTL > c.opt.MaxTTL:
		f.err = fmt.Errorf("%w: wrap in layer %s: TTL %v, negative %v, at most %v", ErrInvalidTTL, s.Layer, s.TTL, s.NegativeTTL, c.opt.MaxTTL)
	}
	if s.Adaptive != nil && f.err == nil {
		var err error
		if f.pace, err = newPace(*s.Adaptive, &f.layer.Layer, s.TTL, c.opt.MaxTTL); err != nil {
			f.err = fmt.Errorf("cache: wrap in layer %s: %w", s.Layer, err)
		}
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

// ResultTTL lets each result say how long it is good for: 0 = the Spec's,
// negative = do not store. Call ResultTTL before the first use; it returns f.
func (f *Func[A, T]) ResultTTL(ttl func(A, T) time.Duration) *Func[A, T] {
	f.ttl = ttl
	return f
}

// Validate refuses results: one that fails the check is neither stored nor,
// when found stored, returned. Call Validate before the first use; it returns
// f.
func (f *Func[A, T]) Validate(check func(A, T) error) *Func[A, T] {
	f.check = check
	return f
}

// GetInfo is Get that also says where the value came from.
func (f *Func[A, T]) GetInfo(ctx context.Context, a A) (T, Info, error) {
	var zero T
	if f.err != nil {
		return zero, Info{}, f.err
	}
	if f.mayServeBounded(ctx) {
		if e := f.nearBounded(a); e != nil {
			return f.fromNear(ctx, a, e)
		}
	}
	q, err := f.request(a)
	if err != nil {
		return zero, Info{}, err
	}
	return f.get(ctx, q, a)
}

// Place is where an argument's entry lies and what that depends on. Both are
// functions of the argument, so a frequent reader can work them out once.
type Place struct{ t target }

// Place returns the place of a's entry.
func (f *Func[A, T]) Place(a A) (Place, error) {
	t, err := f.target(a)
	return Place{t}, err
}

// GetPlaced is GetInfo for an argument whose place is known.
func (f *Func[A, T]) GetPlaced(ctx context.Context, p *Place, a A) (T, Info, error) {
	if f.err != nil || p.t.layer != f.layer { // not this Func's
		return f.GetInfo(ctx, a)
	}
	if f.mayServeBounded(ctx) {
		if e := f.c.bounded(f.layer, p.t.key, f.owner); e != nil {
			return f.fromNear(ctx, a, e)
		}
	}
	return f.get(ctx, f.requestFor(p.t, a), a)
}

// fromNear delivers an entry that needed no look at Redis.
func (f *Func[A, T]) fromNear(ctx context.Context, a A, e *near.Entry) (T, Info, error) {
	f.c.tracedNear(ctx, f.layer)
	f.layer.met.hits.inc()
	f.layer.met.nearHits.inc()
	if e.Envelope.IsNegative() {
		f.layer.met.negatives.inc()
	}
	ans := nearAnswer(e, false)
	v, info, err := f.deliver(a, &ans)
	if unusable(&ans, err) {
		if q, err := f.request(a); err == nil {
			return f.replace(ctx, q, a, &ans)
		}
	}
	return v, info, err
}

// mayServeBounded reports whether a read may be answered without a look at
// Redis.
func (f *Func[A, T]) mayServeBounded(ctx context.Context) bool {
	return f.layer.Near.Mode == NearBounded && scopeOf(ctx) == nil && f.c.opt.Gate()
}

func (f *Func[A, T]) get(ctx context.Context, q *request, a A) (T, Info, error) {
	ans, err := f.c.getOrLoad(ctx, q)
	return f.settle(ctx, q, a, &ans, err)
}

// settle turns the outcome of a read into what the caller gets.
func (f *Func[A, T]) settle(ctx context.Context, q *request, a A, ans *answer, err error) (T, Info, error) {
	if err != nil {
		var zero T
		return zero, ans.info, err
	}
	v, info, err := f.deliver(a, ans)
	if unusable(ans, err) {
		return f.replace(ctx, q, a, ans)
	}
	return v, info, err
}

// unusable reports whether a stored entry was delivered with an error: it does
// not decode or validate.
func unusable(ans *answer, err error) bool {
	return err != nil && !errors.Is(err, ErrNotFound) && ans.info.Source != FromSource && ans.info.Source != FromBypass
}

// replace loads again an entry that was stored but proved unusable: this counts
// as a miss.
func (f *Func[A, T]) replace(ctx context.Context, q *request, a A, stored *answer) (T, Info, error) {
	f.layer.met.rejected[rejectUndecoded].inc()
	f.c.near.Remove(q.key)
	ans, err := f.c.reload(ctx, q, stored.info.stored)
	if err != nil {
		var zero T
		return zero, ans.info, err
	}
	return f.deliver(a, &ans)
}

// deliver turns an answer into what the caller gets.
func (f *Func[A, T]) deliver(a A, ans *answer) (T, Info, error) {
	if !ans.negative {
		if v, ok := f.ready(ans); ok {
			return v, ans.info, nil
		}
	}
	return f.decode(a, ans)
}

// ready returns the value itself if there is one for this caller.
func (f *Func[A, T]) ready(ans *answer) (v T, ok bool) {
	if ans.near != nil && f.spec.Shared {
		if p := ans.near.Shared.Load(); p != nil {
			v, ok = (*p).(T)
			return v, ok
		}
	}
	v, ok = ans.value.(T)
	return v, ok
}

func (f *Func[A, T]) decode(a A, ans *answer) (T, Info, error) {
	var v T
	if ans.negative {
		return v, ans.info, f.notFound(ans.payload)
	}
	if err := f.spec.Codec.Unmarshal(ans.payload, &v); err != nil {
		return v, ans.info, fmt.Errorf("cache: decode an entry of layer %s: %w", f.layer.Name, err)
	}
	if f.check != nil {
		if err := f.check(a, v); err != nil {
			return v, ans.info, fmt.Errorf("cache: entry of layer %s is not valid: %w", f.layer.Name, err)
		}
	}
	if ans.near != nil && f.spec.Shared {
		boxed := any(v)
		ans.near.Shared.Store(&boxed)
	}
	return v, ans.info, nil
}

// nearBounded looks in memory without making the key a string of its own.
func (f *Func[A, T]) nearBounded(a A) *near.Entry {
	id, err := f.spec.Key(a).identifier()
	if err != nil {
		return nil
	}
	p := keyBuffers.Get().(*[]byte)
	b := append(append((*p)[:0], f.layer.keyPrefix...), id...)
	e := f.c.bounded(f.layer, unsafe.String(unsafe.SliceData(b), len(b)), f.owner)
	*p = b
	keyBuffers.Put(p)
	return e
}

// keyBuffers recycles the bytes of lookups; a lookup keeps no reference.
var keyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 128); return &b }}

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
	return f.requestFor(t, a), nil
}

func (f *Func[A, T]) requestFor(t target, a A) *request {
	return &request{target: t, owner: f.owner, plain: f.spec.NoCompress, volatile: f.spec.Volatile, load: func(ctx context.Context, solo bool) product {
		v, err := f.load(ctx, a)
		if solo && err == nil && any(v) != nil {
			return f.hand(a, v)
		}
		return f.produce(a, v, err)
	}}
}

// hand passes a value on as it is, to the one caller it was fetched for.
func (f *Func[A, T]) hand(a A, v T) product {
	if f.check != nil {
		if err := f.check(a, v); err != nil {
			return f.invalid(err)
		}
	}
	return product{ttl: f.lifetime(a, v), value: v}
}

// lifetime is how long a result is to be kept, 0 for the layer's.
func (f *Func[A, T]) lifetime(a A, v T) time.Duration {
	if f.ttl != nil {
		if d := f.ttl(a, v); d != 0 {
			return d
		}
	}
	return f.spec.TTL
}

func (f *Func[A, T]) invalid(err error) product {
	f.layer.met.rejected[rejectValidation].inc()
	return product{err: fmt.Errorf("cache: result for layer %s is not valid: %w", f.layer.Name, err)}
}

// produce encodes what the source said. Only what decodes again and validates
// is stored, and a miss returns what a hit would.
func (f *Func[A, T]) produce(a A, v T, err error) product {
	if err != nil {
		if !errors.Is(err, ErrNotFound) {
			return product{err: err}
		}
		return product{negative: true, err: err, payload: []byte(err.Error()), ttl: f.spec.NegativeTTL}
	}
	p := product{ttl: f.lifetime(a, v), value: v}
	data, err := f.spec.Codec.Marshal(v)
	var back T
	if err == nil {
		err = f.spec.Codec.Unmarshal(data, &back)
	}
	if err != nil {
		f.c.log.Warn("cache entry not stored: does not encode and decode", "layer", f.layer.Name, "error", err)
		p.reject = rejectEncode
		return p
	}
	p.payload, p.value = data, back
	if f.check != nil {
		if err := f.check(a, back); err != nil {
			return f.invalid(err)
		}
	}
	if f.pace != nil && p.ttl == f.spec.TTL {
		if id, err := f.spec.Key(a).identifier(); err == nil {
			p.ttl = f.pace.fetched(id, data, f.c.opt.Now())
		}
	}
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

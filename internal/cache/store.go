package cache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"openlearn/internal/cache/internal/fingerprint"
	"openlearn/internal/cache/internal/version"
)

// Entry names one entry for the operations below. The dependencies must be
// the same wherever the entry is read and written; the layer and the entry
// itself are always added.
type Entry struct {
	Layer string
	Key   Key
	Deps  []string
}

// Ticket is the versions of an entry's dependencies at a moment. A value
// obtained after that moment may be stored with it: if anything it depends on
// was invalidated since, the stored value counts for nothing.
type Ticket struct {
	key      string
	versions string
}

func entryTarget[T any](c *Cache, e Entry, codec Codec) (target, error) {
	l, err := c.layer(e.Layer)
	if err != nil {
		return target{}, err
	}
	fprint := fingerprint.Of(codec.Name(), reflect.TypeFor[T]())
	c.schemas.Note(fprint, codec.Name(), reflect.TypeFor[T]())
	return c.newTarget(l, e.Key, e.Deps, fprint)
}

// Ticket reads the versions that an entry's value will be stored with. Take it
// before the value is obtained, and use it within a minute: versions that no
// entry was stored with are kept for little longer than the longest load, and
// a value stored with one that is gone is never served.
func (c *Cache) Ticket(ctx context.Context, e Entry) (Ticket, error) {
	t, err := entryTarget[struct{}](c, e, JSON{})
	if err != nil {
		return Ticket{}, err
	}
	if err := c.usable(); err != nil {
		return Ticket{}, err
	}
	met := c.history.met.Load()
	have, err := c.readKeys(ctx, "", t.vkeys)
	if err != nil {
		return Ticket{}, fmt.Errorf("cache: ticket for %s: %w", t.key, err)
	}
	versions, err := c.ensureVersions(ctx, t.vkeys, have, met)
	if errors.Is(err, errClosed) {
		err = errors.Join(ErrBypass, err)
	}
	if err != nil {
		return Ticket{}, fmt.Errorf("cache: ticket for %s: %w", t.key, err)
	}
	pipe := c.rdb.Pipeline()
	queueOutlive(ctx, pipe, t.vkeys, c.freshLife.Milliseconds())
	if _, err := pipe.Exec(ctx); err != nil { // the ticket may serve for a shorter time
		c.log.Debug("cache versions of a ticket not extended", "key", t.key, "error", err)
	}
	return Ticket{key: t.key, versions: versions}, nil
}

// usable is ErrBypass while stored entries may not be used.
func (c *Cache) usable() error {
	if c.life.Err() != nil {
		return ErrClosed
	}
	if !c.opt.Gate() || c.breaker.open.Load() {
		return ErrBypass
	}
	return nil
}

// Get returns what is stored, current and within its TTL: ErrMiss if nothing
// is, an error that wraps ErrNotFound for a remembered "not found".
func Get[T any](ctx context.Context, c *Cache, e Entry) (T, error) {
	var v T
	t, err := entryTarget[T](c, e, JSON{})
	if err != nil {
		return v, err
	}
	if err := c.usable(); err != nil {
		return v, err
	}
	if scopeOf(ctx).bypassed() {
		return v, ErrBypass
	}
	r, err := c.readEntry(ctx, &t)
	if err != nil {
		return v, fmt.Errorf("cache: get %s: %w", t.key, err)
	}
	now := c.nowMS()
	env, verdict := judge(&t, r, now)
	if verdict != fresh {
		t.layer.met.misses.inc()
		return v, ErrMiss
	}
	ans, err := c.answerFrom(t.layer, &env, FromRedis, now)
	if err == nil && !ans.negative {
		if err = (JSON{}).Unmarshal(ans.payload, &v); err != nil {
			t.layer.met.rejected[rejectUndecoded].inc()
		}
	}
	if err != nil {
		t.layer.met.misses.inc()
		return v, ErrMiss
	}
	t.layer.met.hits.inc()
	scopeOf(ctx).note(c, t.deps, &ans.inherited)
	if ans.negative {
		return v, notFoundError(ans.payload)
	}
	return v, nil
}

// Set stores a value with the ticket that was taken before it was obtained.
// ttl 0 is the layer's. That Set returns nil does not mean that the value will
// be served: something it depends on may have changed since the ticket.
func Set[T any](ctx context.Context, c *Cache, e Entry, v T, ttl time.Duration, ticket Ticket) error {
	t, err := entryTarget[T](c, e, JSON{})
	if err != nil {
		return err
	}
	if ticket.key != t.key || len(ticket.versions) != len(t.vkeys)*version.Len {
		return fmt.Errorf("%w: set %s: the ticket is for another entry", ErrInvalidKey, t.key)
	}
	if err := c.checkTTL(t.layer, ttl); err != nil {
		return fmt.Errorf("set %s: %w", t.key, err)
	}
	if err := c.usable(); err != nil {
		return err
	}
	payload, err := (JSON{}).Marshal(v)
	if err != nil {
		return fmt.Errorf("cache: set %s: %w", t.key, err)
	}
	if len(payload) > c.opt.MaxValueBytes {
		t.layer.met.rejected[rejectTooLarge].inc()
		return fmt.Errorf("%w: set %s: %d bytes, at most %d", ErrTooLarge, t.key, len(payload), c.opt.MaxValueBytes)
	}
	q := &request{target: t}
	p := &product{payload: payload, ttl: ttl}
	env, ok := c.envelopeFor(q, p, ticket.versions, 0, c.lifetime(q, p, inherited{}))
	if !ok {
		return fmt.Errorf("cache: set %s: refused", t.key)
	}
	fills := []entryFill{{target: &t, envelope: &env}}
	if c.store(ctx, t.layer, fills); !fills[0].stored {
		return fmt.Errorf("cache: set %s: Redis did not take it", t.key)
	}
	c.near.Remove(t.key)
	return nil
}

// CheckTTL says whether Set would take a lifetime in a layer; 0 is the layer's.
func (c *Cache) CheckTTL(layer string, ttl time.Duration) error {
	l, err := c.layer(layer)
	if err != nil {
		return err
	}
	return c.checkTTL(l, ttl)
}

func (c *Cache) checkTTL(l *layerState, ttl time.Duration) error {
	if ttl < 0 || ttl+l.hardWindow() > c.opt.MaxTTL {
		return fmt.Errorf("%w: %v is not in [0, %v]", ErrInvalidTTL, ttl, c.opt.MaxTTL-l.hardWindow())
	}
	return nil
}

// GetOrSet returns what is stored or loads it, as a Func would; for entries
// that are not worth a Func. ttl 0 is the layer's.
func GetOrSet[T any](ctx context.Context, c *Cache, e Entry, ttl time.Duration, load func(context.Context) (T, error)) (T, error) {
	f := Wrap(c, Spec[struct{}]{
		Layer: e.Layer,
		Key:   func(struct{}) Key { return e.Key },
		Deps:  func(struct{}) []string { return e.Deps },
		TTL:   ttl,
	}, func(ctx context.Context, _ struct{}) (T, error) { return load(ctx) })
	return f.Get(ctx, struct{}{})
}

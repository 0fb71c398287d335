package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/names"
	"openlearn/internal/cache/internal/version"
)

// Inspected is what is stored under a key, current or not, as an operator sees it.
type Inspected struct {
	Key      string        // the Redis key
	Payload  []byte        // as encoded by its codec, uncompressed; the text of a "not found"
	Negative bool          // it is a remembered "not found"
	Current  bool          // a read would return it
	Stale    bool          // past its TTL
	StoredAt time.Time     // when its fetch ended
	Expires  time.Time     // when it goes stale
	Good     time.Time     // until when it may stand in for a source that fails
	Cost     time.Duration // how long its fetch took
	Bytes    int           // size in Redis
	// Compressed says that the payload is stored compressed.
	Compressed bool
	// Codec and Type are what wrote it, "" if nothing in this process reads
	// or writes such entries (another release's, perhaps).
	Codec, Type string
	// Dependencies are the names it depends on, each with whether the version
	// that was recorded is still the current one.
	Dependencies []Dependency
}

// Dependency is a name that an entry depends on.
type Dependency struct {
	Name  string
	Holds bool
}

// Inspect reads what is stored under an identifier as Keys lists it (a variant's
// ends in the hash of its parameters), of any type, whether or not it is
// current: ErrMiss if there is no entry.
func (c *Cache) Inspect(ctx context.Context, layer, id string) (Inspected, error) {
	l, err := c.layer(layer)
	if err != nil {
		return Inspected{}, err
	}
	ids := names.Stored(id)
	if len(ids) == 0 {
		return Inspected{}, fmt.Errorf("layer %s: %w: empty identifier", layer, ErrInvalidKey)
	}
	for _, id := range ids {
		var s Inspected
		if s, err = c.inspect(ctx, l, id); !errors.Is(err, ErrMiss) {
			return s, err
		}
	}
	return Inspected{}, err
}

func (c *Cache) inspect(ctx context.Context, l *layerState, id string) (Inspected, error) {
	key := l.keyPrefix + id
	raw, err := c.rdb.Get(ctx, key).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return Inspected{}, ErrMiss
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return Inspected{}, l.undecoded()
	case err != nil:
		return Inspected{}, fmt.Errorf("cache: inspect %s: %w", key, err)
	}
	e, err := envelope.Decode(raw)
	if err != nil {
		return Inspected{}, l.undecoded()
	}
	deps, err := e.Deps()
	if err != nil {
		return Inspected{}, l.undecoded()
	}
	_, vkeys := version.EntryKeys(l.keyPrefix, id, deps)
	versions, err := c.readKeys(ctx, "", vkeys)
	if err != nil {
		return Inspected{}, fmt.Errorf("cache: inspect %s: %w", key, err)
	}
	payload, err := c.packer.Unpack(&e)
	if err != nil {
		return Inspected{}, l.undecoded()
	}
	now := c.nowMS()
	s := Inspected{
		Key: key, Payload: payload, Negative: e.IsNegative(), Current: now < e.Hard, Stale: now >= e.Soft,
		StoredAt: time.UnixMilli(e.Stored), Expires: time.UnixMilli(e.Soft), Good: time.UnixMilli(e.Hard),
		Cost: time.Duration(e.Cost) * time.Microsecond, Bytes: len(raw), Compressed: e.IsCompressed(),
	}
	for i, name := range deps {
		holds := versions[i] == e.Version(i)
		s.Current = s.Current && holds
		s.Dependencies = append(s.Dependencies, Dependency{name, holds})
	}
	s.Codec, s.Type = c.schemas.Find(e.Fingerprint, deps)
	return s, nil
}

func (l *layerState) undecoded() error {
	l.met.rejected[rejectUndecoded].inc()
	return ErrMiss
}

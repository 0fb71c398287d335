package cache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Inspected is what is stored under a key, current or not, as an operator sees it.
type Inspected struct {
	Key      string        // the Redis key
	Payload  []byte        // as encoded by its codec, uncompressed; the text of a "not found"
	Negative bool          // it is a remembered "not found"
	Current  bool          // a read would be given it
	Stale    bool          // past its TTL
	StoredAt time.Time     // when its fetch ended
	Expires  time.Time     // when it goes stale
	Good     time.Time     // until when it may stand in for a source that fails
	Cost     time.Duration // what its fetch took
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
	ids, err := storedAs(id)
	if err != nil {
		return Inspected{}, fmt.Errorf("layer %s: %w", layer, err)
	}
	for _, id := range ids {
		var s Inspected
		if s, err = c.inspect(ctx, l, id); !errors.Is(err, ErrMiss) {
			return s, err
		}
	}
	return Inspected{}, err
}

// storedAs lists what an operator's identifier may be in keys: itself, and
// what an ID of that text becomes.
func storedAs(id string) ([]string, error) {
	as, err := Key{ID: id}.identifier()
	if err != nil {
		return nil, err
	}
	if as == id || len(id) > maxIDBytes+1+paramsHex {
		return []string{as}, nil
	}
	return []string{id, as}, nil
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
	e, err := decodeEnvelope(raw)
	if err != nil {
		return Inspected{}, l.undecoded()
	}
	deps, err := e.deps()
	if err != nil {
		return Inspected{}, l.undecoded()
	}
	_, vkeys := c.redisKeys(l, id, deps)
	versions, err := c.readKeys(ctx, "", vkeys)
	if err != nil {
		return Inspected{}, fmt.Errorf("cache: inspect %s: %w", key, err)
	}
	payload, err := c.unpack(&e)
	if err != nil {
		return Inspected{}, l.undecoded()
	}
	now := c.nowMS()
	s := Inspected{
		Key: key, Payload: payload, Negative: e.negative(), Current: now < e.hard, Stale: now >= e.soft,
		StoredAt: time.UnixMilli(e.stored), Expires: time.UnixMilli(e.soft), Good: time.UnixMilli(e.hard),
		Cost: time.Duration(e.cost) * time.Microsecond, Bytes: len(raw), Compressed: e.flags&flagCompressed != 0,
	}
	for i, name := range deps {
		holds := versions[i] == e.versions[i*nonceLen:(i+1)*nonceLen]
		s.Current = s.Current && holds
		s.Dependencies = append(s.Dependencies, Dependency{name, holds})
	}
	s.Codec, s.Type = c.schemas.of(e.fprint, deps)
	return s, nil
}

func (l *layerState) undecoded() error {
	l.met.rejected[rejectUndecoded].inc()
	return ErrMiss
}

// schemas remembers what kinds of entries this process reads and writes, so
// that an entry's fingerprint can be told in words. Few, and written once.
type schemas struct{ byPrint sync.Map } // uint64 → schema

type schema struct{ codec, kind string }

func (s *schemas) note(fprint uint64, codec string, t reflect.Type) {
	if _, ok := s.byPrint.Load(fprint); !ok {
		s.byPrint.Store(fprint, schema{codec, t.String()})
	}
}

// of finds the schema whose fingerprint, with these dependencies mixed in, is
// the entry's.
func (s *schemas) of(fprint uint64, deps []string) (codec, kind string) {
	s.byPrint.Range(func(base, have any) bool {
		if withDeps(base.(uint64), deps) == fprint {
			codec, kind = have.(schema).codec, have.(schema).kind
		}
		return codec == ""
	})
	return codec, kind
}

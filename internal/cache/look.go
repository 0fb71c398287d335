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

// Stored is what lies under a key, current or not, as an operator sees it.
type Stored struct {
	Inspected
	// Current is false for an entry that no read would be given.
	Current bool
	// Dependencies are the names with whether the version that was recorded
	// is still the current one.
	Dependencies []Dependency
	// Good is until when it may stand in for a source that fails.
	Good time.Time
	// Codec and Type are what wrote it, "" if nothing in this process reads
	// or writes such entries (another release's, perhaps).
	Codec, Type string
	// Compressed says that the payload lies compressed in Redis.
	Compressed bool
}

// Dependency is a name an entry hangs on.
type Dependency struct {
	Name  string
	Holds bool
}

// Look reads what is stored under an identifier as Keys lists it (a variant's
// ends in the hash of its parameters): ErrMiss if nothing of ours is.
func (c *Cache) Look(ctx context.Context, layer, id string) (Stored, error) {
	l, err := c.layer(layer)
	if err != nil {
		return Stored{}, err
	}
	ids, err := storedAs(id)
	if err != nil {
		return Stored{}, fmt.Errorf("layer %s: %w", layer, err)
	}
	for _, id := range ids {
		var s Stored
		if s, err = c.look(ctx, l, id); !errors.Is(err, ErrMiss) {
			return s, err
		}
	}
	return Stored{}, err
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

func (c *Cache) look(ctx context.Context, l *layerState, id string) (Stored, error) {
	key := l.keyPrefix + id
	raw, err := c.rdb.Get(ctx, key).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return Stored{}, ErrMiss
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return Stored{}, l.undecoded()
	case err != nil:
		return Stored{}, fmt.Errorf("cache: inspect %s: %w", key, err)
	}
	e, err := decodeEnvelope(raw)
	if err != nil {
		return Stored{}, l.undecoded()
	}
	deps, err := e.deps()
	if err != nil {
		return Stored{}, l.undecoded()
	}
	_, vkeys := c.redisKeys(l, id, deps)
	versions, err := c.readKeys(ctx, "", vkeys)
	if err != nil {
		return Stored{}, fmt.Errorf("cache: inspect %s: %w", key, err)
	}
	payload, err := c.unpack(&e)
	if err != nil {
		return Stored{}, l.undecoded()
	}
	now := c.nowMS()
	s := Stored{
		Inspected: Inspected{
			Key: key, Payload: payload, Negative: e.negative(), Stale: now >= e.soft,
			StoredAt: time.UnixMilli(e.stored), Expires: time.UnixMilli(e.soft),
			Cost: time.Duration(e.cost) * time.Microsecond, Deps: deps, Bytes: len(raw),
		},
		Current: now < e.hard, Good: time.UnixMilli(e.hard), Compressed: e.flags&flagCompressed != 0,
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

package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Inspected is a stored, current entry as an operator sees it.
type Inspected struct {
	Key      string        // the Redis key
	Payload  []byte        // as encoded by its codec, uncompressed; the text of a "not found"
	Negative bool          // it is a remembered "not found"
	Stale    bool          // past its TTL
	StoredAt time.Time     // when its fetch ended
	Expires  time.Time     // when it goes stale
	Cost     time.Duration // what its fetch took
	Deps     []string      // what it depends on
	Bytes    int           // size in Redis
}

// Inspect reads an entry of any type: ErrMiss unless it is there and current.
func (c *Cache) Inspect(ctx context.Context, layer string, k Key) (Inspected, error) {
	l, err := c.layer(layer)
	if err != nil {
		return Inspected{}, err
	}
	id, err := k.identifier()
	if err != nil {
		return Inspected{}, fmt.Errorf("layer %s: %w", layer, err)
	}
	s, err := c.look(ctx, l, id)
	if err == nil && !s.Current {
		err = ErrMiss
	}
	if err != nil {
		return Inspected{}, err
	}
	return s.Inspected, nil
}

// Exists reports whether an entry is stored and current.
func (c *Cache) Exists(ctx context.Context, layer string, k Key) (bool, error) {
	_, err := c.Inspect(ctx, layer, k)
	if errors.Is(err, ErrMiss) {
		return false, nil
	}
	return err == nil, err
}

// Delete makes an entry unusable, with it any fill of it under way, and frees
// its memory. Deleting what is not there is no error.
func (c *Cache) Delete(ctx context.Context, layer string, k Key) error {
	l, err := c.layer(layer)
	if err != nil {
		return err
	}
	id, err := k.identifier()
	if err != nil {
		return fmt.Errorf("layer %s: %w", layer, err)
	}
	if err := c.Invalidate(ctx, l.Name+":"+id); err != nil {
		return err
	}
	c.near.remove(l.keyPrefix + id)
	if err := c.rdb.Unlink(ctx, l.keyPrefix+id).Err(); err != nil {
		// It is unusable already; its memory goes with its TTL.
		c.log.Debug("cache entry invalidated but not freed", "key", l.keyPrefix+id, "error", err)
	}
	return nil
}

// DeletePattern makes every entry of a layer unusable whose identifier matches,
// fills under way included, and returns how many were stored. In a pattern *
// stands for any text, ? for one character, and \ takes their meaning away;
// nothing else is special, and no pattern reaches outside the layer. It walks the keyspace: for operators, not
// for requests.
func (c *Cache) DeletePattern(ctx context.Context, layer, pattern string) (int, error) {
	l, err := c.layer(layer)
	if err != nil {
		return 0, err
	}
	p, err := newPattern(pattern)
	if err != nil {
		return 0, fmt.Errorf("layer %s: %w", layer, err)
	}
	// The versions first: a fill under way has made its entry's version before
	// it fetches, so it is found here even while its entry is not stored yet.
	versions := c.depPrefix + l.Name + ":"
	err = c.scan(ctx, escapeGlob(versions)+p.glob, func(keys []string) error {
		deps := make([]string, 0, len(keys))
		for _, k := range keys {
			if p.match(k[len(versions):]) {
				deps = append(deps, k[len(c.depPrefix):])
			}
		}
		return c.Invalidate(ctx, deps...)
	})
	if err != nil {
		return 0, fmt.Errorf("cache: delete pattern %q in layer %s: %w", pattern, layer, err)
	}
	n := 0
	err = c.scan(ctx, escapeGlob(l.keyPrefix)+p.glob, func(keys []string) error {
		pipe := c.rdb.Pipeline()
		cmds := make([]*redis.IntCmd, 0, len(keys))
		for _, k := range keys {
			if p.match(k[len(l.keyPrefix):]) {
				c.near.remove(k)
				cmds = append(cmds, pipe.Unlink(ctx, k))
			}
		}
		if len(cmds) == 0 {
			return nil
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		for _, cmd := range cmds {
			n += int(cmd.Val())
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("cache: delete pattern %q in layer %s: %w", pattern, layer, err)
	}
	return n, nil
}

// Keys lists identifiers stored in a layer that match a pattern, at most limit
// of them, in no order; what was invalidated but not yet freed is among them.
// It walks the keyspace.
func (c *Cache) Keys(ctx context.Context, layer, pattern string, limit int) ([]string, error) {
	l, err := c.layer(layer)
	if err != nil {
		return nil, err
	}
	p, err := newPattern(pattern)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", layer, err)
	}
	var out []string
	seen := map[string]bool{}
	err = c.scan(ctx, escapeGlob(l.keyPrefix)+p.glob, func(keys []string) error {
		for _, k := range keys {
			id := k[len(l.keyPrefix):]
			if !seen[k] && len(out) < limit && p.match(id) {
				seen[k] = true
				out = append(out, id)
			}
		}
		if len(out) >= limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("cache: keys %q in layer %s: %w", pattern, layer, err)
	}
	return out, nil
}

var errEnough = errors.New("enough")

// LayerTable returns the table of layers this cache works with.
func (c *Cache) LayerTable() []Layer {
	out := make([]Layer, len(c.order))
	for i, l := range c.order {
		out[i] = l.Layer
	}
	return out
}

const scanCount = 500

// scan hands every key that matches to visit, page by page, on every primary.
// Pages of several primaries come one at a time.
func (c *Cache) scan(ctx context.Context, match string, visit func([]string) error) error {
	var mu sync.Mutex
	one := func(ctx context.Context, r redis.Cmdable) error {
		for cursor := uint64(0); ; {
			keys, next, err := r.Scan(ctx, cursor, match, scanCount).Result()
			if err != nil {
				return err
			}
			if len(keys) > 0 {
				mu.Lock()
				err = visit(keys)
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	}
	if r, ok := c.rdb.(*redis.ClusterClient); ok {
		return r.ForEachMaster(ctx, func(ctx context.Context, n *redis.Client) error { return one(ctx, n) })
	}
	return one(ctx, c.rdb)
}

package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
)

// Exists reports whether an entry is stored and current.
func (c *Cache) Exists(ctx context.Context, layer string, k Key) (bool, error) {
	l, err := c.layer(layer)
	if err != nil {
		return false, err
	}
	id, err := k.identifier()
	if err != nil {
		return false, fmt.Errorf("layer %s: %w", layer, err)
	}
	in, err := c.inspect(ctx, l, id)
	if errors.Is(err, ErrMiss) {
		return false, nil
	}
	return in.Current, err
}

// Delete makes an entry and any fill of it in progress unusable, and frees its
// memory. Deleting an entry that does not exist is not an error.
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
	c.near.Remove(l.keyPrefix + id)
	if err := c.rdb.Unlink(ctx, l.keyPrefix+id).Err(); err != nil {
		// It is already unusable; its memory is freed when it expires.
		c.log.Debug("cache entry invalidated but not freed", "key", l.keyPrefix+id, "error", err)
	}
	return nil
}

// LayerTable returns the table of layers this cache works with.
func (c *Cache) LayerTable() []Layer {
	out := make([]Layer, len(c.order))
	for i, l := range c.order {
		out[i] = l.Layer
	}
	return out
}

// Forget frees the memory of entries and of the versions that stand for them
// alone. Unlike Delete it promises nothing: it is for entries that are current
// but not worth their memory. Whatever was built from them is loaded again;
// other versions they depend on expire with the entries stored with them.
func (c *Cache) Forget(ctx context.Context, layer string, ks ...Key) error {
	l, err := c.layer(layer)
	if err != nil {
		return err
	}
	pipe := c.rdb.Pipeline()
	for _, k := range ks {
		id, err := k.identifier()
		if err != nil {
			return fmt.Errorf("layer %s: %w", layer, err)
		}
		key, vkeys := version.EntryKeys(l.keyPrefix, id, []string{l.selfDep(id)})
		c.near.Remove(key)
		pipe.Unlink(ctx, key)
		pipe.Unlink(ctx, vkeys[0]) // in another slot on Cluster
	}
	if pipe.Len() == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("cache: forget %d entries of layer %s: %w", len(ks), layer, err)
	}
	return nil
}

const scanCount = 500

// scan passes every matching key to visit, page by page, on every primary.
// visit is never called concurrently.
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

package cache

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Invalidate gives dependencies a new version, whatever hangs on them, in one
// round trip. Once it has returned nil, no read on any instance returns a
// value whose fetch began before it was called. After an error nothing is
// promised and the caller must try again.
func (c *Cache) Invalidate(ctx context.Context, deps ...string) error {
	if len(deps) == 0 {
		return nil
	}
	pipe := c.rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, 0, len(deps))
	for _, d := range deps {
		if d == "" {
			return fmt.Errorf("%w: invalidate: empty dependency", ErrInvalidKey)
		}
		for _, k := range c.versionKeys(d) {
			cmds = append(cmds, pipe.Set(ctx, k, newNonce(), c.versionLife))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("cache: invalidate %d dependencies (first %q): %w", len(deps), deps[0], err)
	}
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return fmt.Errorf("cache: invalidate %d dependencies (first %q): %w", len(deps), deps[0], err)
		}
	}
	c.met.invalidations.Add(float64(len(deps)))
	return nil
}

// InvalidateLayer makes every entry of a layer unusable, in one round trip.
func (c *Cache) InvalidateLayer(ctx context.Context, layer string) error {
	l, err := c.layer(layer)
	if err != nil {
		return err
	}
	return c.Invalidate(ctx, l.dep)
}

// InvalidateAll makes every entry of every layer unusable, in one round trip.
func (c *Cache) InvalidateAll(ctx context.Context) error {
	deps := make([]string, len(c.order))
	for i, l := range c.order {
		deps[i] = l.dep
	}
	return c.Invalidate(ctx, deps...)
}

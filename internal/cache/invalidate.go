package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/fnv1a"
	"openlearn/internal/cache/internal/version"
)

// Invalidate gives dependencies a new version, however many entries depend on them, in one round trip (on Cluster two
// if one of them is coarse), within 4 RedisTimeout. Once it has returned nil, no read on any instance returns a value
// whose fetch began before it was called (bounded near reads: within their stated staleness). After an error nothing is
// promised and the caller must try again; trying twice does no harm.
func (c *Cache) Invalidate(ctx context.Context, deps ...string) error {
	if len(deps) == 0 {
		return nil
	}
	for _, d := range deps {
		if d == "" {
			return fmt.Errorf("%w: invalidate: empty dependency", ErrInvalidKey)
		}
	}
	// Two tries, each of which may wait for a connection and for an answer.
	ctx, cancel := context.WithTimeout(ctx, 4*c.opt.RedisTimeout)
	defer cancel()
	ctx, end := c.tracedInvalidation(ctx, len(deps))
	err := c.newVersions(ctx, c.rdb, deps)
	if err != nil && ctx.Err() == nil { // a connection gone stale, say; new nonces each time
		err = c.newVersions(ctx, c.rdb, deps)
	}
	end("", err)
	if err != nil {
		c.refused(err)
		return fmt.Errorf("cache: invalidate %d dependencies (first %q): %w", len(deps), deps[0], err)
	}
	c.met.invalidations.add(len(deps))
	return nil
}

// newVersions writes new nonces and tells the other instances. How the buckets
// of coarse dependencies change as one: internal/version/marks.go.
func (c *Cache) newVersions(ctx context.Context, rdb redis.UniversalClient, deps []string) error {
	split := slices.ContainsFunc(deps, func(d string) bool { return version.Coarse(version.Short(d)) })
	switch {
	case split && c.cluster:
		return c.closeAndOpen(ctx, rdb, deps)
	case split:
		return c.writeAtOnce(ctx, rdb, deps)
	}
	pipe := rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, len(deps))
	for i, d := range deps {
		cmds[i] = c.queueNonce(ctx, pipe, version.Keys(d)[0], version.New())
	}
	return c.execInvalidation(ctx, pipe, cmds, deps)
}

var errNotAcknowledged = errors.New("cache: Redis did not acknowledge a new version")

// acknowledged returns nil if Redis said OK to each command. The absence of
// errors is not enough: a client that got no connection may return the error
// from Exec and leave the commands as they were.
func acknowledged(cmds []*redis.StatusCmd, execErr error) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return err
		}
	}
	for _, cmd := range cmds {
		if cmd.Val() != "OK" {
			return errors.Join(errNotAcknowledged, execErr)
		}
	}
	return nil
}

// execInvalidation adds the message to a pipeline of new versions and runs it.
// If the message fails, bounded entries merely live until their bound.
func (c *Cache) execInvalidation(ctx context.Context, pipe redis.Pipeliner, cmds []*redis.StatusCmd, deps []string) error {
	pipe.Publish(ctx, c.pubsub.channel, invalidatedMsg(deps))
	_, execErr := pipe.Exec(ctx)
	if err := acknowledged(cmds, execErr); err != nil {
		return err
	}
	if execErr != nil {
		c.log.Debug("cache invalidation message not sent", "error", execErr)
	}
	now := c.mono()
	for _, d := range deps {
		c.near.Drop(fnv1a.Sum(version.Short(d)), now)
	}
	return nil
}

// LayerDep is the name that every entry of a layer depends on.
func LayerDep(layer string) string { return version.Layer(layer) }

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

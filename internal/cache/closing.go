package cache

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
)

// How the buckets of a coarse dependency change as one, and why that is sound:
// internal/version/marks.go.

const (
	closings = 16 // times that an invalidation may lose its marks and begin again
	markMost = 2 * time.Second
)

var (
	// errClosed is met by reads of a coarse dependency that is being
	// invalidated: they go to the source and store nothing.
	errClosed   = errors.New("cache: a dependency is being invalidated")
	errMarkLost = errors.New("cache: a coarse dependency was opened before all of its buckets were closed")
)

// queueOnce queues a script that the client must not send again (see sentOnce).
func queueOnce(ctx context.Context, pipe redis.Pipeliner, script string, keys []string, args ...any) *redis.StatusCmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, "eval", script, len(keys))
	for _, k := range keys {
		all = append(all, k)
	}
	cmd := redis.NewStatusCmd(ctx, append(all, args...)...)
	cmd.SetFirstKeyPos(3)
	_ = pipe.Process(ctx, sentOnce{cmd})
	return cmd
}

// writeAtOnce gives all buckets of all dependencies new versions in one step.
func (c *Cache) writeAtOnce(ctx context.Context, rdb redis.UniversalClient, deps []string) error {
	var keys []string
	for _, d := range deps {
		keys = append(keys, version.Keys(d)...)
	}
	args := make([]any, 0, len(keys)+1)
	for range keys {
		args = append(args, version.New())
	}
	pipe := rdb.Pipeline()
	cmd := queueOnce(ctx, pipe, version.AllScript, keys, append(args, c.freshLife.Milliseconds())...)
	return c.execInvalidation(ctx, pipe, []*redis.StatusCmd{cmd}, deps)
}

// closeAndOpen makes the two passes on Cluster. Dependencies that are not
// coarse get their versions in the first.
func (c *Cache) closeAndOpen(ctx context.Context, rdb redis.UniversalClient, deps []string) (err error) {
	var split, plain []string // version keys
	for _, d := range deps {
		if keys := version.Keys(d); version.Coarse(version.Short(d)) {
			split = append(split, keys...)
		} else {
			plain = append(plain, keys...)
		}
	}
	for range closings {
		if err = c.closeAndOpenOnce(ctx, rdb, split, plain, deps); !errors.Is(err, errMarkLost) {
			return err
		}
	}
	return err
}

func (c *Cache) closeAndOpenOnce(ctx context.Context, rdb redis.UniversalClient, split, plain, deps []string) error {
	mark, life := version.New(), min(2*c.opt.RedisTimeout, markMost).Milliseconds()
	pipe := rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, 0, len(split)+len(plain))
	for _, k := range plain {
		cmds = append(cmds, c.queueNonce(ctx, pipe, k, version.New()))
	}
	for _, k := range split {
		cmds = append(cmds, queueOnce(ctx, pipe, version.CloseScript, []string{k}, mark, life))
	}
	_, execErr := pipe.Exec(ctx)
	err := acknowledged(cmds, execErr)
	if err == nil {
		pipe, cmds = c.queueOpen(ctx, rdb, split, mark)
		if err = c.execInvalidation(ctx, pipe, cmds, deps); err == nil {
			return nil
		}
		for _, cmd := range cmds {
			if cmd.Val() == "LOST" {
				err = errMarkLost
			}
		}
	}
	// Open what is closed, instead of leaving it so until the marks run out.
	c.spawn(func() {
		octx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opt.RedisTimeout)
		defer cancel()
		pipe, _ := c.queueOpen(octx, rdb, split, mark)
		if _, err := pipe.Exec(octx); err != nil {
			c.log.Debug("cache dependencies left closed, their marks run out", "error", err)
		}
	})
	return err
}

func (c *Cache) queueOpen(ctx context.Context, rdb redis.UniversalClient, keys []string, mark string) (redis.Pipeliner, []*redis.StatusCmd) {
	pipe := rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, len(keys))
	for i, k := range keys {
		cmds[i] = queueOnce(ctx, pipe, version.OpenScript, []string{k}, mark, version.New(), c.freshLife.Milliseconds())
	}
	return pipe, cmds
}

// loadUnstored is a read under a mark: like a bypassing read, it shares only a
// fetch that begins after it came. Redis is healthy, so it needs no slot: no
// more such loads run than there would be for misses.
func (c *Cache) loadUnstored(ctx context.Context, q *request) (answer, error) {
	return c.flyPast(ctx, one(q), []int{0}, givenBoost())[0].wait(ctx)
}

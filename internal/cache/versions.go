package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// newNonce makes a version: 128 random bits that never come again.
func newNonce() string {
	var b [nonceLen]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return string(b[:])
}

// ensureVersions completes versions just read: each missing one is made by
// SET NX and then read back, so of two readers that find it missing the loser
// takes the winner's. It returns them concatenated, in order.
func (c *Cache) ensureVersions(ctx context.Context, vkeys, have []string) (string, error) {
	missing := 0
	for _, v := range have {
		if len(v) != nonceLen {
			missing++
		}
	}
	if missing > 0 {
		var err error
		if have, err = c.makeVersions(ctx, vkeys, have); err != nil {
			return "", err
		}
	}
	return strings.Join(have, ""), nil
}

func (c *Cache) makeVersions(ctx context.Context, vkeys, have []string) ([]string, error) {
	out := make([]string, len(have))
	gets := make([]*redis.StringCmd, len(have))
	pipe := c.rdb.Pipeline()
	for i, v := range have {
		if len(v) == nonceLen {
			out[i] = v
			continue
		}
		pipe.SetNX(ctx, vkeys[i], newNonce(), c.versionLife)
		gets[i] = pipe.Get(ctx, vkeys[i])
	}
	_, execErr := pipe.Exec(ctx)
	for i, g := range gets {
		if g == nil {
			continue
		}
		v, err := g.Result()
		switch {
		case err == nil && len(v) == nonceLen:
			out[i] = v
		case err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE"):
			// Foreign bytes under our key, or a version gone between SET and
			// GET: writing a new one is an invalidation, always allowed.
			n := newNonce()
			if err := c.rdb.Set(ctx, vkeys[i], n, c.versionLife).Err(); err != nil {
				return nil, fmt.Errorf("make version %s: %w", vkeys[i], err)
			}
			out[i] = n
		default:
			return nil, fmt.Errorf("make version %s: %w", vkeys[i], err)
		}
	}
	if execErr != nil && !errors.Is(execErr, redis.Nil) && !redis.HasErrorPrefix(execErr, "WRONGTYPE") {
		return nil, fmt.Errorf("make versions: %w", execErr)
	}
	return out, nil
}

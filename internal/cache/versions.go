package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
)

// ensureVersions completes versions just read: each missing one is made by
// SET NX and then read back, so of two readers that find it missing the loser
// takes the winner's. It returns them concatenated, in order. met is the count
// of histories before the first of them was read: on Cluster, versions from
// before and after a node's restart do not go together (see readNodes).
func (c *Cache) ensureVersions(ctx context.Context, vkeys, have []string, met uint64) (string, error) {
	for try := 0; !version.Complete(have); try++ {
		if try == closedTries {
			return "", errClosed
		}
		if try > 0 {
			pause(ctx, closedPause)
		}
		var err error
		if have, err = c.makeVersions(ctx, vkeys, have, met, nil); err != nil {
			return "", err
		}
	}
	return strings.Join(have, ""), nil
}

// How often and how long a ticket waits for what is being invalidated.
const (
	closedTries = 10
	closedPause = 2 * time.Millisecond
)

// makeVersions makes the missing ones. Those that are closed it returns as they
// are, unless their marks have run out. What along queues is sent in the same
// round trip; along is given the versions as they will be if every one made
// here wins.
func (c *Cache) makeVersions(ctx context.Context, vkeys, have []string, met uint64, along func(redis.Pipeliner, string)) ([]string, error) {
	out := make([]string, len(have))
	proposed := make([]string, len(have))
	gets := make([]interface{ Result() (string, error) }, len(have))
	pipe := c.rdb.Pipeline()
	for i, v := range have {
		switch {
		case len(v) == version.Len:
			out[i], proposed[i] = v, v
		case version.Closed(v):
			proposed[i] = version.New()
			gets[i] = c.queueMake(ctx, pipe, vkeys[i], proposed[i])
		default:
			proposed[i] = version.New()
			c.queueNonce(ctx, pipe, vkeys[i], proposed[i], "nx")
			gets[i] = pipe.Get(ctx, vkeys[i])
		}
	}
	if along != nil {
		along(pipe, strings.Join(proposed, ""))
	}
	_, _ = pipe.Exec(ctx) // each command's own error is checked
	var broken []int
	for i, g := range gets {
		if g == nil {
			continue
		}
		v, err := g.Result()
		switch {
		case err == nil && (len(v) == version.Len || version.Closed(v)):
			out[i] = v
		case err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE"):
			broken = append(broken, i)
		default:
			return nil, fmt.Errorf("make version %s: %w", vkeys[i], err)
		}
	}
	if c.cluster && c.history.met.Load() != met {
		return nil, errRestarts
	}
	if len(broken) == 0 {
		return out, nil
	}
	// Foreign bytes under our keys, or versions gone between SET and GET.
	pipe = c.rdb.Pipeline()
	made := make([]*redis.StatusCmd, len(broken))
	for j, i := range broken {
		made[j] = c.queueMake(ctx, pipe, vkeys[i], version.New())
	}
	_, execErr := pipe.Exec(ctx)
	for j, i := range broken {
		v, err := made[j].Result()
		if err == nil && len(v) != version.Len && !version.Closed(v) {
			err = errors.Join(errNotAcknowledged, execErr)
		}
		if err != nil {
			return nil, fmt.Errorf("make %d versions (first %s): %w", len(broken), vkeys[broken[0]], err)
		}
		out[i] = v
	}
	return out, nil
}

// sentOnce is a command that the client must not send again after a failure.
// A nonce may be written once at most: a duplicate that a network held back
// could bring an old version, and what was invalidated with it, back to life.
type sentOnce struct{ *redis.StatusCmd }

// NoRetry is called by go-redis before it sends a pipeline again.
func (sentOnce) NoRetry() bool { return true }

// queueNonce writes a version: SET key nonce PX life, with opts such as NX.
func (c *Cache) queueNonce(ctx context.Context, pipe redis.Pipeliner, vkey, nonce string, opts ...any) *redis.StatusCmd {
	args := append([]any{"set", vkey, nonce, "px", c.freshLife.Milliseconds()}, opts...)
	cmd := redis.NewStatusCmd(ctx, args...)
	_ = pipe.Process(ctx, sentOnce{cmd})
	return cmd
}

// queueMake makes a version where there is none and none is being made by an
// invalidation, and returns what is there then.
func (c *Cache) queueMake(ctx context.Context, pipe redis.Pipeliner, vkey, nonce string) *redis.StatusCmd {
	return queueOnce(ctx, pipe, version.MakeScript, []string{vkey}, "", nonce, c.freshLife.Milliseconds())
}

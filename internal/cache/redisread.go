package cache

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/resp"
)

// reading is what one round trip brought: the entry's bytes, if any, and the
// versions of its dependencies ("" = missing), all read after the caller came.
type reading struct {
	raw      string
	versions []string
	began    int64  // when the round trip began (monotonic)
	met      uint64 // histories met before it
}

// readEntry is step 1 of the protocol: the key and its versions in one round
// trip. On Redis Cluster the same as pipelined GETs; replicas are never read.
func (c *Cache) readEntry(ctx context.Context, t *target) (reading, error) {
	began, met := c.mono(), c.history.met.Load()
	values, err := c.readPatiently(ctx, began, keysToRead{first: t.key, rest: t.vkeys})
	if err != nil {
		return reading{}, err
	}
	return reading{raw: values[0], versions: values[1:], began: began, met: met}, nil
}

// readShared is readEntry for many readers of one entry: those who come while
// one round trip is in progress share the next. It began after they came, so it
// is as good as their own, and a herd costs Redis two round trips at a time.
func (c *Cache) readShared(ctx context.Context, t *target) (reading, error) {
	res, err := c.reads.Share(ctx, t.key, c.spawn, func() sharedReading {
		// It belongs to all who share it; the client's timeouts bound it.
		r, err := c.readEntry(context.WithoutCancel(ctx), t)
		return sharedReading{r, err, t.fprint}
	})
	switch {
	case err != nil:
		return reading{}, err
	case res.fprint != t.fprint: // another Func's dependencies under the same key
		return c.readEntry(ctx, t)
	}
	return res.reading, res.err
}

type sharedReading struct {
	reading
	err    error
	fprint uint64
}

// readKeys gets first (unless "") and the rest, "" for what is missing or not
// a string. What it returns lies in one piece of memory: for one entry and its
// versions, or for versions alone. It waits for no longer than patience allows,
// unless it is this process that is busy: an exchange that failed for that
// reason is made again.
func (c *Cache) readKeys(ctx context.Context, first string, rest []string) ([]string, error) {
	return c.readPatiently(ctx, c.mono(), keysToRead{first: first, rest: rest})
}

// readEntries is readKeys for several entries, each in memory of its own:
// keeping one does not keep the others.
func (c *Cache) readEntries(ctx context.Context, keys []string) ([]string, error) {
	return c.readPatiently(ctx, c.mono(), keysToRead{rest: keys, apart: true})
}

// keysToRead are the keys of one exchange.
type keysToRead struct {
	first string // "" = none
	rest  []string
	apart bool // each value in memory of its own
}

func (c *Cache) readPatiently(ctx context.Context, now int64, k keysToRead) ([]string, error) {
	out, err := c.readOnce(c.hasty(ctx, now), &k)
	for try := 0; err != nil && try < ownTries && ctx.Err() == nil && c.own(err); try++ {
		out, err = c.readOnce(ctx, &k)
	}
	return out, err
}

// ownTries is how often a read tries again while this process is busy, each
// time for RedisTimeout at most.
const ownTries = 2

func (c *Cache) readOnce(ctx context.Context, k *keysToRead) ([]string, error) {
	if c.cluster {
		return c.readNodes(ctx, k)
	}
	args := k.mget()
	out, err := c.readPrimary(ctx, args, k.apart)
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		// The server had closed an idle connection; reading twice is harmless.
		out, err = c.readPrimary(ctx, args, k.apart)
	}
	if err == nil && len(out) != len(args)-1 {
		return nil, errors.New("cache: Redis answered MGET with another number of values")
	}
	return out, err
}

// mget is the command. Keys are passed as pointers, which saves an allocation
// for each.
func (k *keysToRead) mget() []any {
	args := make([]any, 1, 2+len(k.rest))
	args[0] = "mget"
	if k.first != "" {
		args = append(args, &k.first)
	}
	for i := range k.rest {
		args = append(args, &k.rest[i])
	}
	return args
}

// values returns the values of an MGET that has been answered.
func values(cmd redis.Cmder) ([]string, error) {
	if raw, ok := cmd.(*redis.RawCmd); ok {
		if err := raw.Err(); err != nil {
			return nil, err
		}
		return resp.Strings(raw.Val())
	}
	return cmd.(*redis.StringSliceCmd).Result()
}

// readPrimary makes sure that what it reads is the primary's: by the pulse's
// word, or by asking in the same exchange.
func (c *Cache) readPrimary(ctx context.Context, args []any, apart bool) ([]string, error) {
	for range rereads {
		var cmd redis.Cmder
		if apart {
			cmd = redis.NewStringSliceCmd(ctx, args...)
		} else {
			cmd = redis.NewRawCmd(ctx, args...)
		}
		if c.primaryKnown() {
			if err := c.rdb.Process(ctx, cmd); err != nil {
				return nil, err
			}
			return values(cmd)
		}
		met := c.history.met.Load()
		pipe := c.rdb.Pipeline()
		_ = pipe.Process(ctx, cmd)
		info := pipe.Info(ctx, "replication")
		_, execErr := pipe.Exec(ctx)
		switch {
		case cmd.Err() != nil:
			return nil, cmd.Err()
		case info.Err() != nil:
			return nil, info.Err()
		case info.Val() == "": // no connection: see acknowledged
			return nil, errors.Join(errNotAcknowledged, execErr)
		case infoField(info.Val(), "role") == "slave":
			return nil, errReplica
		}
		if err := c.checkHistory(ctx, info.Val()); err != nil {
			return nil, err
		}
		if c.history.met.Load() == met {
			return values(cmd)
		}
	}
	return nil, errRestarts
}

// rereads bounds how often a read begins again because it met a node that had
// restarted: each time is another node, or another restart.
const rereads = 4

var errRestarts = errors.New("cache: nodes restarted while they were read")

// readNodes is readKeys on Cluster, where the keys lie on several nodes. One of
// them may turn out to have restarted, with old versions. The layers are made
// new before it answers, but another node may have returned a layer's version
// just before that, and both together would make an invalidated entry look
// current. So a read during which this process met a new history is read again.
func (c *Cache) readNodes(ctx context.Context, k *keysToRead) ([]string, error) {
	for range rereads {
		met := c.history.met.Load()
		out, err := c.getAll(ctx, k.first, k.rest)
		if err != nil || c.history.met.Load() == met {
			return out, err
		}
	}
	return nil, errRestarts
}

func (c *Cache) getAll(ctx context.Context, first string, rest []string) ([]string, error) {
	out := make([]string, 0, 1+len(rest))
	pipe := c.rdb.Pipeline()
	cmds := make([]*redis.StringCmd, 0, 1+len(rest))
	if first != "" {
		cmds = append(cmds, pipe.Get(ctx, first))
	}
	for _, k := range rest {
		cmds = append(cmds, pipe.Get(ctx, k))
	}
	_, _ = pipe.Exec(ctx) // each command's own error is checked
	for _, cmd := range cmds {
		v, err := cmd.Result()
		if err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

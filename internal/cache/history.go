package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
)

// A Redis that restarts or fails over forgets its last seconds: it brings back
// old values and old versions together, and with them values that had been
// invalidated. Its master_replid changes each time. So on every new connection,
// before it is used, the id is read; if no marker says that this history was
// dealt with, every layer gets a new version and then the marker is set. A
// partitioned old primary that was never fenced is not covered.
//
// On Cluster a connection may outlive the history that it was checked for: it
// was made while its node was a replica, or before the node was demoted and
// promoted again, and Redis closes none of them. There every read asks each
// node for its id after the values, on the same connection (see asksHistory).
// Sentinel closes the connections of what it promotes and demotes.
type history struct {
	plain redis.UniversalClient // without this check on its connections
	turn  chan struct{}         // one new history is dealt with at a time

	mu    sync.Mutex
	known map[string]bool // ids whose marker this process has seen or set

	// met counts them. Reads that visit several nodes rely on it, see
	// readNodes.
	met atomic.Uint64
}

const (
	historyPrefix = "history:"
	markerLife    = 30 * 24 * time.Hour // evicted or lapsed: one needless reset
)

type connectHook = func(context.Context, *redis.Conn) error

// checked adds the check to a client's own hook.
func (c *Cache) checked(first connectHook) connectHook {
	return func(ctx context.Context, cn *redis.Conn) error {
		if first != nil {
			if err := first(ctx, cn); err != nil {
				return err
			}
		}
		info, err := cn.Info(ctx, "replication").Result()
		if err != nil {
			return fmt.Errorf("cache: read the history of a connection: %v", err) // not %w, see below
		}
		// A cluster's client asks any node who has which slots, and is
		// redirected by replicas that it reads by mistake.
		if !c.cluster && infoField(info, "role") == "slave" {
			return errReplica
		}
		if err := c.checkHistory(ctx, info); err != nil {
			// Only its text: if making a connection fails with a Redis error,
			// go-redis takes that for an answer and leaves a pipeline's
			// commands with neither an answer nor an error.
			return errors.New(err.Error())
		}
		return nil
	}
}

// checkHistory returns nil once whatever came before this history, as INFO
// replication reports it, can do no more harm.
func (c *Cache) checkHistory(ctx context.Context, info string) error {
	id := infoField(info, "master_replid")
	if id == "" {
		return errors.New("cache: Redis reports no master_replid")
	}
	h := &c.history
	if h.knows(id) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*c.opt.RedisTimeout)
	defer cancel()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return fmt.Errorf("cache: check the history %s: %w", id, ctx.Err())
	}
	if h.knows(id) {
		return nil
	}
	if err := c.beginHistory(ctx, id); err != nil {
		return fmt.Errorf("cache: check the history %s: %w", id, err)
	}
	c.near.Clear()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known[id] = true
	h.met.Add(1)
	return nil
}

func (h *history) knows(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known[id]
}

// beginHistory gives every layer a new version, unless the marker says that it
// was done.
func (c *Cache) beginHistory(ctx context.Context, id string) error {
	// The marker also says which layers were dealt with: another table of
	// layers has another marker.
	names := make([]string, len(c.order))
	deps := make([]string, len(c.order))
	for i, l := range c.order {
		names[i], deps[i] = l.Name, l.dep
	}
	marker := historyPrefix + version.Format + ":" + Hash(names...)[:8] + ":" + id
	err := c.history.plain.Get(ctx, marker).Err()
	if !errors.Is(err, redis.Nil) {
		return err
	}
	if err := c.newVersions(ctx, c.history.plain, deps); err != nil {
		return err
	}
	if err := c.history.plain.Set(ctx, marker, "1", markerLife).Err(); err != nil {
		return err
	}
	c.met.historyResets.inc()
	c.log.Info("cache met a new history of Redis: all layers start anew", "replid", id)
	return nil
}

// asksHistory is a hook on each node of a cluster: after what is read, in the
// same pipeline on the same connection, it asks for the node's history. So the
// answers are of that history or an earlier one; and if it is a new one, this
// process has met it before the answers are used.
type asksHistory struct{ c *Cache }

func (asksHistory) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (asksHistory) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (a asksHistory) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Name() == "get" }) {
			return next(ctx, cmds)
		}
		info := redis.NewStringCmd(ctx, "info", "replication")
		err := next(ctx, append(slices.Clone(cmds), info))
		failed := info.Err()
		if failed == nil {
			failed = a.c.checkHistory(ctx, info.Val())
		}
		if failed == nil {
			return err
		}
		for _, cmd := range cmds {
			if cmd.Err() == nil || errors.Is(cmd.Err(), redis.Nil) {
				cmd.SetErr(failed)
			}
		}
		return failed
	}
}

var errReplica = errors.New("cache: connected to a replica: only primaries are read")

// infoField finds a field in an answer to INFO, "" if it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

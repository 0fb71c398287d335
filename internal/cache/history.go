package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Redis that restarts or fails over forgets its last seconds: it brings back
// old values and old versions together, and with them values that had been
// invalidated. Its master_replid changes each time. So on every new connection,
// before it is used, the id is read; if no marker says that this history was
// dealt with, every layer gets a new version and then the marker is set. A
// partitioned old primary that was never fenced is not covered.
//
// Connections to replicas are refused: one would still be there after the
// replica's promotion, checked by the history of the primary it replaced. (A
// cluster's client connects to any node to ask who has which slots.)
type history struct {
	plain redis.UniversalClient // without this check on its connections

	mu    sync.Mutex
	known map[string]bool // ids whose marker this process has seen or set

	// met counts them. Reads that visit several nodes go by it, see readKeys.
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
		return c.checkHistory(ctx, cn)
	}
}

func (c *Cache) checkHistory(ctx context.Context, cn *redis.Conn) error {
	info, err := cn.Info(ctx, "replication").Result()
	if err != nil {
		return fmt.Errorf("cache: read the history of a connection: %w", err)
	}
	id := infoField(info, "master_replid")
	switch {
	case id == "":
		return errors.New("cache: Redis reports no master_replid")
	case infoField(info, "role") == "slave":
		if r, ok := c.rdb.(*redis.ClusterClient); ok {
			r.ReloadState(ctx) // the slots it had may be another's now
		}
		return errReplica
	}
	h := &c.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known[id] {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*c.opt.RedisTimeout)
	defer cancel()
	// The marker says which layers were dealt with, too: another table of
	// layers has another marker.
	names := make([]string, len(c.order))
	deps := make([]string, len(c.order))
	for i, l := range c.order {
		names[i], deps[i] = l.Name, l.dep
	}
	marker := historyPrefix + c.opt.Version + ":" + Hash(names...)[:8] + ":" + id
	err = h.plain.Get(ctx, marker).Err()
	if errors.Is(err, redis.Nil) {
		if err = c.newVersions(ctx, h.plain, deps); err == nil {
			err = h.plain.Set(ctx, marker, "1", markerLife).Err()
		}
		if err == nil {
			c.met.historyResets.inc()
			c.log.Info("cache met a new history of Redis: all layers start anew", "replid", id)
		}
	}
	if err != nil {
		return fmt.Errorf("cache: check the history %s: %w", id, err)
	}
	c.near.clear()
	if h.known == nil {
		h.known = make(map[string]bool)
	}
	h.known[id] = true
	h.met.Add(1)
	return nil
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

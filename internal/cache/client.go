package cache

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// deriveClients makes the cache's own clients from the caller's: the same
// servers and credentials, timeouts no longer than RedisTimeout, deadlines of
// contexts kept. On every connection of the first, the history is checked
// before it is used; the plain second one is for that check, and the third is
// for the pulse.
func (c *Cache) deriveClients(given redis.UniversalClient) error {
	limit := func(ds ...*time.Duration) {
		for _, d := range ds {
			if *d <= 0 || *d > c.opt.RedisTimeout {
				*d = c.opt.RedisTimeout
			}
		}
	}
	// Notifications of managed services would start goroutines that nobody
	// here owns.
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch r := given.(type) {
	case *redis.Client:
		o := *r.Options()
		// No retries: a nonce may be written once at most, see sentOnce.
		o.ContextTimeoutEnabled, o.MaxRetries, o.DialerRetries, o.MaintNotificationsConfig = true, -1, 1, quiet
		limit(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
		// Channels belong to the server, not to a database.
		c.pubsub.channel += ":" + strconv.Itoa(o.DB)
		plain := o
		plain.PoolSize, plain.MinIdleConns = 2, 0
		looks := plain
		looks.PoolSize = 1
		o.OnConnect, o.Dialer = c.checked(o.OnConnect), c.conns.track(o.Dialer)
		c.rdb, c.history.plain, c.looks = redis.NewClient(&o), redis.NewClient(&plain), redis.NewClient(&looks)
	case *redis.ClusterClient:
		o := *r.Options()
		if o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return errors.New("cache: a client that reads replicas cannot keep the promise: turn off ReadOnly, RouteByLatency and RouteRandomly")
		}
		o.ContextTimeoutEnabled, o.MaxRedirects, o.DialerRetries, o.MaintNotificationsConfig = true, 3, 1, quiet
		limit(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
		plain := o
		plain.PoolSize, plain.MinIdleConns = 2, 0
		// Each client appends the nodes it learns of to the list it was given.
		looks := plain
		looks.PoolSize = 1
		o.Addrs, plain.Addrs, looks.Addrs = slices.Clone(o.Addrs), slices.Clone(o.Addrs), slices.Clone(o.Addrs)
		o.OnConnect = c.checked(o.OnConnect)
		rdb := redis.NewClusterClient(&o)
		rdb.OnNewNode(func(n *redis.Client) { n.AddHook(asksHistory{c}) })
		c.rdb, c.history.plain, c.looks, c.cluster = rdb, redis.NewClusterClient(&plain), redis.NewClusterClient(&looks), true
	default:
		return fmt.Errorf("cache: unsupported Redis client %T: want *redis.Client or *redis.ClusterClient", given)
	}
	return nil
}

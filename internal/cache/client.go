package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// deriveClient makes the cache's own client from the caller's: the same
// servers and credentials, timeouts no longer than RedisTimeout, and deadlines
// of contexts kept.
func (c *Cache) deriveClient(given redis.UniversalClient) (redis.UniversalClient, bool, error) {
	limit := func(d time.Duration) time.Duration {
		if d <= 0 || d > c.opt.RedisTimeout {
			return c.opt.RedisTimeout
		}
		return d
	}
	switch r := given.(type) {
	case *redis.Client:
		o := *r.Options()
		o.ContextTimeoutEnabled = true
		o.MaxRetries = 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = limit(o.DialTimeout), limit(o.ReadTimeout), limit(o.WriteTimeout)
		o.PoolTimeout = limit(o.PoolTimeout)
		o.DialerRetries = 1
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		return redis.NewClient(&o), false, nil
	case *redis.ClusterClient:
		o := *r.Options()
		if o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return nil, false, errors.New("cache: a client that reads replicas cannot keep the promise: turn off ReadOnly, RouteByLatency and RouteRandomly")
		}
		o.ContextTimeoutEnabled = true
		o.MaxRedirects = 3
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = limit(o.DialTimeout), limit(o.ReadTimeout), limit(o.WriteTimeout)
		o.PoolTimeout = limit(o.PoolTimeout)
		o.DialerRetries = 1
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		return redis.NewClusterClient(&o), true, nil
	default:
		return nil, false, fmt.Errorf("cache: unsupported Redis client %T: want *redis.Client or *redis.ClusterClient", given)
	}
}

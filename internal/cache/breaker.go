package cache

import (
	"context"
	"sync/atomic"
)

// breaker keeps reads away from a Redis that does not answer. It opens after
// some failures in a row; while it is open a probe asks Redis from the
// background, so no read ever pays for finding out.
type breaker struct {
	failures atomic.Int32
	open     atomic.Bool
	opened   counter
	errors   counter // failed exchanges, those of the probe among them
}

// redisOK is called after an exchange that worked.
func (c *Cache) redisOK() {
	if c.breaker.failures.Load() != 0 {
		c.breaker.failures.Store(0)
	}
}

// redisDown is called after a read of Redis failed for Redis's own reasons.
func (c *Cache) redisDown(err error) {
	c.breaker.errors.inc()
	if int(c.breaker.failures.Add(1)) < c.opt.BreakerFailures || !c.breaker.open.CompareAndSwap(false, true) {
		return
	}
	c.breaker.opened.inc()
	c.log.Warn("cache is off: Redis does not answer", "error", err)
	if !c.spawn(c.probe) {
		c.breaker.open.Store(false)
	}
}

func (c *Cache) probe() {
	for c.life.Err() == nil {
		pause(c.life, c.opt.BreakerProbe)
		ctx, cancel := context.WithTimeout(c.life, c.opt.RedisTimeout)
		err := c.rdb.Ping(ctx).Err()
		cancel()
		if err == nil {
			c.breaker.failures.Store(0)
			c.breaker.open.Store(false)
			c.log.Info("cache is back: Redis answers")
			return
		}
		c.breaker.errors.inc()
	}
}

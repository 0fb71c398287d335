package cache

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// breaker keeps reads away from a Redis that does not answer, or not in time.
// It opens after some failures in a row, or when the pulse finds Redis slow;
// while it is open a probe asks Redis from the background, so no read ever pays
// for finding out.
type breaker struct {
	failures atomic.Int32
	open     atomic.Bool
	opened   counter
	errors   counter // failed exchanges, refused writes, failures of the probe
}

// redisOK is called after an exchange that worked.
func (c *Cache) redisOK() {
	if c.breaker.failures.Load() != 0 {
		c.breaker.failures.Store(0)
	}
}

// redisDown is called after a read of Redis failed, because of Redis or because
// this process is busy.
func (c *Cache) redisDown(err error) {
	c.breaker.errors.inc()
	if c.own(err) {
		return
	}
	// A read has timed out, and a look on another connection is overdue: there
	// is no need to wait for a third.
	slow := timedOut(err) && c.overdue()
	if int(c.breaker.failures.Add(1)) >= c.opt.BreakerFailures || slow {
		c.openBreaker(slow, err)
	}
}

// refused counts a write that Redis did not take: it was full, read-only,
// without replicas, unable to save, denied us access, or was not reached.
func (c *Cache) refused(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		c.breaker.errors.inc()
	}
}

func (c *Cache) openBreaker(slow bool, err error) {
	if !c.breaker.open.CompareAndSwap(false, true) {
		return
	}
	c.breaker.opened.inc()
	c.log.Warn("cache is off: Redis is not usable", "error", err)
	if !c.spawn(func() { c.probe(slow) }) {
		c.breaker.open.Store(false)
	}
}

// probe closes the breaker once Redis answers in time. After it was slow, it
// must do so slowLooks times in a row.
func (c *Cache) probe(slow bool) {
	need := 1
	if slow {
		need = slowLooks
	}
	for good := 0; c.life.Err() == nil; {
		pause(c.life, c.opt.BreakerProbe)
		ctx, cancel := context.WithTimeout(c.life, c.opt.RedisTimeout)
		began := c.mono()
		err := c.rdb.Ping(ctx).Err()
		cancel()
		switch {
		case err != nil:
			good = 0
			c.breaker.errors.inc()
		case c.tooSlow(began) || c.overdue():
			good = 0
		default:
			good++
		}
		if good >= need {
			c.breaker.failures.Store(0)
			c.pulse.slow.Store(0)
			c.breaker.open.Store(false)
			c.log.Info("cache is back: Redis answers")
			return
		}
	}
}

// own reports whether an exchange failed for this process's own reasons: it
// found no free connection, or waited while the pulse found Redis quick.
func (c *Cache) own(err error) bool {
	return errors.Is(err, redis.ErrPoolTimeout) && !c.overdue() || timedOut(err) && c.redisWell()
}

func timedOut(err error) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

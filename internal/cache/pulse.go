package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// The pulse looks at Redis every pulseEvery, on a connection of its own. It
// finds out two things that reads cannot afford to find out themselves.
//
// Whether Redis is slow, or this process is. An exchange that takes long may
// have waited for Redis, for a connection of a full pool, or for its turn on a
// busy processor. The look waits for no pool, and a clock runs beside it: this
// process is as late as the clock's ticks.
//
// Whether Redis is still the primary that it was when the connections to it
// were checked (see history): Redis closes none of them when it is demoted in
// place. Reads rely on a look that began at most primaryFor ago, and without
// one ask for themselves, in the exchange that reads. Whoever first meets a new
// history waits that long before it uses it: nothing is acknowledged on a new
// primary while anyone may still read the old one.
type pulse struct {
	began atomic.Int64 // of the look in progress (monotonic); 0 = none
	late  atomic.Int64 // how late the clock beside the looks has been recently
	ended atomic.Int64 // when the last look that was answered in time ended; 0 = none, or the last was not
	slow  atomic.Int32 // looks in a row that took too long

	haste   atomic.Pointer[haste]
	primary atomic.Int64 // when the last look that found the known primary began; 0 = ask
	replid  string       // which primary that is; only the pulse uses it
}

const (
	pulseEvery = 50 * time.Millisecond
	pulseTick  = 5 * time.Millisecond
	slowLooks  = 3 // so many in a row open the breaker, and as many quick ones close it
	primaryFor = 250 * time.Millisecond
)

// slowAfter is the latency from which Redis is too slow to be used.
func (c *Cache) slowAfter() time.Duration {
	return max(c.opt.RedisTimeout/10, min(c.opt.RedisTimeout, 100*time.Millisecond))
}

// patience is how long a read waits for Redis if the pulse says that it is slow.
func (c *Cache) patience() time.Duration { return 2 * c.slowAfter() }

// beat runs the pulse until the cache is closed.
func (c *Cache) beat(ctx context.Context) {
	var clock sync.WaitGroup
	defer clock.Wait()
	clock.Go(func() { c.tick(ctx) })
	for ctx.Err() == nil {
		began := c.mono()
		c.pulse.began.Store(began)
		lctx, cancel := context.WithTimeout(ctx, c.opt.RedisTimeout)
		err := c.lookAtRedis(lctx, began)
		cancel()
		c.pulse.began.Store(0)
		slow := c.tooSlow(began)
		switch {
		case slow: // the clock counts these
		case err == nil:
			c.pulse.slow.Store(0)
			c.pulse.ended.Store(c.mono())
		default:
			c.pulse.ended.Store(0)
		}
		pause(ctx, pulseEvery-time.Duration(c.mono()-began))
	}
}

// tick is the clock beside the looks. It also judges a look that is not
// answered yet, once for every slowAfter that it takes.
func (c *Cache) tick(ctx context.Context) {
	t := time.NewTicker(pulseTick)
	defer t.Stop()
	last, judged := c.mono(), int64(0)
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		now := c.mono()
		late := max(now-last-int64(pulseTick), 0)
		last = now
		// The worst of late, forgotten within a second or so.
		c.pulse.late.Store(max(late, c.pulse.late.Load()*49/50))
		began := c.pulse.began.Load()
		if began != 0 && c.tooSlow(max(began, judged)) {
			judged = now
			c.pulse.ended.Store(0)
			if c.pulse.slow.Add(1) >= slowLooks {
				c.openBreaker(true, fmt.Errorf("%w: no answer for %v", errSlow, time.Duration(now-began)))
			}
		}
	}
}

var errSlow = errors.New("cache: Redis is slow")

// tooSlow reports whether a wait that began then is too long by now, not
// counting this process's own delay.
func (c *Cache) tooSlow(began int64) bool {
	return c.mono()-began-2*c.pulse.late.Load() > int64(c.slowAfter())
}

// redisWell reports whether the last look was answered in time and the one
// in progress is not overdue. It is false where there is no pulse.
func (c *Cache) redisWell() bool {
	began := c.pulse.began.Load()
	return c.pulse.ended.Load() != 0 && (began == 0 || !c.tooSlow(began))
}

// overdue reports whether the look in progress takes too long.
func (c *Cache) overdue() bool {
	began := c.pulse.began.Load()
	return began != 0 && c.tooSlow(began)
}

// brief bounds an exchange that a read waits for: by the client's timeouts
// alone while the pulse says that Redis is quick, else by patience.
func (c *Cache) brief(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.redisWell() {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.patience())
}

// haste is a context shared by reads that begin at about the same time: a
// context for each read would cost it a timer.
type haste struct {
	context.Context
	until int64 // others use it (monotonic)
}

// hasty bounds a read's exchange that begins now by patience, or by ctx if that
// ends sooner.
func (c *Cache) hasty(ctx context.Context, now int64) context.Context {
	h := c.pulse.haste.Load()
	if h == nil || now >= h.until {
		each := c.patience() / 8
		hctx, cancel := context.WithTimeout(c.life, c.patience()+each)
		context.AfterFunc(hctx, cancel)
		h = &haste{hctx, now + int64(each)}
		c.pulse.haste.Store(h)
	}
	if mine, ok := ctx.Deadline(); ok {
		if theirs, _ := h.Deadline(); mine.Before(theirs) {
			return ctx
		}
	}
	return h.Context
}

// lookAtRedis is one look.
func (c *Cache) lookAtRedis(ctx context.Context, began int64) error {
	if r, ok := c.looks.(*redis.ClusterClient); ok {
		return r.ForEachMaster(ctx, func(ctx context.Context, n *redis.Client) error { return n.Ping(ctx).Err() })
	}
	info, err := c.looks.Info(ctx, "replication").Result()
	if err != nil {
		return err
	}
	id := infoField(info, "master_replid")
	if infoField(info, "role") == "slave" {
		// What is connected reads a replica. New connections are checked, and
		// may find another server under the same name.
		c.pulse.primary.Store(0)
		c.pulse.replid = ""
		c.conns.closeAll()
		c.openBreaker(false, errReplica)
		return nil
	}
	if id != c.pulse.replid {
		c.pulse.primary.Store(0)
		if err := c.checkHistory(ctx, info); err != nil {
			return err
		}
		if c.pulse.replid != "" { // the connections were made for another history
			c.conns.closeAll()
		}
		c.pulse.replid = id
		return nil // the next look counts: this one began before the connections were closed
	}
	c.pulse.primary.Store(began)
	return nil
}

// primaryKnown reports whether reads may rely on a look at the role.
func (c *Cache) primaryKnown() bool {
	began := c.pulse.primary.Load()
	return began != 0 && c.mono()-began < int64(primaryFor)
}

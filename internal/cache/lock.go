package cache

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A lock lets one process fetch an entry at given versions. It is an economy,
// never a correctness device: whoever cannot get it in time fetches anyway.
// The versions and the fingerprint are in its name, so nobody waits for a fetch
// it may not use.
type lock struct {
	name  string // Redis key
	token string
	held  bool
}

// awaited is the key that says that someone waits for the lock.
func (l *lock) awaited() string { return l.name + ":awaited" }

const lockPrefix = "lock:"

// newLock names the lock of an entry at versions. On Cluster it lies in the
// entry's slot, so that taking it and looking again are one node's order.
func (c *Cache) newLock(t *target, versions string) *lock {
	return &lock{
		name:  lockPrefix + c.opt.Version + ":{" + hashTag(t.key) + "}:" + Hash(flightName(t, versions)),
		token: newNonce(),
	}
}

// hashTag is the part of a key that Redis Cluster hashes.
func hashTag(key string) string {
	if i := strings.IndexByte(key, '{'); i >= 0 {
		if j := strings.IndexByte(key[i+1:], '}'); j > 0 {
			return key[i+1 : i+1+j]
		}
	}
	return key
}

// attempt is what one try for the lock showed.
type attempt struct {
	raw  string        // the entry as it is now
	left time.Duration // how long the holder's lease lasts, if another's
}

// try takes the lock if it is free and then looks at the entry again, in one
// round trip: another process may have filled it since we read. Whoever means
// to wait announces that before the look, so that no wake-up is missed.
func (c *Cache) try(ctx context.Context, l *lock, key string, announce bool) (attempt, error) {
	ctx, cancel := c.brief(ctx)
	defer cancel()
	pipe := c.rdb.Pipeline()
	if announce {
		// Nobody waits longer than a lease without looking again.
		pipe.Set(ctx, l.awaited(), 1, 2*c.opt.Lease)
	}
	set := pipe.SetNX(ctx, l.name, l.token, c.opt.Lease)
	get := pipe.Get(ctx, key)
	left := pipe.PTTL(ctx, l.name)
	_, _ = pipe.Exec(ctx) // each command's own error is looked at
	if err := set.Err(); err != nil {
		return attempt{}, err
	}
	l.held = set.Val()
	if err := get.Err(); err != nil && !errors.Is(err, redis.Nil) {
		return attempt{}, err
	}
	return attempt{raw: get.Val(), left: max(left.Val(), 0)}, nil
}

// takeLead is ensureVersions for a read that will fetch: where versions have to
// be made, the lock of the fetch under them is taken in the same round trip.
// That lock is the lead, nil if nothing had to be made or others made it first.
// Nothing can have been stored under versions that are that new.
//
// Readers of one entry who come while its versions are being made share the
// next round trip, which makes or reads all of them anew: it began after they
// came. So a herd on a cold key costs Redis, and the pool, two at a time.
func (c *Cache) takeLead(ctx context.Context, q *request, have []string, met uint64) (string, *lock, error) {
	q.armed = 0
	if complete(have) {
		return strings.Join(have, ""), nil, nil
	}
	turn := 0
	res, err := c.makes.share(ctx, q.key, c.spawn, func() *madeLead {
		if turn++; turn > 1 {
			have, met = make([]string, len(q.vkeys)), c.history.met.Load()
		}
		// Shared, so it is not the starter's to end; the client's timeouts bound it.
		return c.makeLead(context.WithoutCancel(ctx), &q.target, have, met)
	})
	if err != nil {
		return "", nil, err
	}
	if res.fprint != q.fprint { // another Func's dependencies under the same key
		res = c.makeLead(ctx, &q.target, have, met)
	}
	q.armed = res.armed
	return res.versions, res.lead.Swap(nil), res.err
}

// madeLead is what one round trip of takeLead brought all who share it. One of
// them gets the lead.
type madeLead struct {
	fprint   uint64
	versions string
	armed    uint64
	lead     atomic.Pointer[lock]
	err      error
}

func (c *Cache) makeLead(ctx context.Context, t *target, have []string, met uint64) *madeLead {
	ctx, cancel := c.brief(ctx)
	defer cancel()
	res := &madeLead{fprint: t.fprint}
	var l *lock
	var proposed string
	var set *redis.BoolCmd
	made, err := c.makeVersions(ctx, t.vkeys, have, met, func(pipe redis.Pipeliner, all string) {
		proposed, l = all, c.newLock(t, all)
		set = pipe.SetNX(ctx, l.name, l.token, c.opt.Lease)
	})
	if err == nil && !complete(made) {
		err = errClosed
	}
	l.held = err != nil || set.Val() // after an error perhaps: it is released by token
	if err != nil {
		c.letGo(ctx, l)
		res.err = err
		return res
	}
	res.versions = strings.Join(made, "")
	for i, v := range have {
		if len(v) != nonceLen && made[i] == proposed[i*nonceLen:(i+1)*nonceLen] {
			res.armed |= 1 << i
		}
	}
	if res.versions == proposed && l.held {
		res.lead.Store(l)
	} // else nobody asks for a lock of such a name: it lapses
	return res
}

// letGo releases a lead that is of no use, behind the caller's back.
func (c *Cache) letGo(ctx context.Context, lead *lock) {
	if lead != nil {
		c.spawn(func() { c.release(ctx, lead) }) // after Close it lapses
	}
}

// Scripts touch keys of one slot: none may span slots.
const (
	releaseScript = `if redis.call('get',KEYS[1])~=ARGV[1] then return 0 end
redis.call('del',KEYS[1])
if redis.call('del',KEYS[2])==1 then redis.call('publish',ARGV[2],ARGV[3]) end
return 1`
	extendScript = `if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) end return 0`
)

// queueRelease gives the lock back, by token, and wakes who waits for it. If
// nobody does, no instance hears of it.
func (c *Cache) queueRelease(ctx context.Context, pipe redis.Pipeliner, l *lock) {
	pipe.Eval(ctx, releaseScript, []string{l.name, l.awaited()}, l.token, c.pubsub.channel, string(msgFilled)+l.name)
}

// release runs queueRelease on its own. A lost release costs the others a
// lease, so it has a context of its own.
func (c *Cache) release(ctx context.Context, l *lock) {
	if !l.held {
		return
	}
	l.held = false
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opt.RedisTimeout)
	defer cancel()
	if c.breaker.open.Load() {
		return // it lapses
	}
	pipe := c.rdb.Pipeline()
	c.queueRelease(rctx, pipe, l)
	if _, err := pipe.Exec(rctx); err != nil {
		c.log.Debug("cache lock not released, it will lapse", "lock", l.name, "error", err)
	}
}

// keepAlive extends the lease while its holder works; stop ends that.
func (c *Cache) keepAlive(ctx context.Context, l *lock) (stop func()) {
	if !l.held {
		return func() {}
	}
	kctx, cancel := context.WithCancel(ctx)
	var again func()
	again = func() {
		time.AfterFunc(c.opt.Lease/3, func() {
			if kctx.Err() != nil {
				return
			}
			c.spawn(func() {
				err := c.rdb.Eval(kctx, extendScript, []string{l.name}, l.token, c.opt.Lease.Milliseconds()).Err()
				if err != nil && kctx.Err() == nil {
					c.log.Debug("cache lock not extended", "lock", l.name, "error", err)
				}
				again()
			})
		})
	}
	again()
	return cancel
}

package cache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/version"
)

// A lock lets one process fetch an entry at given versions. It saves work and
// is never needed for correctness: whoever cannot get it in time fetches
// anyway. The versions and the fingerprint are in its name, so nobody waits for
// a fetch it may not use.
type lock struct {
	name  string // Redis key
	token string
	held  bool
}

// awaited is the key that says that someone waits for the lock.
func (l *lock) awaited() string { return l.name + ":awaited" }

const lockPrefix = "lock:"

// newLock names the lock of an entry at versions. On Cluster it lies in the
// entry's slot, so that one node orders taking it and looking again.
func (c *Cache) newLock(t *target, versions string) *lock {
	return &lock{
		name:  lockPrefix + c.opt.Version + ":{" + hashTag(t.key) + "}:" + Hash(flightName(t, versions)),
		token: version.New(),
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

// attempt is what one try for a lock showed.
type attempt struct {
	raw  string        // the entry as it is now
	left time.Duration // how long the holder's lease lasts, if another's
	err  error
}

// try takes the lock if it is free and then looks at the entry again, in one
// round trip: another process may have filled it since we read. Whoever means
// to wait announces that before the look, so that no wake-up is missed.
func (c *Cache) try(ctx context.Context, l *lock, key string, announce bool) attempt {
	return c.tryLocks(ctx, []*lock{l}, []string{key}, announce)[0]
}

// tryLocks is try for several entries in one round trip.
func (c *Cache) tryLocks(ctx context.Context, locks []*lock, keys []string, announce bool) []attempt {
	ctx, cancel := c.brief(ctx)
	defer cancel()
	type queued struct {
		set  *redis.BoolCmd
		get  *redis.StringCmd
		left *redis.DurationCmd
	}
	cmds := make([]queued, len(locks))
	pipe := c.rdb.Pipeline()
	for i, l := range locks {
		if announce {
			// Nobody waits longer than a lease without looking again.
			pipe.Set(ctx, l.awaited(), 1, 2*c.opt.Lease)
		}
		cmds[i] = queued{
			pipe.SetNX(ctx, l.name, l.token, c.opt.Lease), // first: the look comes after the lock
			pipe.Get(ctx, keys[i]),
			pipe.PTTL(ctx, l.name),
		}
	}
	_, _ = pipe.Exec(ctx) // each command's own error is checked
	out := make([]attempt, len(locks))
	for i, q := range cmds {
		if err := q.set.Err(); err != nil {
			out[i].err = err
			continue
		}
		locks[i].held = q.set.Val()
		if err := q.get.Err(); err != nil && !errors.Is(err, redis.Nil) {
			out[i].err = err
			continue
		}
		out[i].raw, out[i].left = q.get.Val(), max(q.left.Val(), 0)
	}
	return out
}

// takeLead is ensureVersions for a read that will fetch: where versions have to
// be made, the lock of the fetch under them is taken in the same round trip.
// That lock is the lead, nil if nothing had to be made or others made it first.
// Nothing can have been stored under versions that are that new.
//
// Readers of one entry who come while its versions are being made share the
// next round trip, which makes or reads all of them again: it began after they
// came. So a herd on a cold key costs Redis, and the pool, two at a time.
func (c *Cache) takeLead(ctx context.Context, q *request, have []string, met uint64) (string, *lock, error) {
	if version.Complete(have) {
		return strings.Join(have, ""), nil, nil
	}
	turn := 0
	res, err := c.makes.Share(ctx, q.key, c.spawn, func() *madeLead {
		if turn++; turn > 1 {
			have, met = make([]string, len(q.vkeys)), c.history.met.Load()
		}
		// It is shared, so the starter must not end it; the client's timeouts bound it.
		return c.makeLead(context.WithoutCancel(ctx), &q.target, have, met)
	})
	if err != nil {
		return "", nil, err
	}
	if res.fprint != q.fprint { // another Func's dependencies under the same key
		res = c.makeLead(ctx, &q.target, have, met)
	}
	return res.versions, res.lead.Swap(nil), res.err
}

// madeLead is what one round trip of takeLead returned to all who share it. One
// of them gets the lead.
type madeLead struct {
	fprint   uint64
	versions string
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
	if err == nil && !version.Complete(made) {
		err = errClosed
	}
	l.held = err != nil || set.Val() // after an error it may be held: it is released by token
	if err != nil {
		c.letGo(ctx, l)
		res.err = err
		return res
	}
	res.versions = strings.Join(made, "")
	if res.versions == proposed && l.held {
		res.lead.Store(l)
	} // else nobody asks for a lock of such a name: it lapses
	return res
}

// letGo releases a lead that is of no use, in the background.
func (c *Cache) letGo(ctx context.Context, lead *lock) {
	if lead != nil {
		c.spawn(func() { c.release(ctx, lead) }) // after Close it lapses
	}
}

// Each script touches keys of one slot only: scripts may not span slots.
const (
	releaseScript = `if redis.call('get',KEYS[1])~=ARGV[1] then return 0 end
redis.call('del',KEYS[1])
if redis.call('del',KEYS[2])==1 then redis.call('publish',ARGV[2],ARGV[3]) end
return 1`
	extendScript = `if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) end return 0`
)

// queueRelease gives the lock back, by token, and wakes whoever waits for it.
// If nobody does, no message is published.
func (c *Cache) queueRelease(ctx context.Context, pipe redis.Pipeliner, l *lock) {
	pipe.Eval(ctx, releaseScript, []string{l.name, l.awaited()}, l.token, c.pubsub.channel, string(msgFilled)+l.name)
}

// queueReleases gives back the locks that fills still hold.
func (c *Cache) queueReleases(ctx context.Context, pipe redis.Pipeliner, fills []entryFill) {
	for i := range fills {
		if l := fills[i].lock; l != nil && l.held {
			l.held = false
			c.queueRelease(ctx, pipe, l)
		}
	}
}

// release gives a lock back on its own.
func (c *Cache) release(ctx context.Context, l *lock) {
	if !l.held {
		return
	}
	c.releaseAll(ctx, []entryFill{{lock: l}})
}

// releaseAll gives back, in one round trip, the locks that fills still hold. A
// lost release costs the others a lease, so it has a context of its own.
func (c *Cache) releaseAll(ctx context.Context, fills []entryFill) {
	if !slices.ContainsFunc(fills, func(f entryFill) bool { return f.lock != nil && f.lock.held }) {
		return
	}
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opt.RedisTimeout)
	defer cancel()
	pipe := c.rdb.Pipeline()
	c.queueReleases(rctx, pipe, fills)
	if c.breaker.open.Load() {
		return // they lapse
	}
	if _, err := pipe.Exec(rctx); err != nil {
		c.log.Debug("cache locks not released, they will lapse", "error", err)
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

package cache

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// The buckets of a coarse dependency must change as one. An entry built from
// others reads another bucket than they do: if it could read its own bucket
// when that is new, and a part by a bucket that is still old, it would be
// current for good with a part that is not, and so on at every level above.
//
// One server runs a script that writes them all, and nothing comes between. On
// Cluster they lie on several nodes and change in two passes. The first closes:
// each bucket gets a mark in place of its version, under which nothing hits and
// nothing is stored. When every node has acknowledged its marks, the second
// opens: each bucket whose mark is still there gets a new nonce.
//
// Why that is sound at any depth: let T be when the last bucket was closed. What
// an entry was stored with is current after T only if it was written after T,
// because each bucket was closed from before T until it was opened after T. So
// a hit after T is on an entry whose versions were read after T, whose load
// began after T and read its own parts after T, of which the same is true.
//
// Marks are each invalidator's own, so that one who opens does not open for
// another who is still closing. Whoever finds its mark gone (evicted, run out,
// lost in a failover) begins again. A mark runs out, by the clock of the node
// it lies on: a process that died between the passes never returned from
// Invalidate, so nothing was promised, and readers then make a new version.

const (
	markStart  = 'c'
	markDigits = 13                    // until when, Unix milliseconds
	markLen    = nonceLen + markDigits // after the first byte, one for each invalidator
	closings   = 16                    // times that an invalidation may lose its marks and begin again
	markMost   = 2 * time.Second
)

// isClosed reports whether a version read is the marks of invalidations under way.
func isClosed(v string) bool {
	return len(v) > nonceLen && v[0] == markStart && (len(v)-1)%markLen == 0
}

var (
	// errClosed is met by reads of a coarse dependency that is being
	// invalidated: they go to the source and store nothing.
	errClosed   = errors.New("cache: a dependency is being invalidated")
	errMarkLost = errors.New("cache: a coarse dependency was opened before all of its buckets were closed")
)

// Each script touches one key. They begin by reading it: v is the version, ”
// if there is none; rest are the marks that have not run out, without ARGV[1]'s;
// last is when the last of them runs out; mine is whether ARGV[1]'s was there.
const marksScript = `local v=redis.pcall('get',KEYS[1])
if type(v)~='string' then v='' end
local t=redis.call('time')
local now=t[1]*1000+math.floor(t[2]/1000)
local rest,last,mine='',0,false
local isclosed=#v>16 and string.sub(v,1,1)=='c' and (#v-1)%29==0
if isclosed then for i=2,#v,29 do
local til=tonumber(string.sub(v,i+16,i+28)) or 0
if string.sub(v,i,i+15)==ARGV[1] then mine=true
elseif til>now then rest=rest..string.sub(v,i,i+28) last=math.max(last,til) end
end end
`

const (
	// ARGV: mark, its life in ms.
	closeScript = marksScript + `local til=now+ARGV[2]
redis.call('set',KEYS[1],'c'..rest..ARGV[1]..string.format('%013.0f',til),'px',math.max(til,last)-now)
return 'OK'`
	// ARGV: mark, nonce, its life in ms.
	openScript = marksScript + `if not mine then return 'LOST' end
if rest=='' then redis.call('set',KEYS[1],ARGV[2],'px',ARGV[3])
else redis.call('set',KEYS[1],'c'..rest,'px',last-now) end
return 'OK'`
	// ARGV: "", nonce, its life in ms. Makes a version where none is and where
	// all marks have run out, and tells what is there then.
	makeScript = marksScript + `if #v==16 or rest~='' then return v end
redis.call('set',KEYS[1],ARGV[2],'px',ARGV[3])
return ARGV[2]`
	// KEYS and ARGV run parallel, the last ARGV is their life in ms. On one
	// server only.
	allScript = `for i,k in ipairs(KEYS) do redis.call('set',k,ARGV[i],'px',ARGV[#ARGV]) end
return 'OK'`
)

// queueOnce queues a script that the client must not send again (see sentOnce).
func queueOnce(ctx context.Context, pipe redis.Pipeliner, script string, keys []string, args ...any) *redis.StatusCmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, "eval", script, len(keys))
	for _, k := range keys {
		all = append(all, k)
	}
	cmd := redis.NewStatusCmd(ctx, append(all, args...)...)
	cmd.SetFirstKeyPos(3)
	_ = pipe.Process(ctx, sentOnce{cmd})
	return cmd
}

// writeAtOnce gives all buckets of all dependencies new versions in one step.
func (c *Cache) writeAtOnce(ctx context.Context, rdb redis.UniversalClient, deps []string) error {
	var keys []string
	for _, d := range deps {
		keys = append(keys, c.versionKeys(d)...)
	}
	args := make([]any, 0, len(keys)+1)
	for range keys {
		args = append(args, newNonce())
	}
	pipe := rdb.Pipeline()
	cmd := queueOnce(ctx, pipe, allScript, keys, append(args, c.freshLife.Milliseconds())...)
	return c.execInvalidation(ctx, pipe, []*redis.StatusCmd{cmd}, deps)
}

// closeAndOpen is the two passes on Cluster. Dependencies that are not coarse
// get their versions with the first.
func (c *Cache) closeAndOpen(ctx context.Context, rdb redis.UniversalClient, deps []string) (err error) {
	var split, plain []string // version keys
	for _, d := range deps {
		if keys := c.versionKeys(d); coarse(shorten(d, maxDep)) {
			split = append(split, keys...)
		} else {
			plain = append(plain, keys...)
		}
	}
	for range closings {
		if err = c.closeAndOpenOnce(ctx, rdb, split, plain, deps); !errors.Is(err, errMarkLost) {
			return err
		}
	}
	return err
}

func (c *Cache) closeAndOpenOnce(ctx context.Context, rdb redis.UniversalClient, split, plain, deps []string) error {
	mark, life := newNonce(), min(2*c.opt.RedisTimeout, markMost).Milliseconds()
	pipe := rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, 0, len(split)+len(plain))
	for _, k := range plain {
		cmds = append(cmds, c.queueNonce(ctx, pipe, k, newNonce()))
	}
	for _, k := range split {
		cmds = append(cmds, queueOnce(ctx, pipe, closeScript, []string{k}, mark, life))
	}
	_, execErr := pipe.Exec(ctx)
	err := acknowledged(cmds, execErr)
	if err == nil {
		pipe, cmds = c.queueOpen(ctx, rdb, split, mark)
		if err = c.execInvalidation(ctx, pipe, cmds, deps); err == nil {
			return nil
		}
		for _, cmd := range cmds {
			if cmd.Val() == "LOST" {
				err = errMarkLost
			}
		}
	}
	// What is closed need not stay so until the marks run out.
	c.spawn(func() {
		octx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opt.RedisTimeout)
		defer cancel()
		pipe, _ := c.queueOpen(octx, rdb, split, mark)
		if _, err := pipe.Exec(octx); err != nil {
			c.log.Debug("cache dependencies left closed, their marks run out", "error", err)
		}
	})
	return err
}

func (c *Cache) queueOpen(ctx context.Context, rdb redis.UniversalClient, keys []string, mark string) (redis.Pipeliner, []*redis.StatusCmd) {
	pipe := rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, len(keys))
	for i, k := range keys {
		cmds[i] = queueOnce(ctx, pipe, openScript, []string{k}, mark, newNonce(), c.freshLife.Milliseconds())
	}
	return pipe, cmds
}

// loadUnstored is a read under a mark: as past the cache, it shares only a
// fetch that begins after it came. Redis is well, so it needs no slot: no more
// such loads run than misses would.
func (c *Cache) loadUnstored(ctx context.Context, q *request) (answer, error) {
	return c.flyPast(ctx, one(q), []int{0}, givenBoost())[0].wait(ctx)
}

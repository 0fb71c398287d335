package guard

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeSource string

var (
	take = redis.NewScript(takeSource)
	// probe writes as take does, so that a Redis that refuses writes is not taken for one that is back.
	probe = redis.NewScript(`return redis.call('SET', KEYS[1], '1', 'PX', 1000)`)
)

// epoch is what the script's times count from: microseconds since then are exact in a double.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ask spends units in Redis, with some more in advance if the client keeps coming, and settles what it is owed. It returns
// the units that the client may spend now, with those it held, 0 if the request is refused.
func (l *Limiter) ask(ctx context.Context, c *client, units int64, now float64) (granted int64, err error) {
	if c.ever && now-c.asked < micros(grantFor) {
		c.batch = min(max(1, 2*c.batch), grantMost, c.tier.Minute/grantShare)
	} else {
		c.batch = 0
	}
	c.ever, c.asked = true, now
	clock := "1"
	if l.own {
		clock = "0"
	}
	t := c.tier
	// The client may go away meanwhile: that is no failure of Redis.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.within)
	defer cancel()
	answer, err := take.Run(ctx, l.rdb, []string{c.key},
		strconv.FormatInt(l.now().Sub(epoch).Microseconds(), 10), clock, units, c.batch,
		c.owed[minute].units, number(now-c.owed[minute].since), c.owed[hour].units, number(now-c.owed[hour].since), c.owedBytes,
		number(t.every[minute]), number(t.burst[minute]), number(t.every[hour]), number(t.burst[hour]), number(t.every[bytes]), number(t.burst[bytes]),
	).Int64Slice()
	if err != nil {
		return 0, err
	}
	if len(answer) != 1+limits {
		return 0, fmt.Errorf("guard: Redis answers %d numbers", len(answer))
	}
	c.owed, c.owedBytes = [hour + 1]debt{}, 0
	for i := range limits {
		c.whole[i] = now + float64(answer[1+i])
	}
	if granted = answer[0]; granted > 0 {
		granted += c.held // what was held makes up the rest of the request
		c.held = 0
	}
	return granted, nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// instancesKey has the instances that are alive, by when they last said so.
const instancesKey = "ratelimit:v1:instances"

// An instance is to say that it is alive every BeatEvery, and it counts for aliveFor.
const (
	BeatEvery = 5 * time.Second
	aliveFor  = 20 * time.Second
)

// Beat says that this instance is alive, and counts those that are. It is to be called every BeatEvery.
func (l *Limiter) Beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	now := time.Now()
	var count *redis.IntCmd
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, instancesKey, redis.Z{Score: float64(now.UnixMilli()), Member: l.id})
		p.ZRemRangeByScore(ctx, instancesKey, "-inf", strconv.FormatInt(now.Add(-aliveFor).UnixMilli(), 10))
		count = p.ZCard(ctx, instancesKey)
		p.PExpire(ctx, instancesKey, 2*aliveFor)
		return nil
	})
	if err != nil {
		return fmt.Errorf("guard: instances: %w", err)
	}
	l.instances.Store(max(1, count.Val()))
	return nil
}

// leave takes this instance from those that are alive. If it cannot, the others notice later.
func (l *Limiter) leave(ctx context.Context) { _ = l.rdb.ZRem(ctx, instancesKey, l.id).Err() }

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, as documented
	return hex.EncodeToString(b[:])
}

package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// reading is what one round trip brought: the entry's bytes, if any, and the
// versions of its dependencies ("" = missing), all read after the caller came.
type reading struct {
	raw      string
	versions []string
}

// readEntry is step 1 of the protocol: the key and its versions in one round
// trip. On Redis Cluster the same as pipelined GETs; replicas are never read.
func (c *Cache) readEntry(ctx context.Context, t *target) (reading, error) {
	values, err := c.readKeys(ctx, t.key, t.vkeys)
	if err != nil {
		return reading{}, err
	}
	return reading{raw: values[0], versions: values[1:]}, nil
}

// readKeys gets first (unless "") and the rest, "" for what is missing or
// not a string.
func (c *Cache) readKeys(ctx context.Context, first string, rest []string) ([]string, error) {
	out := make([]string, 0, 1+len(rest))
	if c.cluster {
		pipe := c.rdb.Pipeline()
		cmds := make([]*redis.StringCmd, 0, 1+len(rest))
		if first != "" {
			cmds = append(cmds, pipe.Get(ctx, first))
		}
		for _, k := range rest {
			cmds = append(cmds, pipe.Get(ctx, k))
		}
		_, _ = pipe.Exec(ctx) // each command's own error is looked at
		for _, cmd := range cmds {
			v, err := cmd.Result()
			if err != nil && err != redis.Nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	args := make([]any, 1, 2+len(rest))
	args[0] = "mget"
	if first != "" {
		args = append(args, first)
	}
	for _, k := range rest {
		args = append(args, k)
	}
	cmd := redis.NewSliceCmd(ctx, args...)
	if err := c.rdb.Process(ctx, cmd); err != nil {
		return nil, err
	}
	for _, v := range cmd.Val() {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out, nil
}

// verdict is what a reading is worth.
type verdict uint8

const (
	miss       verdict = iota // nothing, undecodable, foreign, or invalidated
	fresh                     // current and within its TTL
	revalidate                // current, expired, within stale-while-revalidate
	graced                    // current, expired, good only if the source fails
)

// judge decides step 2: the envelope decodes, its fingerprint is the expected
// one, and every declared dependency is recorded with its current version.
func (c *Cache) judge(t *target, r reading) (envelope, verdict) {
	if r.raw == "" {
		return envelope{}, miss
	}
	e, err := decodeEnvelope(r.raw)
	if err != nil {
		t.layer.met.rejected[rejectUndecoded].Inc()
		return envelope{}, miss
	}
	if e.fprint != t.fprint || len(e.versions) != len(r.versions)*nonceLen {
		return envelope{}, miss
	}
	for i, v := range r.versions {
		if v != e.versions[i*nonceLen:(i+1)*nonceLen] {
			return envelope{}, miss
		}
	}
	return e, e.age(&t.layer.Layer, c.nowMS())
}

// age places a current entry in its life.
func (e *envelope) age(l *Layer, now int64) verdict {
	switch {
	case now < e.soft:
		return fresh
	case now >= e.hard:
		return miss
	case now < e.soft+l.StaleWhileRevalidate.Milliseconds():
		return revalidate
	default:
		return graced
	}
}

// request is one loading read: the entry, and how to get it from the source.
type request struct {
	target
	load loader
}

// product is what a load made: bytes for the store and, for the one caller who
// takes it, the value itself.
type product struct {
	payload  []byte
	value    any
	negative bool
	ttl      time.Duration // 0 = the layer's; negative = do not store
	noStore  string        // reason not to store, "" = store
	err      error         // the error every caller gets (negative answers too)
}

type loader func(ctx context.Context) product

// answer is what a read returns inside the engine.
type answer struct {
	payload  []byte
	value    any // set for the one caller that may keep it
	negative bool
	err      error
	info     Info
}

// Info says where a value came from.
type Info struct {
	// Source is where the value was found.
	Source Origin
	// Stale is true for a value past its TTL.
	Stale bool
	// StoredAt is when the value's fetch ended; zero for bypassed reads.
	StoredAt time.Time
	// Expires is the soft expiry; zero where nothing was stored.
	Expires time.Time
}

// Origin is where a value was found.
type Origin uint8

// Where values come from.
const (
	FromSource Origin = iota // fetched for this read, or for one it joined
	FromRedis
	FromNear
	FromBypass // the source, past a cache that may not serve
)

// getOrLoad is the whole read: hit, or share or make a fetch.
func (c *Cache) getOrLoad(ctx context.Context, q *request) (answer, error) {
	met := &q.layer.met
	start := time.Now()
	defer since(met.get, start)
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	if !c.opt.Gate() {
		met.bypassed.Inc()
		return c.loadDirect(ctx, q)
	}
	r, err := c.readEntry(ctx, &q.target)
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	e, v := c.judge(&q.target, r)
	if v == fresh {
		met.hits.Inc()
		return c.answerFrom(&e, FromRedis)
	}
	met.misses.Inc()
	versions, err := c.ensureVersions(ctx, q.vkeys, r.versions)
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	return c.join(ctx, q, versions)
}

// redisFailed sends a read to the source, unless it is the caller who left.
func (c *Cache) redisFailed(ctx context.Context, q *request, err error) (answer, error) {
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	c.log.Debug("cache read failed, going to the source", "layer", q.layer.Name, "error", err)
	q.layer.met.bypassed.Inc()
	return c.loadDirect(ctx, q)
}

func (c *Cache) answerFrom(e *envelope, from Origin) (answer, error) {
	return answer{
		payload:  e.payload,
		negative: e.negative(),
		info: Info{
			Source:   from,
			Stale:    c.nowMS() >= e.soft,
			StoredAt: time.UnixMilli(e.stored),
			Expires:  time.UnixMilli(e.soft),
		},
	}, nil
}

package cache

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// request is one loading read: the entry, and how to get it from the source.
type request struct {
	target
	load     loader
	owner    uint64 // the Func that asks; 0 = the byte interface
	plain    bool   // do not compress
	volatile bool   // the source may differ from one look to the next
	solo     bool   // one caller takes the value itself, and nobody the bytes
	began    int64  // when its look at Redis began (monotonic)
}

// loader fetches from the source. For a solo fetch nothing is encoded.
type loader func(ctx context.Context, solo bool) product

// product is what a load made: bytes for the store and, for the one caller who
// takes it, the value itself.
type product struct {
	payload  []byte
	value    any
	negative bool
	ttl      time.Duration // 0 = the layer's; negative = do not store
	reject   reject        // why not to store
	err      error         // what every caller gets (of negative answers too)
	scope    *scope        // the load's own, where several ran in one
}

// reading is what one round trip brought: the entry's bytes, if any, and the
// versions of its dependencies ("" = missing), all read after the caller came.
type reading struct {
	raw      string
	versions []string
	began    int64  // when the round trip began (monotonic)
	met      uint64 // histories met before it
}

// readEntry is step 1 of the protocol: the key and its versions in one round
// trip. On Redis Cluster the same as pipelined GETs; replicas are never read.
func (c *Cache) readEntry(ctx context.Context, t *target) (reading, error) {
	began, met := c.mono(), c.history.met.Load()
	values, err := c.readKeys(ctx, t.key, t.vkeys)
	if err != nil {
		return reading{}, err
	}
	return reading{raw: values[0], versions: values[1:], began: began, met: met}, nil
}

// readShared is readEntry for many readers of one entry: those who come while
// one round trip is under way share the next. It began after they came, so it
// is as good as their own, and a herd costs Redis two round trips at a time.
func (c *Cache) readShared(ctx context.Context, t *target) (reading, error) {
	res, err := c.reads.share(ctx, t.key, c.spawn, func() sharedReading {
		// It belongs to all who share it; the client's timeouts bound it.
		r, err := c.readEntry(context.WithoutCancel(ctx), t)
		return sharedReading{r, err, t.fprint}
	})
	switch {
	case err != nil:
		return reading{}, err
	case res.fprint != t.fprint: // another Func's dependencies under the same key
		return c.readEntry(ctx, t)
	}
	return res.reading, res.err
}

type sharedReading struct {
	reading
	err    error
	fprint uint64
}

// readKeys gets first (unless "") and the rest, "" for what is missing or not
// a string. It waits with patience, and on if it is this process that is busy:
// an exchange that came to nothing for that reason is made again.
func (c *Cache) readKeys(ctx context.Context, first string, rest []string) ([]string, error) {
	out, err := c.readKeysOnce(c.hasty(ctx), first, rest)
	for try := 0; err != nil && try < ownTries && ctx.Err() == nil && c.own(err); try++ {
		out, err = c.readKeysOnce(ctx, first, rest)
	}
	return out, err
}

// ownTries is how often a read waits on, each time for RedisTimeout at most.
const ownTries = 2

func (c *Cache) readKeysOnce(ctx context.Context, first string, rest []string) ([]string, error) {
	if c.cluster {
		return c.readNodes(ctx, first, rest)
	}
	args := make([]any, 1, 2+len(rest))
	args[0] = "mget"
	if first != "" {
		args = append(args, first)
	}
	for _, k := range rest {
		args = append(args, k)
	}
	out, err := c.readPrimary(ctx, args)
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		// The server had closed an idle connection; reading twice is harmless.
		out, err = c.readPrimary(ctx, args)
	}
	if err == nil && len(out) != len(args)-1 {
		return nil, errors.New("cache: Redis answered MGET with another number of values")
	}
	return out, err
}

// readPrimary makes sure that what it reads is the primary's: by the pulse's
// word, or by asking in the same exchange.
func (c *Cache) readPrimary(ctx context.Context, args []any) ([]string, error) {
	for range rereads {
		cmd := redis.NewStringSliceCmd(ctx, args...)
		if c.primaryKnown() {
			err := c.rdb.Process(ctx, cmd)
			return cmd.Val(), err
		}
		met := c.history.met.Load()
		pipe := c.rdb.Pipeline()
		_ = pipe.Process(ctx, cmd)
		info := pipe.Info(ctx, "replication")
		_, execErr := pipe.Exec(ctx)
		switch {
		case cmd.Err() != nil:
			return nil, cmd.Err()
		case info.Err() != nil:
			return nil, info.Err()
		case info.Val() == "": // no connection: see acknowledged
			return nil, errors.Join(errNotAcknowledged, execErr)
		case infoField(info.Val(), "role") == "slave":
			return nil, errReplica
		}
		if err := c.checkHistory(ctx, info.Val()); err != nil {
			return nil, err
		}
		if c.history.met.Load() == met {
			return cmd.Val(), nil
		}
	}
	return nil, errRestarts
}

// rereads bounds how often a read begins anew because a node was met that had
// restarted: each time is another node, or another restart.
const rereads = 4

var errRestarts = errors.New("cache: nodes restarted while they were read")

// readNodes is readKeys on Cluster, where the keys lie on several nodes. One of
// them may turn out to have restarted, with old versions. The layers are made
// new before it answers, but another node may have told a layer's version just
// before that, and both together would make an invalidated entry look current.
// So a read during which this process met a new history is read again.
func (c *Cache) readNodes(ctx context.Context, first string, rest []string) ([]string, error) {
	for range rereads {
		met := c.history.met.Load()
		out, err := c.getAll(ctx, first, rest)
		if err != nil || c.history.met.Load() == met {
			return out, err
		}
	}
	return nil, errRestarts
}

func (c *Cache) getAll(ctx context.Context, first string, rest []string) ([]string, error) {
	out := make([]string, 0, 1+len(rest))
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
		if err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil, err
		}
		out = append(out, v)
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
		t.layer.met.rejected[rejectUndecoded].inc()
		return envelope{}, miss
	}
	if e.fprint != t.fprint || !sameVersions(e.versions, r.versions) {
		return envelope{}, miss
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

// early decides whether a fresh entry is refreshed ahead of time, with a
// probability that grows towards expiry and with what a fetch costs: XFetch,
// now − δ·β·ln(rand) ≥ expiry (Vattani, Chierichetti, Lowenstein: Optimal
// Probabilistic Cache Stampede Prevention, VLDB 2015).
func (c *Cache) early(e *envelope) bool {
	if c.opt.EarlyRefresh <= 0 || e.cost == 0 || e.negative() {
		return false
	}
	left := float64(e.soft-c.nowMS()) * 1000 // µs
	delta := float64(e.cost) * c.opt.EarlyRefresh
	if left > 40*delta {
		return false // e^-40: not worth a random number
	}
	return -delta*math.Log(1-c.opt.Rand()) >= left
}

// getOrLoad is the whole read: hit, or share or make a fetch.
func (c *Cache) getOrLoad(ctx context.Context, q *request) (answer, error) {
	start := time.Now()
	ans, err := c.tracedRead(ctx, q)
	took := time.Since(start).Seconds()
	q.layer.met.get.Observe(took)
	if ans.hit {
		q.layer.met.hit.Observe(took)
		if scopeOf(ctx) != nil {
			q.layer.met.nestedHits.inc()
		}
	}
	if !scopeOf(ctx).warms() {
		c.topKeys.see(q.layer, q.key, int64(start.Sub(c.born)))
	}
	if err == nil || ans.negative {
		scopeOf(ctx).note(c, q.deps, &ans.inherited)
	}
	return ans, err
}

func (c *Cache) read(ctx context.Context, q *request) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	sc := scopeOf(ctx)
	if sc.loads(q.key) {
		return answer{}, ErrCycle
	}
	if !c.opt.Gate() || c.breaker.open.Load() || sc.bypassed() {
		q.layer.met.bypassed.inc()
		return c.loadBypass(ctx, q)
	}
	q.began = c.mono()
	if q.layer.Near.Mode != NearOff {
		e, v, err := c.strict(ctx, q)
		if err != nil {
			return c.redisFailed(ctx, q, err)
		}
		if e != nil && (v == fresh || sc == nil && v == revalidate) {
			q.layer.met.nearHits.inc()
			if v == revalidate || c.early(&e.env) {
				c.refresh(ctx, q, e.env.versions, e.env.stored)
			}
			return c.hit(q, nearAnswer(e, v != fresh)), nil
		}
	}
	r, err := c.readShared(ctx, &q.target)
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	c.redisOK()
	q.began = r.began
	e, v := c.judge(&q.target, r)
	var stale answer
	if v != miss {
		ans, err := c.answerFrom(q.layer, &e, FromRedis)
		switch {
		case err != nil:
			v = miss // counted: undecodable
		case v == fresh || sc == nil && v == revalidate:
			if v == revalidate || c.early(&e) {
				c.refresh(ctx, q, e.versions, e.stored)
			}
			c.near.put(q, &e, ans.payload, q.began)
			return c.hit(q, ans), nil
		default:
			stale = ans
		}
	}
	q.layer.met.missed(sc)
	versions, lead, err := c.takeLead(ctx, q, r.versions, r.met)
	if errors.Is(err, errClosed) {
		return c.loadUnstored(ctx, q)
	}
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	// Inside a load nothing stale may be served, so there is no fallback.
	if v == miss || sc != nil || q.layer.StaleIfError == 0 {
		return c.join(ctx, q, versions, e.stored, lead)
	}
	return c.joinOrStale(ctx, q, versions, e.stored, lead, stale)
}

// missed counts a read for which nothing current was stored.
func (m *layerMetrics) missed(sc *scope) {
	m.misses.inc()
	if sc != nil {
		m.nestedMisses.inc()
	}
}

// hit counts an answer from the store.
func (c *Cache) hit(q *request, ans answer) answer {
	met := &q.layer.met
	met.hits.inc()
	if ans.info.Stale {
		met.stale.inc()
	}
	if ans.negative {
		met.negatives.inc()
	}
	ans.hit = true
	c.maybeAudit(q, &ans)
	return ans
}

// joinOrStale waits for the source only so long, and takes an expired value,
// never an invalidated one, for a source that fails.
func (c *Cache) joinOrStale(ctx context.Context, q *request, versions string, after int64, lead *lock, stale answer) (answer, error) {
	wait := ctx
	if d := q.layer.SoftTimeout; d > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	ans, err := c.join(wait, q, versions, after, lead)
	if err == nil || ans.negative || ctx.Err() != nil {
		return ans, err
	}
	q.layer.met.stale.inc()
	return stale, nil
}

// redisFailed sends a read to the source, unless it is the caller who left.
func (c *Cache) redisFailed(ctx context.Context, q *request, err error) (answer, error) {
	if err := callerGone(ctx); err != nil {
		return answer{}, err
	}
	c.redisDown(err)
	c.log.Debug("cache read failed, going to the source", "layer", q.layer.Name, "error", err)
	q.layer.met.bypassed.inc()
	return c.loadBypass(ctx, q)
}

// reload is a read that takes nothing stored for an answer: for an entry that
// is current but proved unusable, stored at after. Its fill overwrites it.
func (c *Cache) reload(ctx context.Context, q *request, after int64) (answer, error) {
	if !c.opt.Gate() || c.breaker.open.Load() {
		return c.loadBypass(ctx, q)
	}
	own := *q // a refresh behind the first read may still be at work with q
	q = &own
	q.began = c.mono()
	met := c.history.met.Load()
	have, err := c.readKeys(ctx, "", q.vkeys)
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	versions, lead, err := c.takeLead(ctx, q, have, met)
	if errors.Is(err, errClosed) {
		return c.loadUnstored(ctx, q)
	}
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	ans, err := c.join(ctx, q, versions, after, lead)
	if err == nil {
		scopeOf(ctx).note(c, q.deps, &ans.inherited)
	}
	return ans, err
}

// callerGone is the end of the caller's context, be it reached only in a
// moment: the socket's deadline comes a little before the context's.
func callerGone(ctx context.Context) error {
	if d, ok := ctx.Deadline(); ok && time.Until(d) < time.Millisecond {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

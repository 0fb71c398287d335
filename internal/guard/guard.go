// Package guard limits how much one client may ask for: so many units a minute and an hour, and so many bytes an hour. The
// limits hold over all instances. They are counted in Redis by the generic cell rate algorithm (ATM Forum, Traffic Management
// 4.0, §4.4.2): a limit of n a minute is a time by which it is whole again, which each unit moves on by a minute/n, and which
// may lie at most a minute ahead.
//
// What a hit may cost leaves no room for a round trip each. So a client that keeps asking is granted a few units in advance,
// which this process spends by itself. They are counted before they are spent: while Redis answers, no client gets more than
// its limit. It may get less: units granted to an instance and not spent there are given back late, or not at all. That is at
// most a twentieth of the minute's limit on each instance. What Redis has refused is refused from memory until it can be
// granted again.
//
// While Redis does not answer, each instance counts for itself. It takes what it spends to be its share of the limit: one in
// as many as there were instances. What was spent meanwhile is told to Redis afterwards.
package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

const (
	// redisWithin bounds a question to Redis by default. A client's requests wait for it one after another, but only the first of them
	// finds Redis not answering.
	redisWithin = 40 * time.Millisecond
	// redisAgain is how long after a failure, and after each probe that failed, Redis is asked whether it is back.
	redisAgain = 200 * time.Millisecond
	// grantFor is how long units that were granted in advance may be spent, and how soon a client has to come back to be
	// granted some.
	grantFor = time.Second
	// grantMost bounds a grant in advance, and grantShare is its share of the minute's limit.
	grantMost, grantShare = 1000, 20
	// mostClients bounds the clients remembered here. Those forgotten are asked for again: Redis knows them all.
	mostClients = 1 << 16
)

// Tier is a kind of clients, with limits of its own.
type Tier struct {
	Name string
	// Minute and Hour are units a client may spend. Bytes is how much it may be sent in an hour, 0 for any amount.
	Minute, Hour, Bytes int64

	every [limits]float64 // microseconds that one unit or byte takes to come back
	burst [limits]float64 // microseconds that a limit may be ahead
	fixed fixedFields
	count [outcomes]prometheus.Counter
}

// The limits, in the order in which the script knows them.
const (
	minute = iota
	hour
	bytes
	limits
)

var windows = [limits]time.Duration{time.Minute, time.Hour, time.Hour}

func (t *Tier) prepare() {
	for i, n := range [limits]int64{t.Minute, t.Hour, t.Bytes} {
		t.burst[i] = micros(windows[i])
		if n > 0 {
			t.every[i] = t.burst[i] / float64(n)
		}
	}
	t.fixed = fixedFieldsOf(t)
}

// Client names whose requests are counted together: a range of addresses, or somebody known.
type Client struct {
	Range netip.Prefix
	Known string // such as "user 7"
}

func (c Client) redisKey() string {
	name := c.Known
	if name == "" {
		name = c.Range.String()
	}
	hash := sha256.Sum256([]byte(name)) // keys have one length, and show no addresses at a glance
	return "ratelimit:v1:" + hex.EncodeToString(hash[:16])
}

// Options configure a Limiter. Redis and Logger are needed.
type Options struct {
	// Redis is where limits are counted. The Limiter makes a client of its own from it, with shorter time-outs.
	Redis      *redis.Options
	Registerer prometheus.Registerer // nil = none
	Logger     *slog.Logger
	// Within bounds a question to Redis; 0 = 40 ms.
	Within time.Duration
	// Now is the clock; nil = time.Now, and then Redis's own clock counts where Redis decides.
	Now func() time.Time
}

// Limiter counts. Close must follow.
type Limiter struct {
	log       *slog.Logger
	rdb       *redis.Client
	within    time.Duration
	now       func() time.Time
	start     time.Time
	own       bool // the clock is a test's
	clients   *otter.Cache[Client, *client]
	met       *metrics
	id        string
	instances atomic.Int64 // that were alive when Redis last told

	down     atomic.Bool // Redis does not answer: recovering asks whether it is back
	failures atomic.Int64
	told     atomic.Int64 // when the log last said so
	ctx      context.Context
	stop     context.CancelFunc
	recovers sync.WaitGroup
}

// New makes a Limiter. Redis need not be reachable.
func New(o Options, tiers ...*Tier) (*Limiter, error) {
	l := &Limiter{log: o.Logger, now: o.Now, own: o.Now != nil, id: newID()}
	if l.within = o.Within; l.within <= 0 {
		l.within = redisWithin
	}
	if l.now == nil {
		l.now = time.Now
	}
	l.start = l.now()
	l.instances.Store(1)
	var err error
	l.clients, err = otter.New(&otter.Options[Client, *client]{MaximumSize: mostClients, Executor: func(f func()) { f() }}) // no goroutines of its own
	if err != nil {
		return nil, fmt.Errorf("guard: clients: %w", err)
	}
	ro := *o.Redis
	ro.PoolSize, ro.MinIdleConns, ro.MaxRetries = 16, 0, -1
	ro.DialTimeout, ro.ReadTimeout, ro.WriteTimeout, ro.PoolTimeout = l.within, l.within, l.within, l.within
	ro.DialerRetries, ro.ContextTimeoutEnabled = 1, true
	l.rdb = redis.NewClient(&ro)
	l.met = newMetrics(l, o.Registerer, tiers)
	for _, t := range tiers {
		t.prepare()
	}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l, nil
}

// Close ends the probes. The Limiter must not be used any more.
func (l *Limiter) Close() error {
	l.stop()
	l.recovers.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), l.within)
	defer cancel()
	l.leave(ctx)
	return l.rdb.Close()
}

// elapsed is the clock that everything here is reckoned by, in microseconds since the start.
func (l *Limiter) elapsed() float64 { return micros(l.now().Sub(l.start)) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// client is what this process knows of one. Its requests take turns, also while one of them asks Redis: the others may then
// spend what that one was granted.
type client struct {
	key  string
	tier *Tier

	mu        sync.Mutex
	whole     [limits]float64 // when each limit is whole again, as far as is known here: never later than it truly is
	held      int64           // units granted and not spent
	heldUntil float64
	owed      [hour + 1]debt
	owedBytes int64
	batch     int64 // the last grant in advance
	asked     float64
	ever      bool
}

// debt is units that Redis does not know of: spent while it was away, less those to be given back.
type debt struct {
	units int64
	since float64 // the first of them; what was spent before has come back
}

func (d *debt) add(now float64, units int64, every float64) {
	if d.since+float64(d.units)*every <= now && d.units >= 0 {
		d.units, d.since = 0, now
	}
	d.units += units
}

func (l *Limiter) client(of Client, t *Tier) *client {
	c, ok := l.clients.GetIfPresent(of)
	if !ok || c.tier != t { // a user's tier may change
		made := &client{key: of.redisKey(), tier: t}
		if ok {
			l.clients.Set(of, made)
			return made
		}
		c, _ = l.clients.ComputeIfAbsent(of, func() (*client, bool) { return made, false })
		if c == nil {
			c = made
		}
	}
	return c
}

// Pass is the leave to answer one request, or the refusal.
type Pass struct {
	OK bool
	// Wait is how long the client has to wait if it is refused, and For is the limit that says so.
	Wait time.Duration
	For  string

	l    *Limiter
	c    *client
	cost int64
}

// Take spends units for one request of a client. More units than the limits allow at once count as all of them.
func (l *Limiter) Take(ctx context.Context, of Client, t *Tier, units int64) Pass {
	units = max(1, min(units, t.Minute, t.Hour))
	c := l.client(of, t)
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Pass{l: l, c: c, cost: units}
	outcome := l.take(ctx, c, units)
	if outcome == allowed {
		p.OK = true
	} else {
		p.For = outcomeNames[outcome]
		wait, _ := c.wait(l.elapsed(), units-c.held)
		p.Wait = max(time.Second, time.Duration(math.Ceil(wait/1e6))*time.Second)
	}
	t.count[outcome].Inc()
	return p
}

// take decides, and returns allowed or the limit that refuses.
func (l *Limiter) take(ctx context.Context, c *client, units int64) int {
	now := l.elapsed()
	if c.held > 0 && now > c.heldUntil {
		c.add(now, -c.held, 1)
		c.held = 0
	}
	if c.ahead(now, bytes) < c.tier.burst[bytes] && c.held >= units {
		c.held -= units
		l.met.memory.Inc()
		return allowed
	}
	down := l.down.Load()
	// What Redis does not know of yet it is told first.
	if wait, limit := c.wait(now, units-c.held); wait > 0 && (down || !c.owes()) {
		l.met.memory.Inc()
		return limit
	}
	if down {
		return l.alone(c, units)
	}
	granted, err := l.ask(ctx, c, units-c.held, now)
	if err != nil {
		l.fails(err)
		return l.alone(c, units)
	}
	l.met.redis.Inc()
	if granted == 0 {
		_, limit := c.wait(now, units-c.held)
		return limit
	}
	c.held = granted - units
	c.heldUntil = now + micros(grantFor)
	return allowed
}

func (c *client) owes() bool { return c.owed[minute].units > 0 }

// alone decides while Redis does not answer: what is spent here is one share of what all instances spend.
func (l *Limiter) alone(c *client, units int64) int {
	l.met.local.Inc()
	now, share := l.elapsed(), l.instances.Load()
	need := units - c.held
	if wait, limit := c.wait(now, need*share); wait > 0 {
		return limit
	}
	c.held = 0
	c.add(now, need, share)
	return allowed
}

// add counts units that Redis is told later.
func (c *client) add(now float64, units, share int64) {
	for i := range c.owed {
		c.owed[i].add(now, units, c.tier.every[i])
		c.whole[i] = max(c.whole[i], now) + float64(units*share)*c.tier.every[i]
	}
}

// ahead is how far a limit is from being whole.
func (c *client) ahead(now float64, limit int) float64 { return max(0, c.whole[limit]-now) }

// wait is how long until units can be spent, and which limit says so; not positive if they can be now.
func (c *client) wait(now float64, units int64) (longest float64, limit int) {
	longest = math.Inf(-1)
	for i := range limits {
		if c.tier.every[i] == 0 {
			continue
		}
		need := float64(units) * c.tier.every[i]
		if i == bytes {
			need = c.tier.every[bytes] // the budget may be overdrawn by the last answer
		}
		if w := c.ahead(now, i) + min(need, c.tier.burst[i]) - c.tier.burst[i]; w > longest {
			longest, limit = w, i
		}
	}
	if longest < 1 { // microsecond: rounding
		return 0, limit
	}
	return longest, limit
}

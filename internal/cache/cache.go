package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/coalesce"
	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/fingerprint"
	"openlearn/internal/cache/internal/near"
	"openlearn/internal/cache/internal/topkeys"
	"openlearn/internal/cache/internal/version"
	"openlearn/internal/cache/internal/versionbatch"
)

// Cache is the engine. It is safe for concurrent use.
type Cache struct {
	opt     Options
	log     *slog.Logger
	rdb     redis.UniversalClient // derived: every connection checked
	cluster bool
	layers  map[string]*layerState
	order   []*layerState
	met     *metrics

	freshLife time.Duration // of versions that no entry has been stored with yet
	born      time.Time     // start of the monotonic clock

	reads   coalesce.Group[sharedReading]
	makes   coalesce.Group[*madeLead]
	flights flights
	bypass  bypasses
	pubsub  pubsub
	near    *near.Store
	batcher *versionbatch.Batcher // of all entries in memory; on Cluster each has its own
	batches versionbatch.Source
	packer  *envelope.Packer
	breaker breaker
	pulse   pulse
	conns   conns
	looks   redis.UniversalClient // the pulse's own
	history history
	audits  chan struct{} // slots of the coherence audit
	topKeys *topkeys.TopKeys
	schemas fingerprint.Schemas
	owners  atomic.Uint64 // numbers the Funcs
	redis   redisGauges
	started atomic.Bool

	life   context.Context // ends with Close
	end    context.CancelFunc
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// layerState is a layer with what is worked out once.
type layerState struct {
	Layer
	dep       string // "layer:article"
	keyPrefix string // "article:v1:"
	met       layerMetrics
}

// New makes a cache. It does not talk to Redis: that may be away.
func New(o Options) (*Cache, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &Cache{
		opt:     o,
		log:     o.Logger,
		layers:  make(map[string]*layerState, len(o.Layers)),
		born:    time.Now(),
		met:     newMetrics(o.Registerer),
		topKeys: topkeys.New(),
		audits:  make(chan struct{}, maxAudits),
	}
	c.batches = versionbatch.Source{
		Read:  func(ctx context.Context, keys []string) ([]string, error) { return c.readKeys(ctx, "", keys) },
		Now:   c.mono,
		Spawn: c.spawn,
	}
	c.batcher = versionbatch.New(&c.batches)
	c.flights.byName, c.flights.refreshing = make(map[string]*flight), make(map[string]struct{})
	c.bypass.byKey, c.bypass.slots = make(map[string]*bypassPair), make(chan struct{}, o.SourceSlots)
	c.conns.open = make(map[*trackedConn]struct{})
	c.history.turn, c.history.known = make(chan struct{}, 1), make(map[string]bool)
	c.pubsub.channel, c.pubsub.waiters = "bus:"+version.Format, make(map[string]map[chan struct{}]struct{})
	var err error
	if c.near, err = near.New(o.NearBytes); err != nil {
		return nil, err
	}
	if c.packer, err = envelope.NewPacker(o.CompressAbove, o.MaxValueBytes); err != nil {
		return nil, err
	}
	for _, l := range o.Layers {
		s := &layerState{
			Layer:     l,
			dep:       version.Layer(l.Name),
			keyPrefix: l.Namespace + ":" + o.Version + ":",
		}
		c.met.forLayer(l.Name, &s.met)
		if s.HardTimeout == 0 {
			s.HardTimeout = o.LoadTimeout
		}
		// A new version must outlive the load that its entry is stored after.
		c.freshLife = max(c.freshLife, s.HardTimeout+o.LockWait+4*o.RedisTimeout, time.Minute)
		c.layers[l.Name] = s
		c.order = append(c.order, s)
	}
	c.registerGauges()
	if err := c.met.err(); err != nil {
		return nil, err
	}
	c.life, c.end = context.WithCancel(context.Background())
	if err := c.deriveClients(o.Redis); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// Start begins the background work: the message link between instances, which
// ends with Close or with ctx, and the pulse's looks at Redis, which end with
// Close. Reads and loads go on until Close, so a server may drain. Start does
// not fail when Redis is away: reads go to the source until it is back. Without
// the link waiters wait for a timer, and bounded reads check as strict ones do.
func (c *Cache) Start(ctx context.Context) error {
	if !c.started.CompareAndSwap(false, true) {
		return nil
	}
	link, cancel := context.WithCancel(c.life)
	stop := context.AfterFunc(ctx, cancel)
	if !c.spawn(func() {
		defer cancel()
		defer stop()
		c.listen(link)
	}) {
		stop()
		cancel()
		return ErrClosed
	}
	c.greet()
	c.spawn(func() { c.beat(c.life) })
	return nil
}

// greet connects to every primary, so that a history not dealt with yet is met
// now and not by a later read, which would lose its entry.
func (c *Cache) greet() {
	ctx, cancel := context.WithTimeout(c.life, c.opt.RedisTimeout)
	defer cancel()
	var err error
	if r, ok := c.rdb.(*redis.ClusterClient); ok {
		err = r.ForEachMaster(ctx, func(ctx context.Context, n *redis.Client) error { return n.Ping(ctx).Err() })
	} else {
		err = c.rdb.Ping(ctx).Err()
		for range 2 { // the first learns which primary it is, the second finds it again
			if err == nil {
				err = c.lookAtRedis(ctx, c.mono())
			}
		}
	}
	if err != nil {
		c.log.Warn("cache starts without Redis: reads go to the source", "error", err)
	}
}

// closeWait bounds how long Close waits for loads that ignore their context.
const closeWait = 10 * time.Second

// Close ends background work and waits for it, and closes the cache's own
// connections, never the client that was handed in.
func (c *Cache) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	c.end()
	done := make(chan struct{})
	go func() { c.wg.Wait(); close(done) }()
	var late error
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		late = fmt.Errorf("cache: close: work still running after %v", closeWait)
	}
	c.packer.Close()
	return errors.Join(late, c.rdb.Close(), c.history.plain.Close(), c.looks.Close())
}

// spawn runs fn in a goroutine that Close waits for; false after Close.
func (c *Cache) spawn(fn func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		fn()
	}()
	return true
}

func (c *Cache) layer(name string) (*layerState, error) {
	if l, ok := c.layers[name]; ok {
		return l, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownLayer, name)
}

func (c *Cache) nowMS() int64 { return c.opt.Now().UnixMilli() }

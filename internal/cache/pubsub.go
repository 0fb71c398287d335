package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/fnv1a"
	"openlearn/internal/cache/internal/version"
)

// pubsub is one subscription per process. It carries two kinds of message:
// "this lock's fill is there (or will not come)", which wakes waiters, and
// "these dependencies were invalidated", which drops bounded near entries.
// Both only make things quicker: a lost message costs a timer, or staleness
// within the stated bound.
type pubsub struct {
	channel string

	mu      sync.Mutex
	waiters map[string]map[chan struct{}]struct{} // by lock name

	// upSince is when the link was last established, in nanoseconds of the
	// cache's monotonic clock; 0 while it is down.
	upSince atomic.Int64
}

const (
	msgFilled      = 'f' // + lock name
	msgInvalidated = 'i' // + 8 bytes per dependency
	linkPing       = 2 * time.Second
)

// wait registers for the wake-up of a lock; done must be called.
func (p *pubsub) wait(lock string) (woken <-chan struct{}, done func()) {
	ch := make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	set := p.waiters[lock]
	if set == nil {
		set = make(map[chan struct{}]struct{}, 1)
		p.waiters[lock] = set
	}
	set[ch] = struct{}{}
	return ch, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(set, ch)
		if len(set) == 0 && len(p.waiters[lock]) == 0 {
			delete(p.waiters, lock)
		}
	}
}

func (p *pubsub) wake(lock string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ch := range p.waiters[lock] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// listen keeps the subscription until ctx ends.
func (c *Cache) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.receive(ctx)
		if c.pubsub.upSince.Swap(0) != 0 {
			c.met.pubsubDrops.inc()
		}
		c.near.Clear()
		if ctx.Err() != nil {
			return
		}
		c.log.Debug("cache message link is down", "error", err)
		pause(ctx, c.opt.BreakerProbe)
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

var errLinkSilent = errors.New("cache: message link silent")

func (c *Cache) receive(ctx context.Context) error {
	ps := c.rdb.Subscribe(ctx, c.pubsub.channel)
	stop := context.AfterFunc(ctx, func() { _ = ps.Close() })
	defer func() {
		if stop() {
			_ = ps.Close()
		}
	}()
	asked := false
	for {
		msg, err := ps.ReceiveTimeout(ctx, linkPing)
		var timeout net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &timeout) && timeout.Timeout() && !asked:
			if err := ps.Ping(ctx); err != nil {
				return err
			}
			asked = true
			continue
		case asked:
			return errors.Join(errLinkSilent, err)
		default:
			return err
		}
		switch m := msg.(type) {
		case *redis.Subscription:
			// Entries put into memory before this moment may have missed
			// messages.
			c.near.Clear()
			c.pubsub.upSince.Store(c.mono())
		case *redis.Message:
			c.heard(m.Payload)
		}
	}
}

func (c *Cache) heard(msg string) {
	if msg == "" {
		return
	}
	switch body := msg[1:]; msg[0] {
	case msgFilled:
		c.pubsub.wake(body)
	case msgInvalidated:
		for b := []byte(body); len(b) >= 8; b = b[8:] {
			c.near.Drop(binary.BigEndian.Uint64(b), c.mono())
		}
	}
}

// invalidatedMsg is the message for some dependencies.
func invalidatedMsg(deps []string) string {
	b := make([]byte, 1, 1+8*len(deps))
	b[0] = msgInvalidated
	for _, d := range deps {
		b = binary.BigEndian.AppendUint64(b, fnv1a.Sum(version.Short(d)))
	}
	return string(b)
}

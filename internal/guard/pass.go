package guard

import (
	"math"
	"time"
)

// Refund gives back what a request turned out not to cost: it has cost the given units. It may be called once, before State.
func (p *Pass) Refund(cost int64) {
	if back := p.cost - cost; p.OK && back > 0 {
		p.c.mu.Lock()
		p.c.held += back
		p.c.heldUntil = max(p.c.heldUntil, p.l.elapsed()+micros(grantFor))
		p.c.mu.Unlock()
		p.cost = cost
	}
}

// Sent counts the bytes of an answer.
func (p *Pass) Sent(n int64) {
	if n <= 0 || p.c.tier.Bytes == 0 {
		return
	}
	now := p.l.elapsed()
	p.c.mu.Lock()
	p.c.owedBytes += n
	p.c.whole[bytes] = max(p.c.whole[bytes], now) + float64(n)*p.c.tier.every[bytes]
	p.c.mu.Unlock()
}

// State is what a client has left.
type State struct {
	Remaining [limits]int64
	// Whole is when each limit is whole again.
	Whole [limits]time.Duration // from now
}

// State tells what the client has left now.
func (p *Pass) State() (s State) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	now, t := p.l.elapsed(), p.c.tier
	for i := range limits {
		if t.every[i] == 0 {
			continue
		}
		ahead := p.c.ahead(now, i)
		left := int64(math.Floor((t.burst[i]-ahead)/t.every[i] + 1e-6))
		if i != bytes {
			left += p.c.held
			ahead -= float64(p.c.held) * t.every[i]
		}
		s.Remaining[i] = max(0, min(left, int64(math.Round(t.burst[i]/t.every[i]))))
		s.Whole[i] = time.Duration(max(0, ahead)) * time.Microsecond
	}
	return s
}

package cache

import (
	"time"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/near"
)

// answer is what a read returns inside the engine.
type answer struct {
	payload   []byte
	value     any         // set for the one caller that may keep it
	near      *near.Entry // where it was found, to keep what is decoded there
	negative  bool
	hit       bool   // answered from the store
	versions  string // of a stored value
	err       error
	info      Info
	inherited inherited
}

// answerOf is the answer that a fetch gives its readers, stored or not.
func answerOf(p *product, b inherited, from Origin) answer {
	return answer{payload: p.payload, value: p.value, negative: p.negative, err: p.err, info: Info{Source: from}, inherited: b}
}

// Info says where a value came from.
type Info struct {
	// Source is where the value was found.
	Source Origin
	// Stale is true for a value past its TTL (never an invalidated one).
	Stale bool

	stored, soft, hard int64 // Unix ms; 0 = not stored
}

// StoredAt is when the value's fetch ended; zero where nothing was stored.
func (i Info) StoredAt() time.Time { return unixMS(i.stored) }

// Expires is when the value goes stale; zero where nothing was stored.
func (i Info) Expires() time.Time { return unixMS(i.soft) }

func unixMS(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (i *Info) set(e *envelope.Envelope) { i.stored, i.soft, i.hard = e.Stored, e.Soft, e.Hard }

// Origin is where a value was found.
type Origin uint8

// Where values come from.
const (
	FromSource Origin = iota // fetched for this read, or for one it joined
	FromRedis                // stored and current
	FromNear                 // in this process's memory, and current or within its bound
	FromBypass               // the source, while the cache may not serve
)

func (o Origin) String() string {
	return [...]string{"source", "redis", "near", "bypass"}[o&3]
}

// answerFrom unpacks a stored entry; one that does not unpack is counted.
func (c *Cache) answerFrom(l *layerState, e *envelope.Envelope, from Origin, now int64) (answer, error) {
	payload, err := c.packer.Unpack(e)
	if err != nil {
		l.met.rejected[rejectUndecoded].inc()
		return answer{}, err
	}
	a := answer{payload: payload, negative: e.IsNegative(), versions: e.Versions}
	a.info = Info{Source: from, Stale: now >= e.Soft}
	a.info.set(e)
	a.inherited = inherited{soft: e.Soft, hard: e.Hard}
	return a, nil
}

func nearAnswer(e *near.Entry, stale bool) answer {
	return answer{
		payload: e.Envelope.Payload, near: e, negative: e.Envelope.IsNegative(), versions: e.Envelope.Versions,
		info:      Info{Source: FromNear, Stale: stale, stored: e.Envelope.Stored, soft: e.Envelope.Soft, hard: e.Envelope.Hard},
		inherited: inherited{soft: e.Envelope.Soft, hard: e.Envelope.Hard},
	}
}

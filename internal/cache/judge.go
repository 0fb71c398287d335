package cache

import (
	"math"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/near"
	"openlearn/internal/cache/internal/version"
	"openlearn/internal/cache/internal/versionbatch"
)

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
func judge(t *target, r reading, now int64) (envelope.Envelope, verdict) {
	if r.raw == "" {
		return envelope.Envelope{}, miss
	}
	e, err := envelope.Decode(r.raw)
	if err != nil {
		t.layer.met.rejected[rejectUndecoded].inc()
		return envelope.Envelope{}, miss
	}
	if e.Fingerprint != t.fprint || !version.Same(e.Versions, r.versions) {
		return envelope.Envelope{}, miss
	}
	return e, age(&e, &t.layer.Layer, now)
}

// age says where in its life a current entry is.
func age(e *envelope.Envelope, l *Layer, now int64) verdict {
	switch {
	case now < e.Soft:
		return fresh
	case now >= e.Hard:
		return miss
	case now < e.Soft+l.StaleWhileRevalidate.Milliseconds():
		return revalidate
	default:
		return graced
	}
}

// early decides whether a fresh entry is refreshed ahead of time, with a
// probability that grows towards expiry and with what a fetch costs: XFetch,
// now − δ·β·ln(rand) ≥ expiry (Vattani, Chierichetti, Lowenstein: Optimal
// Probabilistic Cache Stampede Prevention, VLDB 2015).
func (c *Cache) early(e *envelope.Envelope) bool {
	if c.opt.EarlyRefresh <= 0 || e.Cost == 0 || e.IsNegative() {
		return false
	}
	left := float64(e.Soft-c.nowMS()) * 1000 // µs
	delta := float64(e.Cost) * c.opt.EarlyRefresh
	if left > 40*delta {
		return false // e^-40: not worth a random number
	}
	return -delta*math.Log(1-c.opt.Rand()) >= left
}

// found is what a stored entry is worth to one reader.
type found struct {
	ans      answer
	usable   bool   // ans is served
	refresh  bool   // and the entry is fetched again in the background
	standIn  bool   // ans is expired, and good only if the source fails
	versions string // the entry's
	after    int64  // when it was stored; 0 = there was none
}

// servable reports whether a read may be given an entry of this age. Inside a
// load nothing stale is served: it would feed a fill.
func servable(v verdict, sc *scope) bool {
	return v == fresh || v == revalidate && sc == nil
}

// remembered returns the entry in process memory that a read may use if its
// versions are still current, nil if there is none.
func (c *Cache) remembered(sc *scope, q *request) *near.Entry {
	if q.layer.Near.Mode == NearOff {
		return nil
	}
	e := c.near.Get(q.key)
	if e == nil || e.Envelope.Fingerprint != q.fprint || !servable(age(&e.Envelope, &q.layer.Layer, c.nowMS()), sc) {
		return nil
	}
	return e
}

// judgeNear judges an entry in memory by the versions that a check has just
// read.
func (c *Cache) judgeNear(sc *scope, q *request, e *near.Entry, now versionbatch.Outcome) found {
	if !version.Same(e.Envelope.Versions, now.Versions) {
		c.near.Remove(q.key)
		return found{}
	}
	e.Confirm(now.Began)
	v := age(&e.Envelope, &q.layer.Layer, c.nowMS())
	if !servable(v, sc) {
		return found{}
	}
	q.layer.met.nearHits.inc()
	return found{
		ans: nearAnswer(e, v != fresh), usable: true, refresh: v == revalidate || c.early(&e.Envelope),
		versions: e.Envelope.Versions, after: e.Envelope.Stored,
	}
}

// judgeStored judges what a round trip brought from Redis, and keeps what it
// serves in memory.
func (c *Cache) judgeStored(sc *scope, q *request, r reading) found {
	now := c.nowMS()
	e, v := judge(&q.target, r, now)
	if v == miss {
		return found{}
	}
	f := found{versions: e.Versions, after: e.Stored}
	var err error
	if f.ans, err = c.answerFrom(q.layer, &e, FromRedis, now); err != nil {
		return f // counted: it does not decompress
	}
	switch {
	case servable(v, sc):
		f.usable, f.refresh = true, v == revalidate || c.early(&e)
		c.keepNear(q, &e, f.ans.payload, r.began)
	case sc == nil && q.layer.StaleIfError > 0:
		f.standIn = true
	}
	return f
}

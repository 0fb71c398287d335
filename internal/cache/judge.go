package cache

import "math"

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

// found is what a stored entry is worth to one reader.
type found struct {
	ans      answer
	usable   bool   // ans is served
	refresh  bool   // and the entry is fetched anew behind the reader
	standIn  bool   // ans is expired, and good only if the source fails
	versions string // the entry's
	after    int64  // when it was stored; 0 = there was none
}

// servable reports whether a read may be given an entry of this age. Inside a
// load nothing stale is: it would feed a fill.
func servable(v verdict, sc *scope) bool {
	return v == fresh || v == revalidate && sc == nil
}

// remembered returns the entry in process memory that a read is served if its
// versions are still current, nil if there is none.
func (c *Cache) remembered(sc *scope, q *request) *nearEntry {
	if q.layer.Near.Mode == NearOff {
		return nil
	}
	e := c.near.get(q.key)
	if e == nil || e.env.fprint != q.fprint || !servable(e.env.age(&q.layer.Layer, c.nowMS()), sc) {
		return nil
	}
	return e
}

// judgeNear judges an entry in memory by its versions as a check has just
// found them.
func (c *Cache) judgeNear(sc *scope, q *request, e *nearEntry, now outcome) found {
	if !sameVersions(e.env.versions, now.versions) {
		c.near.remove(q.key)
		return found{}
	}
	e.confirm(now.began)
	v := e.env.age(&q.layer.Layer, c.nowMS())
	if !servable(v, sc) {
		return found{}
	}
	q.layer.met.nearHits.inc()
	return found{
		ans: nearAnswer(e, v != fresh), usable: true, refresh: v == revalidate || c.early(&e.env),
		versions: e.env.versions, after: e.env.stored,
	}
}

// judgeStored judges what a round trip brought from Redis, and keeps in memory
// what is served.
func (c *Cache) judgeStored(sc *scope, q *request, r reading) found {
	e, v := c.judge(&q.target, r)
	if v == miss {
		return found{}
	}
	f := found{versions: e.versions, after: e.stored}
	var err error
	if f.ans, err = c.answerFrom(q.layer, &e, FromRedis); err != nil {
		return f // counted: it does not decompress
	}
	switch {
	case servable(v, sc):
		f.usable, f.refresh = true, v == revalidate || c.early(&e)
		c.near.put(q, &e, f.ans.payload, r.began)
	case sc == nil && q.layer.StaleIfError > 0:
		f.standIn = true
	}
	return f
}

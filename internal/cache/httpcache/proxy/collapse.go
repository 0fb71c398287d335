package proxy

import (
	"sync"
	"time"

	"openlearn/internal/cache/httpcache/rules"
)

// Requests for one URI that come while it is being fetched wait for that fetch, and are answered with what it stored
// (RFC 9111 §4: a cache may collapse requests). What cannot be stored is not waited for: as soon as the fields of a response
// show that, those who wait go upstream on their own, and so does, for a while, everyone who asks for the URI later.

// flight is one fetch that others wait for.
type flight struct {
	done    chan struct{}
	outcome landing
}

type landing uint8

const (
	aborted  landing = iota // who fetched has left: somebody else may try
	stored                  // look again
	failed                  // each has to ask for itself
	declined                // so it is, and will be: what the upstream answers cannot be stored
)

// flights are the fetches under way and the URIs that it does not help to wait for.
type flights struct {
	mu       sync.Mutex
	byURI    map[string]*flight
	declined map[string]time.Time // until when
	stored   map[string]time.Time // when a flight stored something last
}

const (
	declinedFor  = 2 * time.Minute
	mostDeclined = 10_000 // remembered; it costs only waiting to forget one
	mostStored   = 10_000 // remembered; it costs a fetch to forget one
	// collapseWait bounds how long anyone waits for another's fetch.
	collapseWait = 15 * time.Second
)

// justStored is the flight of those who looked before another stored and came after that.
var justStored = func() *flight {
	fl := &flight{done: make(chan struct{}), outcome: stored}
	close(fl.done)
	return fl
}()

// join returns the flight for a URI, and whether the caller, who has found nothing stored since it looked, is to fetch for it.
// Both are zero where nobody should wait.
func (f *flights) join(uri string, looked, now time.Time) (fl *flight, lead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if until, ok := f.declined[uri]; ok {
		if now.Before(until) {
			return nil, false
		}
		delete(f.declined, uri)
	}
	if fl := f.byURI[uri]; fl != nil {
		return fl, false
	}
	if f.stored[uri].After(looked) {
		return justStored, false
	}
	fl = &flight{done: make(chan struct{})}
	if f.byURI == nil {
		f.byURI, f.declined, f.stored = map[string]*flight{}, map[string]time.Time{}, map[string]time.Time{}
	}
	f.byURI[uri] = fl
	return fl, true
}

// land ends a flight, once; later calls change nothing.
func (f *flights) land(uri string, fl *flight, outcome landing, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl == nil || f.byURI[uri] != fl {
		return
	}
	delete(f.byURI, uri)
	switch outcome {
	case declined:
		if len(f.declined) >= mostDeclined {
			clear(f.declined)
		}
		f.declined[uri] = now.Add(declinedFor)
	case stored:
		if len(f.stored) >= mostStored {
			clear(f.stored)
		}
		f.stored[uri] = now
	}
	fl.outcome = outcome
	close(fl.done)
}

// collapsible reports whether the request may be answered with what another's fetch stores, and may fetch for others: a plain
// GET for something that is not stored in any form.
func (l *lookup) collapsible() bool {
	h := l.r.Header
	return l.w != nil && l.fwd == "uri-miss" && !rules.OriginDecides(h) && l.r.Method == "GET" && len(h["Range"]) == 0 && len(h["Authorization"]) == 0 &&
		!l.req.NoCache && !l.req.NoStore && !l.req.MaxAge.Given && !l.req.MinFresh.Given
}

// collapse waits for a fetch of the URI that is under way, and reports whether it answered. If it did not, the caller fetches:
// for others, too, where l.flight is set, which fetch ends.
func (l *lookup) collapse() (answered bool) {
	var expired <-chan time.Time
	for {
		fl, lead := l.p.flights.join(l.uri, l.looked, time.Now())
		if lead {
			l.flight = fl
			return false
		}
		if fl == nil {
			return false
		}
		if expired == nil {
			timer := time.NewTimer(collapseWait)
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case <-fl.done:
		case <-expired:
			return false
		case <-l.r.Context().Done():
			return false
		}
		switch fl.outcome {
		case failed, declined:
			return false
		case stored:
			return l.fromFlight()
		}
	}
}

// fromFlight answers from what another's fetch has just stored, if it fits this request and is fresh.
func (l *lookup) fromFlight() bool {
	doc, err := l.p.current(l.r.Context(), l.uri)
	if err != nil || doc == nil {
		return false
	}
	v := doc.pick(l.r.Header, !l.p.opt.NoLanguageSelection)
	if v == nil {
		l.fwd = "vary-miss"
		return false
	}
	ttl := v.life() - v.age(l.p.opt.Now())
	if l.v = v; v.policy.NoCache || ttl <= 0 || !l.covered() {
		return false
	}
	l.send(v, rules.Outcome{Cache: rules.Hit, Fwd: l.fwd, TTL: ttl, HasTTL: true, Collapsed: true})
	return true
}

// landAnyway ends the flight of a fetch that has ended otherwise: what it fetched did not come whole.
func (l *lookup) landAnyway() {
	if l.r.Context().Err() != nil {
		l.land(aborted)
	} else {
		l.land(failed)
	}
}

// land ends the flight that this lookup leads, if it does.
func (l *lookup) land(outcome landing) {
	if l.flight != nil {
		l.p.flights.land(l.uri, l.flight, outcome, time.Now())
	}
}

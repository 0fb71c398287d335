package proxy

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"openlearn/internal/cache/httpcache/rules"
)

// fetch asks the upstream: conditionally where something stored can be validated, for the rest where a part can be
// completed, else as the client asked.
func (l *lookup) fetch() {
	defer l.landAnyway()
	save := l.begin()
	up := l.r.Clone(l.r.Context())
	asked := l.condition(up.Header)
	x := l.exchange(asked, save)
	x.tooLarge = func() { l.land(declined) }
	x.whole = func() {
		switch {
		case x.keep:
			l.store(x, up, save)
		case x.head && l.v != nil:
			l.headUpdate(x, save)
		}
	}
	l.p.run(x, up)
	switch {
	case x.held:
		l.resolve(x, up, asked, save)
	case x.whole != nil && x.keep && x.complete(up):
		x.whole()
	}
}

// begin takes the ticket for what this fetch stores, nil if nothing can be. What a 304, a HEAD or the rest of a part may
// freshen is then read again: what was read before the ticket could have been invalidated in between, and would come back
// under the ticket's versions.
func (l *lookup) begin() Save {
	save, err := l.p.opt.Store.Begin(l.r.Context(), l.uri)
	if err == nil && !l.plain && (l.v != nil || l.fwd == "vary-miss") {
		var doc *document
		if doc, err = l.p.current(l.r.Context(), l.uri); err == nil {
			if l.v = doc.pick(l.r.Header, !l.p.opt.NoLanguageSelection); l.v == nil {
				l.others = doc.offers(l.r.Header)
			}
		}
	}
	if err != nil {
		l.p.log.Debug("http cache: nothing will be stored", "uri", l.uri, "error", err)
		return nil
	}
	return save
}

// asking is what a fetch asks on the cache's own behalf.
type asking uint8

const (
	asIs       asking = iota // what the client asked
	validating               // is the stored response still good?
	completing               // the rest of a stored part
	offering                 // is one of the other variants what this request gets?
)

// condition edits the upstream request's fields (RFC 9111 §4.3.1, §3.4).
func (l *lookup) condition(h http.Header) asking {
	if l.r.Method == http.MethodHead || rules.OriginDecides(h) {
		return asIs
	}
	if l.v == nil {
		return l.offer(h)
	}
	if l.v.partial && !l.v.part.Whole() {
		return l.completion(h)
	}
	if !rules.AddValidators(h, l.v.header) {
		return asIs
	}
	// The whole response is validated, and the range is cut out of it here.
	delete(h, "Range")
	delete(h, "If-Range")
	return validating
}

func (l *lookup) completion(h http.Header) asking {
	want, ok := l.v.part.Missing()
	if !ok || h.Get("Range") != "" || h.Get("If-None-Match") != "" || h.Get("If-Modified-Since") != "" {
		return asIs
	}
	h.Set("Range", want)
	if etag := rules.StrongETag(l.v.header); etag != "" {
		h.Set("If-Range", etag)
	}
	return completing
}

// exchange is the writer for this fetch.
func (l *lookup) exchange(asked asking, save Save) *exchange {
	x := &exchange{client: l.w, header: http.Header{}, limit: l.p.opt.MaxBody, now: l.p.opt.Now, head: l.r.Method == http.MethodHead}
	x.hold = func(status int, _ http.Header) bool {
		switch {
		case status == http.StatusNotModified && (asked == validating || asked == offering),
			status == http.StatusPartialContent && asked == completing,
			status == http.StatusRequestedRangeNotSatisfiable && asked == completing:
			return true
		}
		return errorStatus(status) && l.v != nil && l.staleOnError(false)
	}
	x.before = func(status int, h http.Header) bool {
		keep := save != nil && l.r.Method == http.MethodGet && l.mayStore(status, x.got, x.clocks.Responded) && x.declared() <= int64(x.limit)
		switch {
		case save == nil:
			l.land(failed)
		case !keep:
			l.land(declined)
		}
		rules.StripConnection(h)
		// Whether the body will come whole, and be stored, is not known yet: stored is not claimed.
		o := rules.Outcome{Cache: rules.Miss, Fwd: l.fwd, Status: status}
		l.p.marker.Mark(h, &o)
		return keep
	}
	return x
}

func (l *lookup) mayStore(status int, h http.Header, responded time.Time) bool {
	p := rules.PolicyOf(h, l.p.opt.Targets)
	ok, _ := rules.Storable(&p, &l.req, status, l.r, h, responded, true)
	return ok
}

// errorStatus reports whether stale-if-error applies to a status (RFC 5861 §4).
func errorStatus(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// staleOnError decides whether the stored response may stand in (RFC 9111 §4.2.4): for an upstream that cannot be
// reached, unless that is forbidden; for one that answers with an error, only where stale-if-error says so.
func (l *lookup) staleOnError(disconnected bool) bool {
	if l.v.policy.NeverStale() || l.req.NoCache || !l.covered() {
		return false
	}
	if sie := l.v.policy.StaleIfError; sie.Given {
		return l.v.age(l.p.opt.Now())-l.v.life() <= rules.Seconds(sie.N)
	}
	return disconnected
}

// resolve answers from what is stored and what was held back.
func (l *lookup) resolve(x *exchange, up *http.Request, asked asking, save Save) {
	switch {
	case x.failed != nil || errorStatus(x.status):
		l.onError(x)
	case asked == completing:
		l.complete(x, up, save)
	case asked == offering:
		l.chosen(x, save)
	default:
		l.validated(x, save)
	}
}

func (l *lookup) onError(x *exchange) {
	if l.v != nil && l.staleOnError(x.failed != nil) {
		o := rules.Outcome{Cache: rules.Stale, Fwd: "stale", TTL: l.v.life() - l.v.age(l.p.opt.Now()), HasTTL: true}
		if x.failed == nil {
			o.Status = x.status
		}
		l.send(l.v, o)
		return
	}
	l.relay(x)
}

// relay sends, after all, a response that was held back.
func (l *lookup) relay(x *exchange) {
	if l.w == nil {
		return
	}
	h := l.w.Header()
	for name, values := range x.got {
		h[name] = values
	}
	rules.StripConnection(h)
	o := rules.Outcome{Cache: rules.Miss, Fwd: l.fwd, Status: x.status}
	l.p.marker.Mark(h, &o)
	l.w.WriteHeader(x.status)
	if l.r.Method != http.MethodHead {
		_, _ = l.w.Write(x.body) // it fails only if the client has gone
	}
}

// validated handles a 304 to the cache's own condition: it updates the stored response (RFC 9111 §4.3.4) unless it names
// another strong validator, in which case it refers to another representation and the whole is fetched.
func (l *lookup) validated(x *exchange, save Save) {
	if etag := rules.StrongETag(x.got); etag != "" && rules.StrongETag(l.v.header) != "" && etag != rules.StrongETag(l.v.header) {
		l.again()
		return
	}
	p := rules.PolicyOf(x.got, l.p.opt.Targets)
	v := l.updated(x, &p)
	o := rules.Outcome{Cache: rules.Hit, Fwd: l.fwd, Status: http.StatusNotModified}
	if save != nil && !p.NoStore && !v.policy.NoStore && !v.policy.Private {
		o.Stored = l.put(v, save)
	}
	o.TTL, o.HasTTL = v.life()-v.age(l.p.opt.Now()), true
	l.send(v, o)
}

// updated is the stored response with the fields of a response that confirmed it.
func (l *lookup) updated(x *exchange, p *rules.Policy) *variant {
	v := *l.v
	v.header = rules.Freshen(l.v.header, x.got, p, x.clocks.Responded)
	v.clocks = x.clocks
	v.derive(l.p.opt.Targets)
	chosen := make(map[string]string, len(v.vary))
	for _, name := range v.vary {
		if old, ok := l.v.chosen[name]; ok {
			chosen[name] = old
		} else {
			chosen[name] = rules.Selecting(l.r.Header, name)
		}
	}
	v.chosen = chosen
	return &v
}

// again fetches as if nothing were stored.
func (l *lookup) again() {
	l.v, l.others, l.plain = nil, nil, true
	r := *l.r
	r.Header = l.r.Header.Clone()
	l.r = &r
	l.fetch()
}

// complete joins the rest to a stored part (RFC 9111 §3.4: the same strong validator, the newer fields).
func (l *lookup) complete(x *exchange, up *http.Request, save Save) {
	got, ok := rules.ParseContentRange(x.got.Get("Content-Range"))
	etag := rules.StrongETag(l.v.header)
	if !ok || x.status != http.StatusPartialContent || !x.complete(up) || etag == "" || etag != rules.StrongETag(x.got) {
		l.again()
		return
	}
	body, joined, ok := rules.Combine(l.v.body, l.v.part, x.body, got)
	if !ok || !joined.Whole() {
		l.again()
		return
	}
	p := rules.PolicyOf(x.got, l.p.opt.Targets)
	v := l.updated(x, &p)
	v.status, v.body, v.partial, v.part = http.StatusOK, body, false, rules.Part{}
	delete(v.header, "Content-Range")
	rules.ContentLength(v.header, len(body))
	o := rules.Outcome{Cache: rules.Miss, Fwd: l.fwd, Status: x.status}
	if save != nil && l.mayStore(http.StatusOK, v.header, x.clocks.Responded) && len(body) <= l.p.opt.MaxBody {
		o.Stored = l.put(v, save)
	}
	l.send(v, o)
}

// store keeps a response that was passed to the client.
func (l *lookup) store(x *exchange, up *http.Request, save Save) {
	v := newVariant(x.status, x.got, x.body, x.clocks, up, rules.PolicyOf(x.got, l.p.opt.Targets), l.p.opt.Targets)
	if l.v != nil && l.v.partial && v.partial {
		l.merge(v)
	}
	l.put(v, save)
}

// merge adds an earlier part of the same representation to a new one.
func (l *lookup) merge(v *variant) {
	if etag := rules.StrongETag(v.header); etag == "" || etag != rules.StrongETag(l.v.header) {
		return
	}
	body, joined, ok := rules.Combine(l.v.body, l.v.part, v.body, v.part)
	if !ok || len(body) > l.p.opt.MaxBody {
		return
	}
	v.body, v.part = body, joined
	if joined.Whole() {
		v.status, v.partial = http.StatusOK, false
		delete(v.header, "Content-Range")
	} else {
		v.header.Set("Content-Range", joined.String())
	}
	rules.ContentLength(v.header, len(body))
}

// headUpdate lets a HEAD's response confirm or retire the stored GET's (RFC 9111 §4.3.5).
func (l *lookup) headUpdate(x *exchange, save Save) {
	if x.status != http.StatusOK || l.v.status != http.StatusOK || l.v.partial {
		return
	}
	for _, name := range []string{"Etag", "Last-Modified", "Content-Length"} {
		if values := x.got[name]; len(values) > 0 && (len(l.v.header[name]) == 0 || l.v.header[name][0] != values[0]) {
			if name == "Content-Length" && len(l.v.header[name]) == 0 && values[0] == strconv.Itoa(len(l.v.body)) {
				continue // the stored response came chunked
			}
			if err := l.p.opt.Store.Invalidate(l.r.Context(), l.uri, posted(l.uri)); err != nil {
				l.p.log.Warn("http cache: stored response could not be retired", "uri", l.uri, "error", err)
			}
			return
		}
	}
	p := rules.PolicyOf(x.got, l.p.opt.Targets)
	if save == nil || p.NoStore || p.Private {
		return
	}
	l.put(l.updated(x, &p), save)
}

// put stores a variant beside those that are current now, after the ticket was taken: what was stored under versions
// that have been invalidated is not read again, so it cannot come back this way. If two instances put at once, one
// variant may be lost, which costs a miss.
func (l *lookup) put(v *variant, save Save) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.r.Context()), 5*time.Second)
	defer cancel()
	doc, err := l.p.load(ctx, l.uri)
	if doc == nil {
		doc = &document{}
	}
	if err == nil {
		doc.put(v)
		err = save(ctx, doc.encode(), l.p.keepFor(doc))
	}
	if err != nil {
		l.p.log.Debug("http cache: response not stored", "uri", l.uri, "error", err)
		l.land(failed)
		return false
	}
	l.land(stored)
	return true
}

// keepFor is how long a document is useful: until the last of its variants is too stale to stand in.
func (p *Proxy) keepFor(d *document) time.Duration {
	now := p.opt.Now()
	var most time.Duration
	for _, v := range d.variants {
		most = max(most, v.life()-v.age(now))
	}
	return min(max(most, 0)+p.opt.Keep, p.opt.MaxKeep)
}

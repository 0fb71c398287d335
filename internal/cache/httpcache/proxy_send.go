package httpcache

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// send answers from a stored response: the client's preconditions first, then its range (RFC 9110 §13.2.2).
func (l *lookup) send(v *variant, o outcome) {
	if l.w == nil {
		return
	}
	status, h, body := v.status, maps.Clone(v.header), v.body
	if v.status/100 == 2 && notModified(l.r.Header, v.header, v.clocks.responded) {
		status, h, body = http.StatusNotModified, notModifiedFields(h), nil
	} else if cut := l.cut(v); cut.none {
		status, body = http.StatusRequestedRangeNotSatisfiable, nil
		h["Content-Range"] = []string{"bytes */" + itoa(len(v.body))}
		contentLength(h, 0)
	} else if cut.ok {
		status, body = http.StatusPartialContent, cut.body
		h["Content-Range"] = []string{cut.part.String()}
		contentLength(h, len(body))
	} else if !bodiless(status) {
		contentLength(h, len(body))
	}
	setAge(h, v.age(l.p.opt.Now()))
	o.mark(h)
	maps.Copy(l.w.Header(), h)
	l.w.WriteHeader(status)
	if l.r.Method != http.MethodHead && len(body) > 0 {
		_, _ = l.w.Write(body) // the client's loss if it has gone
	}
}

// cut is the part of v that the request's Range names; ok is false where the whole is to be sent.
func (l *lookup) cut(v *variant) sliced {
	if v.status != http.StatusOK && v.status != http.StatusPartialContent {
		return sliced{}
	}
	was := l.v
	l.v = v
	s, ok := l.span()
	l.v = was
	switch {
	case !ok:
		return sliced{}
	case v.partial:
		return slicePart(v.body, v.part, s)
	}
	return sliceComplete(v.body, s)
}

// refresh fetches behind an answer that was served stale, once at a time for each URI and variant.
func (p *Proxy) refresh(l *lookup) {
	name := l.uri
	for _, n := range l.v.vary {
		name += "\x00" + n + "\x00" + l.v.chosen[n]
	}
	p.mu.Lock()
	_, running := p.refreshing[name]
	if running || p.closed {
		p.mu.Unlock()
		return
	}
	p.refreshing[name] = struct{}{}
	p.work.Add(1)
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.r.Context()), p.opt.RefreshTimeout)
	stop := context.AfterFunc(p.life, cancel)
	r := l.r.Clone(ctx)
	r.Method, r.Body, r.ContentLength = http.MethodGet, http.NoBody, 0
	for _, name := range []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since"} {
		r.Header.Del(name)
	}
	behind := &lookup{p: p, r: r, uri: l.uri, v: l.v, fwd: "stale"}
	go func() {
		defer p.work.Done()
		defer cancel()
		defer stop()
		defer func() {
			p.mu.Lock()
			delete(p.refreshing, name)
			p.mu.Unlock()
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				p.log.Error("refresh behind a stale answer panicked", "uri", behind.uri, "panic", v)
			}
		}()
		behind.fetch()
	}()
}

// write forwards a method that may change things, and invalidates what it may have changed (RFC 9111 §4.4).
func (p *Proxy) write(w http.ResponseWriter, r *http.Request) {
	uri := uriOf(r)
	req := requestPolicyOf(r.Header)
	x := &exchange{client: w, header: http.Header{}, limit: p.opt.MaxBody, now: p.opt.Now}
	x.before = func(status int, h http.Header) bool {
		if status >= 200 && status < 400 {
			// Before the client hears of it, so that its next request sees the change.
			p.invalidate(r, uri, x.got)
		}
		keep := p.reusablePost(r, uri, &req, status, x)
		stripConnection(h)
		o := outcome{cache: Bypass, fwd: "method", status: status, stored: keep}
		o.mark(h)
		return keep
	}
	x.whole = func() {
		if x.keep {
			p.storePost(r, uri, x)
		}
	}
	p.run(x, r)
	if x.whole != nil && x.complete(r) {
		x.whole()
	}
}

// storePost keeps what a POST answered with for GETs.
func (p *Proxy) storePost(r *http.Request, uri string, x *exchange) {
	// What another unsafe request invalidated between this response's beginning and now is not seen by this save, which
	// is why only a POST's own representation, complete and explicitly fresh, gets here.
	l := &lookup{p: p, r: r, uri: uri}
	save, err := p.opt.Store.Begin(r.Context(), uri)
	if err != nil {
		p.log.Debug("http cache: nothing will be stored", "uri", uri, "error", err)
		return
	}
	l.store(x, r, save)
}

// reusablePost is true for a POST's response that is a representation of the URI itself (RFC 9110 §9.3.3).
func (p *Proxy) reusablePost(r *http.Request, uri string, req *requestPolicy, status int, x *exchange) bool {
	if r.Method != http.MethodPost || status != http.StatusOK || resolve(r, x.got["Content-Location"]) != uri {
		return false
	}
	pol := policyOf(x.got, p.opt.Targets)
	ok, _ := storable(&pol, req, status, r, x.got, x.clocks.responded, false)
	return ok
}

// invalidate drops the target URI and, on the same origin, what Location and Content-Location name.
func (p *Proxy) invalidate(r *http.Request, uri string, h http.Header) {
	uris := []string{uri}
	for _, name := range []string{"Location", "Content-Location"} {
		if other := resolve(r, h[name]); other != "" && other != uri {
			uris = append(uris, other)
		}
	}
	ctx := context.WithoutCancel(r.Context()) // the change was made, whether or not the client waits
	if err := p.opt.Store.Invalidate(ctx, uris...); err != nil {
		p.log.Error("http cache: invalidation failed, stored responses may be stale", "uris", uris, "error", err)
	}
}

// resolve is a URI reference on the request's own origin as a cache key, "" for none or another origin.
func resolve(r *http.Request, refs []string) string {
	if len(refs) != 1 {
		return ""
	}
	base, err := url.Parse(uriOf(r))
	if err != nil {
		return ""
	}
	u, err := base.Parse(trimOWS(refs[0]))
	if err != nil || !strings.EqualFold(u.Host, base.Host) || u.Scheme != base.Scheme {
		return ""
	}
	return u.Scheme + "://" + r.Host + u.RequestURI()
}

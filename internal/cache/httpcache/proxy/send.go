package proxy

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"openlearn/internal/cache/httpcache/rules"
)

// send answers from a stored response: the client's preconditions first, then its range (RFC 9110 §13.2.2).
func (l *lookup) send(v *variant, o rules.Outcome) {
	if l.w == nil {
		return
	}
	status, h, body := v.status, maps.Clone(v.header), v.body
	if v.status/100 == 2 && rules.NotModified(l.r.Header, v.header, v.clocks.Responded) {
		status, h, body = http.StatusNotModified, rules.NotModifiedFields(h), nil
	} else if cut := l.cut(v); cut.None {
		status, body = http.StatusRequestedRangeNotSatisfiable, nil
		h["Content-Range"] = []string{"bytes */" + strconv.Itoa(len(v.body))}
		rules.ContentLength(h, 0)
	} else if cut.OK {
		status, body = http.StatusPartialContent, cut.Body
		h["Content-Range"] = []string{cut.Part.String()}
		rules.ContentLength(h, len(body))
	} else if !rules.Bodiless(status) {
		rules.ContentLength(h, len(body))
	}
	rules.SetAge(h, v.age(l.p.opt.Now()))
	l.p.marker.Mark(h, &o)
	maps.Copy(l.w.Header(), h)
	l.w.WriteHeader(status)
	if l.r.Method != http.MethodHead && len(body) > 0 {
		_, _ = l.w.Write(body) // it fails only if the client has gone
	}
}

// cut is the part of v that the request's Range names; OK is false where the whole is to be sent.
func (l *lookup) cut(v *variant) rules.Sliced {
	if v.status != http.StatusOK && v.status != http.StatusPartialContent {
		return rules.Sliced{}
	}
	was := l.v
	l.v = v
	s, ok := l.span()
	l.v = was
	switch {
	case !ok:
		return rules.Sliced{}
	case v.partial:
		return rules.SlicePart(v.body, v.part, s)
	}
	return rules.SliceComplete(v.body, s)
}

// refresh fetches in the background of an answer that was served stale, one fetch at a time for each URI and variant.
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

// resolve is a URI reference on the request's own origin as a cache key, "" for none or another origin.
func resolve(r *http.Request, refs []string) string {
	if len(refs) != 1 {
		return ""
	}
	base, err := url.Parse(uriOf(r))
	if err != nil {
		return ""
	}
	u, err := base.Parse(rules.TrimOWS(refs[0]))
	if err != nil || !strings.EqualFold(u.Host, base.Host) || u.Scheme != base.Scheme {
		return ""
	}
	return u.Scheme + "://" + r.Host + u.RequestURI()
}

package proxy

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"openlearn/internal/cache/httpcache/rules"
)

// An unsafe method invalidates when its response has arrived, so a ticket from before the request has expired by the
// time its own response could be stored, and one from after it would forget what others invalidated meanwhile. A POST's
// representation therefore has an entry of its own beside the URI's document, which a POST does not invalidate:
//
//   - A POST that begins invalidates that entry and takes its ticket, so of several POSTs only the last to begin may store.
//   - One that can be stored writes a mark under that ticket when its response begins. If the mark can be read, no other POST
//     began and no other unsafe method ended since: the document is invalidated and the response is stored over the mark.
//     Else both are invalidated, and nothing is stored.
//   - Every other unsafe method invalidates both.
//
// Readers look at the POST's entry if the URI has no document.

// posted names the entry of what a POST to the URI answered with.
func posted(uri string) string { return "POST " + uri }

// current is what is stored for a URI: what GETs brought, else what a POST brought.
func (p *Proxy) current(ctx context.Context, uri string) (*document, error) {
	doc, err := p.load(ctx, uri)
	if err != nil || doc != nil {
		return doc, err
	}
	return p.load(ctx, posted(uri))
}

// writing is one request with a method that may change things.
type writing struct {
	p    *Proxy
	r    *http.Request
	uri  string
	req  rules.RequestPolicy
	save Save // for a POST's representation, nil if it cannot be stored
}

// write forwards a method that may change things, and invalidates what it may have changed (RFC 9111 §4.4).
func (p *Proxy) write(w http.ResponseWriter, r *http.Request) {
	c := &writing{p: p, r: r, uri: uriOf(r), req: rules.RequestPolicyOf(r.Header)}
	if r.Method == http.MethodPost {
		c.begin()
	}
	x := &exchange{client: w, header: http.Header{}, limit: p.opt.MaxBody, now: p.opt.Now}
	x.before = func(status int, h http.Header) bool {
		keep := c.reusable(status, x) && c.last()
		// Before the client is told, so that its next request sees the change. An upstream that could not be asked, or
		// broke off, may have made it.
		if status >= 200 && status < 400 || x.failed != nil {
			c.invalidate(x.got, keep)
		}
		rules.StripConnection(h)
		o := rules.Outcome{Cache: rules.Bypass, Fwd: "method", Status: status}
		p.marker.Mark(h, &o)
		return keep
	}
	x.whole = func() {
		if x.keep {
			v := newVariant(x.status, x.got, x.body, x.clocks, r, rules.PolicyOf(x.got, p.opt.Targets), p.opt.Targets)
			c.store(&document{variants: []*variant{v}})
		}
	}
	p.run(x, r)
	if x.whole != nil && x.complete(r) {
		x.whole()
	}
}

// begin takes the ticket for a POST's representation.
func (c *writing) begin() {
	err := c.p.opt.Store.Invalidate(c.r.Context(), posted(c.uri))
	if err == nil {
		c.save, err = c.p.opt.Store.Begin(c.r.Context(), posted(c.uri))
	}
	if err != nil {
		c.save = nil
		c.p.log.Debug("http cache: nothing will be stored", "uri", c.uri, "error", err)
	}
}

// reusable reports whether a POST's response is a representation of the URI itself (RFC 9110 §9.3.3).
func (c *writing) reusable(status int, x *exchange) bool {
	if c.save == nil || x.failed != nil || status != http.StatusOK || resolve(c.r, x.got["Content-Location"]) != c.uri {
		return false
	}
	pol := rules.PolicyOf(x.got, c.p.opt.Targets)
	ok, _ := rules.Storable(&pol, &c.req, status, c.r, x.got, x.clocks.Responded, false)
	return ok
}

// markField is in no request: a marked document answers none.
const markField = "X-Httpcache-Mark"

// last reports whether no other POST began and no other unsafe method ended since this one's ticket.
func (c *writing) last() bool {
	mark := rand.Text()
	v := &variant{header: http.Header{"Vary": {markField}}, vary: []string{markField}, chosen: map[string]string{markField: mark}}
	if !c.store(&document{variants: []*variant{v}}) {
		return false
	}
	doc, err := c.p.load(c.r.Context(), posted(c.uri))
	return err == nil && doc != nil && len(doc.variants) == 1 && doc.variants[0].chosen[markField] == mark
}

func (c *writing) store(doc *document) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), 5*time.Second)
	defer cancel()
	err := c.save(ctx, doc.encode(), c.p.keepFor(doc))
	if err != nil {
		c.p.log.Debug("http cache: response not stored", "uri", c.uri, "error", err)
	}
	return err == nil
}

// invalidate drops the target URI and, on the same origin, what Location and Content-Location name, but not what the
// POST itself is about to store, if it may.
func (c *writing) invalidate(h http.Header, keep bool) {
	uris := []string{c.uri}
	if !keep {
		uris = append(uris, posted(c.uri))
	}
	for _, name := range []string{"Location", "Content-Location"} {
		if other := resolve(c.r, h[name]); other != "" && other != c.uri {
			uris = append(uris, other, posted(other))
		}
	}
	ctx := context.WithoutCancel(c.r.Context()) // the change was made, whether or not the client waits
	if err := c.p.opt.Store.Invalidate(ctx, uris...); err != nil {
		c.p.log.Error("http cache: invalidation failed, stored responses may be stale", "uris", uris, "error", err)
	}
}

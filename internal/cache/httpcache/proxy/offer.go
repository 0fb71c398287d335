package proxy

import (
	"net/http"
	"strings"

	"openlearn/internal/cache/httpcache/rules"
)

// A request that matches no stored variant may still get one of them: the origin varies on more than makes a difference. So their
// entity-tags are offered to it (RFC 9111 §4.1, §4.3.1), and the one that a 304 names is the answer.

// offers are the variants that may be offered for a request, with different strong entity-tags, the newest first. One in
// a coding that the client does not accept is not among them: some origins give all codings of a page one tag.
func (d *document) offers(h http.Header) []*variant {
	if d == nil {
		return nil
	}
	var out []*variant
	for _, v := range d.variants {
		if etag := rules.StrongETag(v.header); etag != "" && v.status == http.StatusOK && !v.partial && tagged(out, etag) == nil && rules.AcceptsCoding(h, v.header) {
			out = append(out, v)
		}
	}
	return out
}

// tagged finds the variant with a strong entity-tag.
func tagged(list []*variant, etag string) *variant {
	for _, v := range list {
		if rules.StrongETag(v.header) == etag {
			return v
		}
	}
	return nil
}

// fewestOffers is how many tags are worth offering. While there is one alone, nothing shows that the origin has few answers for many requests, and
// the conformance suite wants that one not to be used where a field in Vary differs.
const fewestOffers = 2

// offer adds the others' entity-tags to those that the client has. A request with other conditions, or for a range, is left as it is.
func (l *lookup) offer(h http.Header) asking {
	for _, name := range []string{"If-Modified-Since", "Range", "If-Range"} {
		if len(h[name]) > 0 {
			return asIs
		}
	}
	given := h["If-None-Match"]
	if len(l.others) < fewestOffers || strings.Contains(strings.Join(given, ","), "*") {
		return asIs
	}
	list := append([]string(nil), given...)
	for _, v := range l.others {
		list = append(list, rules.StrongETag(v.header))
	}
	h["If-None-Match"] = []string{strings.Join(list, ", ")}
	return offering
}

// chosen handles a 304 to an offer. What it names becomes a variant for requests like this one, too. If it names none of ours, it is
// about what the client has, or about nothing that was asked.
func (l *lookup) chosen(x *exchange, save Save) {
	v := tagged(l.others, rules.StrongETag(x.got))
	switch {
	case v != nil:
		named := *v
		named.chosen = nil // selected by this request's fields
		l.v = &named
		l.validated(x, save)
	case len(l.r.Header["If-None-Match"]) > 0:
		l.relay(x)
	default:
		l.again()
	}
}

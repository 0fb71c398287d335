package rules

import (
	"net/http"
	"strings"
	"time"
)

// Storable decides whether a shared cache may store a response (RFC 9111 §3) and why not, in the words of Cache-Status.
// get is false for a POST, whose response must carry explicit freshness and its own URI as Content-Location (RFC 9110
// §9.3.3), which the caller checks.
func Storable(p *Policy, req *RequestPolicy, status int, r *http.Request, h http.Header, responded time.Time, get bool) (bool, string) {
	life, explicit := Lifetime(p, status, h, responded)
	switch {
	case status < 200 || status == http.StatusNotModified:
		return false, "status"
	case p.NoStore && !(p.mustUnderstand && understood(status)):
		return false, "no-store"
	case p.mustUnderstand && !understood(status):
		return false, "must-understand"
	case req.NoStore:
		return false, "request-no-store"
	case p.Private:
		return false, "private"
	case r.Header.Get("Authorization") != "" && !p.public && !p.mustRevalidate && !p.sMaxAge.Given:
		return false, "authorization" // §3.5
	case varyStar(h):
		return false, "vary-star" // §4.1: nothing will ever match it
	case status == http.StatusPartialContent && !usablePart(h):
		return false, "partial"
	case !explicit && !p.public && len(h["Set-Cookie"]) > 0:
		return false, "set-cookie" // nobody has said that it is for everyone: it would be replayed to others
	case !explicit && !p.public && !heuristicallyCacheable(status):
		return false, "freshness"
	case !get:
		return explicit, "freshness"
	case life <= 0 && !hasValidator(h) && !p.StaleWhileRevalidate.Given:
		return false, "freshness" // nothing to reuse and nothing to validate with
	}
	return true, ""
}

// understood statuses are those whose caching requirements this cache implements (RFC 9111 §5.2.2.3).
func understood(status int) bool {
	return http.StatusText(status) != ""
}

func hasValidator(h http.Header) bool {
	return h.Get("ETag") != "" || h.Get("Last-Modified") != ""
}

// SafeMethod reports whether a method is known to be safe (the IANA registry): all others invalidate (RFC 9111 §4.4).
func SafeMethod(m string) bool {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "PRI", "PROPFIND", "QUERY", "REPORT", "SEARCH":
		return true
	}
	return false
}

// connectionFields are those that concern one connection only, listed in Connection or not (RFC 9111 §3.1, RFC 9110
// §7.6.1).
var connectionFields = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// StripConnection removes what must be neither stored nor forwarded.
func StripConnection(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = TrimOWS(name); name != "" {
				h.Del(name)
			}
		}
	}
	for _, name := range connectionFields {
		delete(h, name)
	}
}

// StoredFields is the copy of a response's fields that is kept.
func StoredFields(h http.Header, p *Policy, responded time.Time) http.Header {
	out := h.Clone()
	StripConnection(out)
	for _, name := range p.stripped {
		out.Del(name)
	}
	delete(out, "X-Cache") // ours; upstream's Cache-Status stays, and ours is appended to it
	if _, ok := DateOf(out["Date"], responded); !ok {
		out["Date"] = []string{FormatDate(responded)} // RFC 9110 §6.6.1
	}
	return out
}

// Freshen updates stored fields from a 304 or from a HEAD's 200 (RFC 9111 §3.2): every field is replaced, except those
// of the connection, Content-Length, and those that the stored bytes depend upon.
func Freshen(stored, update http.Header, p *Policy, responded time.Time) http.Header {
	out := stored.Clone()
	delete(out, "Age") // a validated response's age starts again
	for name, values := range StoredFields(update, p, responded) {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Range", "Content-Md5":
			continue
		}
		out[name] = values
	}
	return out
}

// Bodiless statuses have no content (RFC 9110 §6.4.1).
func Bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

package rules

import (
	"net/http"
	"strings"
	"time"
)

// nextETag takes one entity-tag (RFC 9110 §8.8.3) off the front of s: the opaque part with its quotes, and whether it is
// weak.
func nextETag(s string) (opaque string, weak bool, rest string, ok bool) {
	s, weak = strings.CutPrefix(s, "W/")
	if s == "" || s[0] != '"' {
		return "", false, s, false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], weak, s[i+1:], true
		case c < 0x21 || c == 0x7f:
			return "", false, s, false
		}
	}
	return "", false, s, false
}

// parseETag reads a field that is exactly one entity-tag.
func parseETag(s string) (opaque string, weak, ok bool) {
	opaque, weak, rest, ok := nextETag(TrimOWS(s))
	return opaque, weak, ok && rest == ""
}

// anyMatches compares If-None-Match with the current entity-tag, weakly (RFC 9110 §13.1.2): lists, "*". Anything that
// is not a list of entity-tags matches nothing.
func anyMatches(lines []string, etag string) bool {
	current, _, ok := parseETag(etag)
	for _, line := range lines {
		s := TrimOWS(line)
		if s == "*" {
			return true
		}
		for s != "" {
			opaque, _, rest, valid := nextETag(s)
			if !valid {
				break
			}
			if ok && opaque == current {
				return true
			}
			s = TrimOWS(rest)
			if s != "" && s[0] != ',' {
				break
			}
			s = strings.TrimLeft(s, ", \t")
		}
	}
	return false
}

// NotModified evaluates a request's own preconditions against the selected response (RFC 9111 §4.3.2): If-None-Match, or
// without one If-Modified-Since against Last-Modified, else Date, else when the response came.
func NotModified(req, stored http.Header, responded time.Time) bool {
	if lines := req.Values("If-None-Match"); len(lines) > 0 {
		return anyMatches(lines, stored.Get("ETag"))
	}
	since, ok := DateOf(req.Values("If-Modified-Since"), responded)
	if !ok {
		return false
	}
	modified, ok := DateOf(stored.Values("Last-Modified"), responded)
	if !ok {
		modified = dateValue(stored, responded)
	}
	return !modified.After(since)
}

// OriginDecides is true for preconditions only the origin can evaluate (RFC 9111 §4.3.2).
func OriginDecides(h http.Header) bool {
	return len(h["If-Match"]) > 0 || len(h["If-Unmodified-Since"]) > 0
}

// StrongETag is the opaque part of a strong entity-tag, "" if there is none.
func StrongETag(h http.Header) string {
	opaque, weak, ok := parseETag(h.Get("ETag"))
	if !ok || weak {
		return ""
	}
	return opaque
}

// RangeApplies evaluates If-Range (RFC 9110 §13.1.5): strong comparison, or exactly the same Last-Modified.
func RangeApplies(req, stored http.Header, responded time.Time) bool {
	v := TrimOWS(req.Get("If-Range"))
	if v == "" {
		return true
	}
	if opaque, weak, ok := parseETag(v); ok {
		return !weak && opaque == StrongETag(stored)
	}
	since, ok := parseDate(v, responded)
	modified, has := DateOf(stored.Values("Last-Modified"), responded)
	// A date is strong only where the response was made later than it by a second or more (§8.8.2.2).
	return ok && has && since.Equal(modified) && dateValue(stored, responded).Sub(modified) >= time.Second
}

// AddValidators makes req conditional on the stored response (RFC 9111 §4.3.1), in place of the client's own conditions.
func AddValidators(req, stored http.Header) bool {
	etag, modified := stored.Get("ETag"), stored.Get("Last-Modified")
	if etag == "" && modified == "" {
		return false
	}
	delete(req, "If-None-Match")
	delete(req, "If-Modified-Since")
	if etag != "" {
		req.Set("If-None-Match", etag)
	}
	if modified != "" {
		req.Set("If-Modified-Since", modified)
	}
	return true
}

// NotModifiedFields are a stored response's fields as a 304 carries them (RFC 9110 §15.4.5): none that describe a body.
func NotModifiedFields(h http.Header) http.Header {
	out := h.Clone()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "Content-Range", "Content-Md5", "Content-Language"} {
		delete(out, name)
	}
	return out
}

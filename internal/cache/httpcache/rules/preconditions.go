package rules

import (
	"net/http"
	"strings"
	"time"
)

// Verdict is the result of a request's preconditions.
type Verdict uint8

const (
	// Proceed: there are none, or they hold.
	Proceed Verdict = iota
	// Unchanged: the client has what it asks for; 304.
	Unchanged
	// Failed: what the client knows is not what is current; 412.
	Failed
)

// Current is the current representation as preconditions see it.
type Current struct {
	// ETags are its entity-tags: for a GET that of the form it would get, for a method that changes things those of all
	// forms.
	ETags []string
	// Modified is its Last-Modified; zero if it has none.
	Modified time.Time
}

// Preconditions evaluates a request's preconditions against a representation that exists, in the order of RFC 9110
// §13.2.2. If there is no representation, the answer is not a success anyway, and preconditions do not apply (§13.2.1).
func Preconditions(method string, h http.Header, c Current, now time.Time) Verdict {
	safe := method == http.MethodGet || method == http.MethodHead
	switch lines := h["If-Match"]; {
	case len(lines) > 0:
		if !strongMatch(lines, c.ETags) {
			return Failed
		}
	case len(h["If-Unmodified-Since"]) > 0 && !c.Modified.IsZero():
		if since, ok := DateOf(h["If-Unmodified-Since"], now); ok && c.Modified.After(since) {
			return Failed
		}
	}
	switch lines := h["If-None-Match"]; {
	case len(lines) > 0:
		if !weakMatch(lines, c.ETags) {
			return Proceed
		}
		if safe {
			return Unchanged
		}
		return Failed
	case safe && len(h["If-Modified-Since"]) > 0 && !c.Modified.IsZero():
		if since, ok := DateOf(h["If-Modified-Since"], now); ok && !c.Modified.After(since) {
			return Unchanged
		}
	}
	return Proceed
}

// strongMatch evaluates If-Match (RFC 9110 §13.1.1): weak tags match nothing.
func strongMatch(lines, etags []string) bool {
	for _, line := range lines {
		s := TrimOWS(line)
		if s == "*" {
			return true
		}
		for s != "" {
			opaque, weak, rest, valid := nextETag(s)
			if !valid {
				break
			}
			for _, etag := range etags {
				if have, isWeak, ok := parseETag(etag); ok && !weak && !isWeak && have == opaque {
					return true
				}
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

func weakMatch(lines, etags []string) bool {
	for _, etag := range etags {
		if anyMatches(lines, etag) {
			return true
		}
	}
	return len(etags) == 0 && anyMatches(lines, "")
}

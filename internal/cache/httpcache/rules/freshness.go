package rules

import (
	"net/http"
	"slices"
	"time"
)

// Clocks are the moments of one exchange with the upstream that ages are counted from (RFC 9111 §4.2.3).
type Clocks struct {
	Requested, Responded time.Time
}

// maxHeuristic bounds heuristic freshness (RFC 9111 §4.2.2 leaves it to caches to be conservative).
const maxHeuristic = 24 * time.Hour

// Lifetime is the freshness lifetime of a response (RFC 9111 §4.2.1): s-maxage, max-age, Expires − Date, or a tenth of
// the time since it was last modified. explicit is false for the last, and if there is none.
func Lifetime(p *Policy, status int, h http.Header, responded time.Time) (d time.Duration, explicit bool) {
	switch {
	case p.sMaxAge.Given:
		return Seconds(p.sMaxAge.N), true
	case p.maxAge.Given:
		return Seconds(p.maxAge.N), true
	case !p.targeted && len(h.Values("Expires")) > 0:
		expires, ok := DateOf(h.Values("Expires"), responded)
		if !ok {
			return 0, true // §5.3: invalid dates, "0" especially, mean the past
		}
		return max(0, expires.Sub(dateValue(h, responded))), true
	}
	return heuristic(p, status, h, responded), false
}

// heuristic is a tenth of (Date − Last-Modified), for statuses that allow it or responses marked public.
func heuristic(p *Policy, status int, h http.Header, responded time.Time) time.Duration {
	modified, ok := DateOf(h.Values("Last-Modified"), responded)
	if !ok || !p.public && !heuristicallyCacheable(status) {
		return 0
	}
	return max(0, min(dateValue(h, responded).Sub(modified)/10, maxHeuristic))
}

// heuristicallyCacheable statuses are those of RFC 9110 §15.1.
func heuristicallyCacheable(status int) bool {
	return slices.Contains([]int{200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501}, status)
}

// dateValue is the response's Date, or when it came if it has no usable Date (RFC 9110 §6.6.1).
func dateValue(h http.Header, responded time.Time) time.Time {
	if t, ok := DateOf(h.Values("Date"), responded); ok {
		return t
	}
	return responded
}

// ageValue is the Age field in seconds: its first list member (RFC 9111 §5.1), 0 if that is not a number.
func ageValue(h http.Header) int64 {
	lines := h.Values("Age")
	if len(lines) == 0 {
		return 0
	}
	first, _ := cutMember(lines[0])
	n, _ := parseDelta(first)
	return n
}

// CurrentAge is RFC 9111 §4.2.3.
func CurrentAge(h http.Header, c Clocks, now time.Time) time.Duration {
	apparent := max(0, c.Responded.Sub(dateValue(h, c.Responded)))
	corrected := Seconds(ageValue(h)) + c.Responded.Sub(c.Requested)
	return max(apparent, corrected) + max(0, now.Sub(c.Responded))
}

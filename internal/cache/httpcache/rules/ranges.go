package rules

import (
	"net/http"
	"strconv"
	"strings"
)

// Span is one byte-range-spec (RFC 9110 §14.1.2).
type Span struct {
	first, last int64 // last −1: to the end
	suffix      int64 // > 0: that many bytes from the end; first and last mean nothing
}

// ParseRange reads a Range field of one byte range. This cache does not handle several ranges, other units or malformed
// ones: ok is false, and the field may be ignored (§14.2).
func ParseRange(s string) (Span, bool) {
	unit, set, found := strings.Cut(s, "=")
	if !found || !strings.EqualFold(TrimOWS(unit), "bytes") {
		return Span{}, false
	}
	from, to, found := strings.Cut(TrimOWS(set), "-")
	if !found {
		return Span{}, false
	}
	if from == "" {
		n, ok := parsePosition(to)
		return Span{suffix: n}, ok && n > 0
	}
	first, ok := parsePosition(from)
	if !ok {
		return Span{}, false
	}
	if to == "" {
		return Span{first: first, last: -1}, true
	}
	last, ok := parsePosition(to)
	return Span{first: first, last: last}, ok && last >= first
}

func parsePosition(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && s[0] != '+' && s[0] != '-'
}

// Part says which bytes of a representation a stored body holds: [first, last] of total, total −1 where unknown.
type Part struct {
	first, last, total int64
}

// ParseContentRange reads "bytes 0-4/10" (RFC 9110 §14.4).
func ParseContentRange(s string) (Part, bool) {
	rest, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return Part{}, false
	}
	rangeOf, size, ok := strings.Cut(rest, "/")
	from, to, ok2 := strings.Cut(rangeOf, "-")
	if !ok || !ok2 {
		return Part{}, false
	}
	p := Part{total: -1}
	var ok3 bool
	if p.first, ok = parsePosition(from); !ok {
		return Part{}, false
	}
	if p.last, ok2 = parsePosition(to); !ok2 || p.last < p.first {
		return Part{}, false
	}
	if size != "*" {
		if p.total, ok3 = parsePosition(size); !ok3 || p.total <= p.last {
			return Part{}, false
		}
	}
	return p, true
}

func (p Part) String() string {
	size := "*"
	if p.total >= 0 {
		size = strconv.FormatInt(p.total, 10)
	}
	return "bytes " + strconv.FormatInt(p.first, 10) + "-" + strconv.FormatInt(p.last, 10) + "/" + size
}

// usablePart reports whether a 206 has one range; multipart/byteranges is not kept.
func usablePart(h http.Header) bool {
	_, ok := ParseContentRange(h.Get("Content-Range"))
	return ok
}

// Sliced is what a range request gets from stored bytes.
type Sliced struct {
	Body []byte
	Part Part
	OK   bool // false: these bytes cannot answer
	None bool // the range lies outside the representation: 416
}

// SliceComplete answers from a whole representation.
func SliceComplete(body []byte, s Span) Sliced {
	n := int64(len(body))
	switch {
	case s.suffix > 0:
		s.first, s.last = max(0, n-s.suffix), n-1
	case s.last < 0 || s.last >= n:
		s.last = n - 1
	}
	if n == 0 || s.first >= n {
		return Sliced{None: true, OK: true}
	}
	return Sliced{Body: body[s.first : s.last+1], Part: Part{s.first, s.last, n}, OK: true}
}

// SlicePart answers from a stored part. Positions count from the part's first byte and suffixes from its last, so that a
// part whose body is not as long as its Content-Range says still answers with the bytes that are certain. A part may
// answer with fewer bytes than asked for if the range was to reach the end of the representation (RFC 9110 §15.3.7).
func SlicePart(body []byte, have Part, s Span) Sliced {
	n := int64(len(body))
	if s.suffix > 0 {
		if have.total < 0 || have.last != have.total-1 || s.suffix > n {
			return Sliced{}
		}
		return Sliced{Body: body[n-s.suffix:], Part: Part{have.total - s.suffix, have.total - 1, have.total}, OK: true}
	}
	from := s.first - have.first
	if from < 0 || from >= n || s.last > have.last {
		return Sliced{}
	}
	if s.last < 0 && have.last != have.total-1 {
		return Sliced{} // to the end, which this part does not have
	}
	to := n - 1
	if s.last >= 0 {
		to = min(s.last-have.first, to)
	}
	return Sliced{Body: body[from : to+1], Part: Part{s.first, have.first + to, have.total}, OK: true}
}

// Combine joins two parts of one representation that touch or overlap (RFC 9111 §3.4; the caller has compared strong
// validators). Parts whose bodies contradict their Content-Range are not joined.
func Combine(a []byte, pa Part, b []byte, pb Part) ([]byte, Part, bool) {
	if int64(len(a)) != pa.last-pa.first+1 || int64(len(b)) != pb.last-pb.first+1 || pa.total != pb.total {
		return nil, Part{}, false
	}
	if pb.first < pa.first {
		a, pa, b, pb = b, pb, a, pa
	}
	if pb.first > pa.last+1 {
		return nil, Part{}, false
	}
	if pb.last <= pa.last {
		return a, pa, true
	}
	out := append(make([]byte, 0, pb.last-pa.first+1), a...)
	out = append(out, b[pa.last+1-pb.first:]...)
	return out, Part{pa.first, pb.last, pa.total}, true
}

// Missing is the one range that completes a part: from its end or up to its start.
func (p Part) Missing() (string, bool) {
	switch {
	case p.first == 0 && p.last+1 != p.total:
		return "bytes=" + strconv.FormatInt(p.last+1, 10) + "-", true
	case p.first > 0 && p.total >= 0 && p.last == p.total-1:
		return "bytes=0-" + strconv.FormatInt(p.first-1, 10), true
	}
	return "", false
}

// Whole reports whether a part is the whole representation.
func (p Part) Whole() bool { return p.first == 0 && p.last == p.total-1 }

// ContentLength sets the field.
func ContentLength(h http.Header, n int) {
	h.Set("Content-Length", strconv.Itoa(n))
}

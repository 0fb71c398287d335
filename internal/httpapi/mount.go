package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// BasePath is the path below which browsers see the service: that of its public URL, in canonical spelling, "" at the root.
func BasePath(publicURL string) string {
	base, err := ParseBase(publicURL)
	if err != nil { // the configuration has been validated
		return ""
	}
	return base
}

// plainSegment is a decoded segment of a base path. Links, cookies' paths and proxies' configurations contain it, so it must
// mean the same in all of them.
var plainSegment = regexp.MustCompile(`^[\p{L}\p{M}\p{N}._~-]+$`)

var errBase = errors.New("the path must consist of segments of letters, digits and . _ ~ -")

// ParseBase is BasePath, and refuses a path below which the service cannot be: an empty segment would make links that lead to
// another host.
func ParseBase(publicURL string) (string, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return "", err
	}
	escaped := strings.TrimSuffix(u.EscapedPath(), "/")
	if escaped == "" {
		return "", nil
	}
	var out strings.Builder
	for segment := range strings.SplitSeq(strings.TrimPrefix(escaped, "/"), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "." || plain == ".." || !plainSegment.MatchString(plain) {
			return "", errBase
		}
		out.WriteString("/" + url.PathEscape(plain))
	}
	return out.String(), nil
}

// Mount serves requests for paths below base as well as for those without it, so that reverse proxies may remove the prefix or
// leave it, and probes may ask directly. What follows sees one spelling: without the base. roots are the first segments of the
// service's own paths. If the base begins with one of them (/api), it is removed only where another one follows it.
func Mount(base string, roots map[string]bool, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	ambiguous := roots[firstSegment(base)]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := cutBase(r.URL.EscapedPath(), base); ok && (!ambiguous || roots[firstSegment(rest)]) {
			if below := *r; moveTo(&below, rest) {
				r = &below
			}
		}
		next.ServeHTTP(w, r)
	})
}

// firstSegment is the first segment of an escaped path.
func firstSegment(escaped string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	return PlainPath(first)
}

// cutBase removes the base from an escaped path. It compares whole segments in canonical spelling, and resolves no dots.
func cutBase(escaped, base string) (rest string, ok bool) {
	for part := range strings.SplitSeq(base[1:], "/") {
		after, ok := strings.CutPrefix(escaped, "/")
		if !ok {
			return "", false
		}
		segment, _, _ := strings.Cut(after, "/")
		if PlainPath(segment) != part {
			return "", false
		}
		escaped = after[len(segment):]
	}
	if escaped == "" {
		escaped = "/"
	}
	return escaped, true
}

// moveTo gives r another path. Requests share their URL with nobody else afterwards.
func moveTo(r *http.Request, escaped string) bool {
	plain, err := url.PathUnescape(escaped)
	if err != nil { // net/http has parsed it already
		return false
	}
	u := *r.URL
	u.Path, u.RawPath = plain, ""
	if u.EscapedPath() != escaped {
		u.RawPath = escaped
	}
	r.URL, r.RequestURI = &u, escaped
	if u.RawQuery != "" || u.ForceQuery {
		r.RequestURI += "?" + u.RawQuery
	}
	return true
}

// PlainPath is an escaped path in canonical spelling: escapes of characters that need none are decoded, because they mean the
// same (RFC 3986 §6.2.2.2), and the others are in upper case (§6.2.2.1).
func PlainPath(escaped string) string {
	if !strings.Contains(escaped, "%") {
		return escaped
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] == '%' && i+2 < len(escaped) {
			if n, err := strconv.ParseUint(escaped[i+1:i+3], 16, 8); err == nil {
				if unreserved(byte(n)) {
					b.WriteByte(byte(n))
				} else {
					b.WriteString(strings.ToUpper(escaped[i : i+3]))
				}
				i += 2
				continue
			}
		}
		b.WriteByte(escaped[i])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

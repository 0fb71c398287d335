// Package rules is what the RFCs say, as pure functions: HTTP caching (RFC 9111), what it takes from HTTP semantics (RFC 9110),
// stale answers (RFC 5861), targeted fields (RFC 9213) and the structured fields they are written in (RFC 9651), and
// Cache-Status (RFC 9211). Its files are named after what they decide. It stores nothing and does no I/O.
package rules

import "strings"

// directive is one member of a Cache-Control field (RFC 9111 §5.2).
type directive struct {
	name  string // lower case
	value string // without quotes
	has   bool   // an argument was given
	bad   bool   // not what the grammar allows
}

// directives is a parsed Cache-Control, in order of appearance.
type directives []directive

// ParseDirectives reads all lines of a Cache-Control field: a comma-separated list of token [ "=" ( token /
// quoted-string ) ]. Commas inside quoted strings do not separate. A member that breaks the grammar keeps its name and
// is marked bad, so that "max-age =60" counts as an unusable max-age and not as a missing one.
func ParseDirectives(lines []string) directives {
	var out directives
	for _, line := range lines {
		for len(line) > 0 {
			var member string
			member, line = cutMember(line)
			if member == "" {
				continue
			}
			out = append(out, parseDirective(member))
		}
	}
	return out
}

// cutMember takes the first member off a list, trimmed: up to a comma that is not inside a quoted string.
func cutMember(s string) (member, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return TrimOWS(s[:i]), s[i+1:]
		}
	}
	return TrimOWS(s), ""
}

func parseDirective(member string) directive {
	name, arg, has := strings.Cut(member, "=")
	d := directive{name: strings.ToLower(TrimOWS(name)), value: arg, has: has}
	d.bad = !isToken(name)
	if !has || d.bad {
		return d
	}
	if strings.HasPrefix(arg, `"`) {
		var ok bool
		d.value, ok = unquote(arg)
		d.bad = !ok
		return d
	}
	d.bad = !isToken(arg)
	return d
}

// unquote undoes a quoted-string (RFC 9110 §5.6.4) that spans all of s.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' {
		return s, false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), i == len(s)-1
		case '\\':
			i++
			if i == len(s) {
				return s, false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return s, false
}

// get is the first directive of that name.
func (ds directives) get(name string) (directive, bool) {
	for _, d := range ds {
		if d.name == name {
			return d, true
		}
	}
	return directive{}, false
}

// Has reports whether a directive appears at all, well formed or not: the restrictive ones bind in any form.
func (ds directives) Has(name string) bool {
	_, ok := ds.get(name)
	return ok
}

// bare reports whether a directive appears without an argument, or with one that is not a list of field names.
func (ds directives) bare(name string) bool {
	for _, d := range ds {
		if d.name == name && len(d.fields()) == 0 {
			return true
		}
	}
	return false
}

// fields is the argument of the qualified forms no-cache="a, b" and private="a" (RFC 9111 §5.2.2.4, §5.2.2.7).
func (d directive) fields() []string {
	if !d.has || d.bad {
		return nil
	}
	var out []string
	for name := range strings.SplitSeq(d.value, ",") {
		if name = TrimOWS(name); name == "" {
			continue
		}
		if !isToken(name) {
			return nil
		}
		out = append(out, name)
	}
	return out
}

// seconds is the argument of a directive as delta-seconds. given is false where the directive is absent; a value that
// is not a number counts as given and 0: RFC 9111 §4.2.1 wants invalid freshness to count as stale.
func (ds directives) seconds(name string) (n int64, given bool) {
	d, ok := ds.get(name)
	if !ok {
		return 0, false
	}
	if d.bad || !d.has {
		return 0, true
	}
	n, _ = parseDelta(d.value)
	return n, true
}

// maxDelta is what larger values are read as (RFC 9111 §1.2.2).
const maxDelta = 1 << 31

// parseDelta reads delta-seconds: digits only, as many as there are, clamped to 2³¹.
func parseDelta(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int64(c-'0'); n > maxDelta {
			n = maxDelta
		}
	}
	return n, true
}

func TrimOWS(s string) string { return strings.Trim(s, " \t") }

// isToken is the token of RFC 9110 §5.6.2.
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if !isTchar(s[i]) {
			return false
		}
	}
	return true
}

func isTchar(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

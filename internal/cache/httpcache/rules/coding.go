package rules

import "strings"

// Coding is a content coding (RFC 9110 §8.4.1).
type Coding uint8

const (
	Identity Coding = iota
	Gzipped
	Brotlied
	Codings
)

func (c Coding) String() string { return [...]string{"identity", "gzip", "br"}[c] }

// Negotiate picks the coding a client prefers (RFC 9110 §12.5.3): by weight, then br, gzip, identity. Without the
// field, or with nothing acceptable, it is identity.
func Negotiate(lines []string) Coding { return NegotiateAmong(lines, Gzipped, Brotlied) }

// NegotiateAmong is Negotiate for what is there in these codings only, in ascending order of preference.
func NegotiateAmong(lines []string, offered ...Coding) Coding {
	if len(lines) == 0 {
		return Identity
	}
	const unset = -1
	q := [Codings]int{unset, unset, unset}
	others := unset
	for _, line := range lines {
		for len(line) > 0 {
			var m string
			m, line, _ = strings.Cut(line, ",")
			name, params, _ := strings.Cut(m, ";")
			w := 1000
			if params != "" {
				w = weight(params)
			}
			switch name = TrimOWS(name); {
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				q[Gzipped] = w
			case strings.EqualFold(name, "br"):
				q[Brotlied] = w
			case strings.EqualFold(name, "identity"):
				q[Identity] = w
			case name == "*":
				others = w
			}
		}
	}
	for _, c := range offered {
		if q[c] == unset {
			q[c] = max(others, 0)
		}
	}
	if q[Identity] == unset {
		q[Identity] = 1 // acceptable unless excluded, and less preferred than what was asked for
		if others == 0 {
			q[Identity] = 0
		}
	}
	best := Identity
	for _, c := range offered {
		if q[c] > 0 && q[c] >= q[best] {
			best = c
		}
	}
	return best
}

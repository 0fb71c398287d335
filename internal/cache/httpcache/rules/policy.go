package rules

import (
	"net/http"
	"time"
)

// Policy is what a response says about its caching, whichever field says it.
type Policy struct {
	NoStore, NoCache, Private, public               bool
	mustRevalidate, proxyRevalidate, mustUnderstand bool
	maxAge, sMaxAge                                 optional
	StaleWhileRevalidate, StaleIfError              optional
	stripped                                        []string // fields of the qualified no-cache and private
	targeted                                        bool     // a targeted field decides: no Expires, no Cache-Control
}

// optional is delta-seconds that may not have been given.
type optional struct {
	N     int64
	Given bool
}

// DefaultTargets is the targeted cache-control field that any shared cache near the origin obeys (RFC 9213 §3.1).
var DefaultTargets = []string{"CDN-Cache-Control"}

// PolicyOf reads a response's fields. The first target that is present, not empty and valid decides alone (RFC 9213
// §2.2), else Cache-Control does.
func PolicyOf(h http.Header, targets []string) Policy {
	for _, name := range targets {
		if lines := h.Values(name); len(lines) > 0 {
			if p, ok := targetedPolicy(lines); ok {
				return p
			}
		}
	}
	return policyOfDirectives(ParseDirectives(h.Values("Cache-Control")))
}

func policyOfDirectives(ds directives) Policy {
	p := Policy{
		NoStore: ds.Has("no-store"), public: ds.Has("public"),
		NoCache: ds.bare("no-cache"), Private: ds.bare("private"),
		mustRevalidate: ds.Has("must-revalidate"), proxyRevalidate: ds.Has("proxy-revalidate"), mustUnderstand: ds.Has("must-understand"),
	}
	for name, at := range map[string]*optional{
		"max-age": &p.maxAge, "s-maxage": &p.sMaxAge,
		"stale-while-revalidate": &p.StaleWhileRevalidate, "stale-if-error": &p.StaleIfError,
	} {
		at.N, at.Given = ds.seconds(name)
	}
	for _, d := range ds {
		if d.name == "no-cache" || d.name == "private" {
			p.stripped = append(p.stripped, d.fields()...)
		}
	}
	return p
}

// targetedPolicy reads a targeted field: a dictionary whose known members have the types RFC 9213 §2.1 gives them. A
// field that is empty, does not parse or gives a directive the wrong type is ignored as a whole.
func targetedPolicy(lines []string) (Policy, bool) {
	members, ok := parseDictionary(lines)
	if !ok || len(members) == 0 {
		return Policy{}, false
	}
	p := Policy{targeted: true}
	flags := map[string]*bool{
		"no-store": &p.NoStore, "public": &p.public, "must-revalidate": &p.mustRevalidate,
		"proxy-revalidate": &p.proxyRevalidate, "must-understand": &p.mustUnderstand,
	}
	deltas := map[string]*optional{
		"max-age": &p.maxAge, "s-maxage": &p.sMaxAge,
		"stale-while-revalidate": &p.StaleWhileRevalidate, "stale-if-error": &p.StaleIfError,
	}
	for _, m := range members {
		switch at, qualified := deltas[m.key], m.key == "no-cache" || m.key == "private"; {
		case at != nil:
			if m.item.kind != sfInteger {
				return Policy{}, false
			}
			*at = optional{m.item.delta(), true}
		case flags[m.key] != nil:
			if m.item.kind != sfBoolean {
				return Policy{}, false
			}
			*flags[m.key] = m.item.flag
		case qualified && m.item.kind == sfString:
			p.stripped = append(p.stripped, directive{value: m.item.text, has: true}.fields()...)
		case qualified && m.item.kind != sfBoolean:
			return Policy{}, false
		case m.key == "no-cache":
			p.NoCache = m.item.flag
		case m.key == "private":
			p.Private = m.item.flag
		}
	}
	return p, true
}

// NeverStale reports whether the response must not be served stale (RFC 9111 §4.2.4); s-maxage implies proxy-revalidate
// (§5.2.2.10).
func (p *Policy) NeverStale() bool {
	return p.NoCache || p.mustRevalidate || p.proxyRevalidate || p.sMaxAge.Given
}

// RequestPolicy is what a request's Cache-Control asks for (RFC 9111 §5.2.1). Pragma, deprecated, is not obeyed.
type RequestPolicy struct {
	NoStore, NoCache, OnlyIfCached bool
	MaxAge, MinFresh, MaxStale     optional
	AnyStale                       bool // max-stale without an argument
}

func RequestPolicyOf(h http.Header) RequestPolicy {
	ds := ParseDirectives(h.Values("Cache-Control"))
	p := RequestPolicy{NoStore: ds.Has("no-store"), NoCache: ds.Has("no-cache"), OnlyIfCached: ds.Has("only-if-cached")}
	p.MaxAge.N, p.MaxAge.Given = ds.seconds("max-age")
	p.MinFresh.N, p.MinFresh.Given = ds.seconds("min-fresh")
	if d, ok := ds.get("max-stale"); ok {
		p.AnyStale = !d.has && !d.bad
		p.MaxStale.N, p.MaxStale.Given = ds.seconds("max-stale")
	}
	return p
}

func Seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

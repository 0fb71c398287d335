package httpcache

import (
	"net/http"
	"time"
)

// policy is what a response says about its caching, whichever field says it.
type policy struct {
	noStore, noCache, private, public               bool
	mustRevalidate, proxyRevalidate, mustUnderstand bool
	maxAge, sMaxAge                                 optional
	staleWhileRevalidate, staleIfError              optional
	stripped                                        []string // fields of the qualified no-cache and private
	targeted                                        bool     // a targeted field decides: no Expires, no Cache-Control
}

// optional is delta-seconds that may not have been given.
type optional struct {
	n     int64
	given bool
}

// defaultTargets are the targeted cache-control fields (RFC 9213) that are obeyed, the most specific first.
var defaultTargets = []string{"OpenLearn-Cache-Control", "CDN-Cache-Control"}

// policyOf reads a response's fields. The first target that is present, not empty and valid decides alone (RFC 9213
// §2.2), else Cache-Control does.
func policyOf(h http.Header, targets []string) policy {
	for _, name := range targets {
		if lines := h.Values(name); len(lines) > 0 {
			if p, ok := targetedPolicy(lines); ok {
				return p
			}
		}
	}
	return policyOfDirectives(parseDirectives(h.Values("Cache-Control")))
}

func policyOfDirectives(ds directives) policy {
	p := policy{
		noStore: ds.has("no-store"), public: ds.has("public"),
		noCache: ds.bare("no-cache"), private: ds.bare("private"),
		mustRevalidate: ds.has("must-revalidate"), proxyRevalidate: ds.has("proxy-revalidate"), mustUnderstand: ds.has("must-understand"),
	}
	for name, at := range map[string]*optional{
		"max-age": &p.maxAge, "s-maxage": &p.sMaxAge,
		"stale-while-revalidate": &p.staleWhileRevalidate, "stale-if-error": &p.staleIfError,
	} {
		at.n, at.given = ds.seconds(name)
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
func targetedPolicy(lines []string) (policy, bool) {
	members, ok := parseDictionary(lines)
	if !ok || len(members) == 0 {
		return policy{}, false
	}
	p := policy{targeted: true}
	flags := map[string]*bool{
		"no-store": &p.noStore, "public": &p.public, "must-revalidate": &p.mustRevalidate,
		"proxy-revalidate": &p.proxyRevalidate, "must-understand": &p.mustUnderstand,
	}
	deltas := map[string]*optional{
		"max-age": &p.maxAge, "s-maxage": &p.sMaxAge,
		"stale-while-revalidate": &p.staleWhileRevalidate, "stale-if-error": &p.staleIfError,
	}
	for _, m := range members {
		switch at, qualified := deltas[m.key], m.key == "no-cache" || m.key == "private"; {
		case at != nil:
			if m.item.kind != sfInteger {
				return policy{}, false
			}
			*at = optional{m.item.delta(), true}
		case flags[m.key] != nil:
			if m.item.kind != sfBoolean {
				return policy{}, false
			}
			*flags[m.key] = m.item.flag
		case qualified && m.item.kind == sfString:
			p.stripped = append(p.stripped, directive{value: m.item.text, has: true}.fields()...)
		case qualified && m.item.kind != sfBoolean:
			return policy{}, false
		case m.key == "no-cache":
			p.noCache = m.item.flag
		case m.key == "private":
			p.private = m.item.flag
		}
	}
	return p, true
}

// neverStale is true where the response forbids to serve it stale (RFC 9111 §4.2.4); s-maxage implies proxy-revalidate
// (§5.2.2.10).
func (p *policy) neverStale() bool {
	return p.noCache || p.mustRevalidate || p.proxyRevalidate || p.sMaxAge.given
}

// requestPolicy is what a request's Cache-Control asks for (RFC 9111 §5.2.1). Pragma, deprecated, is not obeyed.
type requestPolicy struct {
	noStore, noCache, onlyIfCached bool
	maxAge, minFresh, maxStale     optional
	anyStale                       bool // max-stale without an argument
}

func requestPolicyOf(h http.Header) requestPolicy {
	ds := parseDirectives(h.Values("Cache-Control"))
	p := requestPolicy{noStore: ds.has("no-store"), noCache: ds.has("no-cache"), onlyIfCached: ds.has("only-if-cached")}
	p.maxAge.n, p.maxAge.given = ds.seconds("max-age")
	p.minFresh.n, p.minFresh.given = ds.seconds("min-fresh")
	if d, ok := ds.get("max-stale"); ok {
		p.anyStale = !d.has && !d.bad
		p.maxStale.n, p.maxStale.given = ds.seconds("max-stale")
	}
	return p
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

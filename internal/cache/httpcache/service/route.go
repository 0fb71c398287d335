package service

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache/httpcache/rules"
)

// Route is one line of the table that says which routes of the service are cached, and how. Clients see none of it:
// they are told to ask each time.
type Route struct {
	// Path is the template the route is registered under ("/api/articles/:id"), and the label in metrics.
	Path string
	// Lifetime is how long an answer is fresh; needed.
	Lifetime time.Duration
	// NotFound is how long a 404 is remembered, with the same dependencies. 0 = 30 s, negative = not at all.
	NotFound time.Duration
	// Canonical brings the parameters into the one form that key, dependencies and handler use; see Declared. false
	// means that they are not what the route takes: the request passes by, and the handler says what is wrong with it.
	// nil = the route takes no query, and its path's values are used as they are.
	Canonical func(*Params) bool
	// Query names every parameter of the query that Canonical takes. Clients are told that others make no difference
	// (No-Vary-Search). nil = they are told nothing.
	Query []string
	// Vary lists the request fields that the answer depends on, each with the few values that are distinguished.
	Vary []Variation
	// Deps names what the answer depends on, the dependencies of everything it is built from: those of the cached
	// functions the handler calls come from their Func.Deps. nil = only what every entry has.
	Deps func(Params) []string
	// Listing says that an answer may change although nothing that it shows does: an item is removed, or is added to
	// what it counts. The handler's Last-Modified does not show that, so If-Modified-Since is compared with the time
	// when the answer was made.
	Listing bool
	// MaxVariants bounds how many different answers (path values, parameters, variations) each process keeps stored; a new one
	// displaces the one that was asked for least often. 0 = 10,000.
	MaxVariants int
}

// Variation is a request field that selects among a closed set of answers.
type Variation struct {
	// Header is the field's name ("Accept-Language").
	Header string
	// Choose maps what a client sent, "" for nothing, to one of few values. Key and handler see that value only.
	Choose func(value string) string
}

// Params are the values of one request: those of the path by their names in the template, and the query.
type Params struct {
	names, values []string
	Query         url.Values
}

// Path is a value of the path, "" if the template has none of that name.
func (p *Params) Path(name string) string {
	for i, n := range p.names {
		if n == name && i < len(p.values) {
			return p.values[i]
		}
	}
	return ""
}

// SetPath replaces a value of the path.
func (p *Params) SetPath(name, value string) {
	for i, n := range p.names {
		if n == name && i < len(p.values) {
			p.values[i] = value
		}
	}
}

const (
	defaultNotFound = 30 * time.Second
	defaultVariants = 10_000
)

// route is a Route with its state and what is computed once.
type route struct {
	Route
	segments []string // of the template
	vary     []string // what goes into Vary
	search   []string // what goes into No-Vary-Search
	seen     *variantLimit
	times    [2]meanTime // uncached, cached
	sizes    [rules.Codings]atomic.Pointer[prometheus.Observer]
}

func newRoute(r Route) (*route, error) {
	switch {
	case !strings.HasPrefix(r.Path, "/"):
		return nil, fmt.Errorf("httpcache: route %q: a path begins with /", r.Path)
	case r.Lifetime <= 0:
		return nil, fmt.Errorf("httpcache: route %s: lifetime %v is not positive", r.Path, r.Lifetime)
	case r.MaxVariants < 0:
		return nil, fmt.Errorf("httpcache: route %s: %d variants", r.Path, r.MaxVariants)
	}
	if r.NotFound == 0 {
		r.NotFound = min(defaultNotFound, r.Lifetime)
	}
	if r.MaxVariants == 0 {
		r.MaxVariants = defaultVariants
	}
	out := &route{Route: r, segments: strings.Split(r.Path, "/"), vary: []string{"Accept-Encoding"}, search: noVarySearch(&r)}
	for _, v := range r.Vary {
		if v.Header == "" || v.Choose == nil {
			return nil, errors.Join(fmt.Errorf("httpcache: route %s: a variation needs Header and Choose", r.Path))
		}
		out.vary = append(out.vary, v.Header)
	}
	var err error
	if out.seen, err = newVariantLimit(r.MaxVariants); err != nil {
		return nil, err
	}
	return out, nil
}

// match compares a path with the template, for handlers that come without a router. Segments that begin with a colon
// take any value, a last * takes the rest.
func (r *route) match(path string) (values []string, ok bool) {
	rest, more := path, true
	for i, s := range r.segments {
		if !more {
			return nil, false
		}
		if s == "*" && i == len(r.segments)-1 {
			return append(values, rest), true
		}
		var part string
		part, rest, more = strings.Cut(rest, "/")
		switch {
		case strings.HasPrefix(s, ":"):
			if part == "" {
				return nil, false
			}
			values = append(values, part)
		case s != part:
			return nil, false
		}
	}
	return values, !more
}

// names of the template's values.
func (r *route) names() (names []string) {
	for i, s := range r.segments {
		switch {
		case strings.HasPrefix(s, ":"):
			names = append(names, s[1:])
		case s == "*" && i == len(r.segments)-1:
			names = append(names, "*")
		}
	}
	return names
}

// path is the template with values in place, escaped.
func (r *route) path(values []string) string {
	if len(values) == 0 {
		return r.Path
	}
	var b strings.Builder
	next := 0
	for i, s := range r.segments {
		if i > 0 {
			b.WriteByte('/')
		}
		if (strings.HasPrefix(s, ":") || s == "*") && next < len(values) {
			b.WriteString(url.PathEscape(values[next]))
			next++
			continue
		}
		b.WriteString(s)
	}
	return b.String()
}

// pathOf undoes path's escaping.
func pathOf(escaped string) string {
	if p, err := url.PathUnescape(escaped); err == nil {
		return p
	}
	return escaped
}

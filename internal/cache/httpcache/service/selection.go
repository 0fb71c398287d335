package service

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"openlearn/internal/cache"
)

// selection is one answer of a route, by what selects it: the parameters in canonical form and the chosen values of the
// variations. Everything about it follows from them and nothing in it changes, so it is made once for many requests.
type selection struct {
	rt     *route
	id     string
	query  string // canonical
	params Params
	chosen []string // of the route's variations
	place  cache.Place
	tags   *tagFields // nil = none are told
}

// asked is what a request selects with, as it was spelt.
type asked struct {
	rt   *route
	text string
}

// Known selections are remembered by how they were asked for. Longer requests are parsed each time.
const (
	knownSelections = 4096
	maxAsked        = 512 // bytes
)

// prepare finds the selection that a request asks for, or says why it passes by. The request's query and path values are
// rewritten to their canonical form, for whoever handles it.
func (s *Service) prepare(rt *route, r *http.Request, p *Params) (v *selection, why string) {
	if s.credentials(r.Header) {
		why = reasonCredentials
	}
	a := asked{rt, question(rt, r, p.values)}
	if v, ok := s.known.GetIfPresent(a); ok {
		r.URL.RawQuery = v.query
		*p = v.params
		return v, s.detoured(v, why)
	}
	if r.URL.RawQuery != "" {
		p.Query = r.URL.Query()
	}
	if rt.Canonical == nil {
		p.Query = nil
	} else if !rt.Canonical(p) {
		return nil, "parameters"
	}
	r.URL.RawQuery = p.Query.Encode()
	if why != "" {
		return nil, why
	}
	if v = s.selection(rt, r, *p); v == nil {
		return nil, "cache"
	}
	if len(a.text) <= maxAsked {
		s.known.Set(a, v)
	}
	return v, s.detoured(v, "")
}

// detoured returns why a request passes by: why itself, or else that its answer could not be shared a moment ago.
func (s *Service) detoured(v *selection, why string) string {
	if why == "" && s.detours.active(v.id, s.opt.Now()) {
		return "detour"
	}
	return why
}

// selection is made from canonical parameters; nil if the engine has no place for it.
func (s *Service) selection(rt *route, r *http.Request, p Params) *selection {
	v := &selection{rt: rt, params: p, query: r.URL.RawQuery, id: rt.path(p.values)}
	if v.query != "" {
		v.id += "?" + v.query
	}
	for _, f := range rt.Vary {
		choice := f.Choose(selectedValue(r.Header[http.CanonicalHeaderKey(f.Header)]))
		v.chosen = append(v.chosen, choice)
		v.id += "#" + url.QueryEscape(choice)
	}
	var err error
	if v.place, err = s.answers.Place(&call{selection: v}); err != nil {
		return nil
	}
	if s.opt.Tags != nil {
		v.tags = s.opt.Tags.fields(s.answers.Deps(&call{selection: v}))
	}
	return v
}

// question spells out what makes a selection: two that are spelt alike are the same.
func question(rt *route, r *http.Request, values []string) string {
	if len(values) == 0 && len(rt.Vary) == 0 {
		return r.URL.RawQuery
	}
	var b strings.Builder
	part := func(s string) {
		b.WriteString(strconv.Itoa(len(s))) // so that no two lists of parts make one text
		b.WriteByte(':')
		b.WriteString(s)
	}
	for _, v := range values {
		part(v)
	}
	for _, f := range rt.Vary {
		part(selectedValue(r.Header[http.CanonicalHeaderKey(f.Header)]))
	}
	b.WriteString(r.URL.RawQuery)
	return b.String()
}

// selectedValue joins a field's lines.
func selectedValue(lines []string) string { return strings.Join(lines, ", ") }

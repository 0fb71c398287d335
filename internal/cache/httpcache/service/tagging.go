package service

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/cache/httpcache/tags"
)

// Tagging tells caches outside of the service (CDNs, reverse proxies) what an answer depends on, in the fields that they
// understand: Cache-Tag, Edge-Cache-Tag, Surrogate-Key and Cache-Groups (RFC 9875). Only what is stored here, and current, is
// tagged; nothing personal ever is.
type Tagging struct {
	// All is the tag of every answer.
	All string
	// Hold is for how long such a cache may hold answers now (CDN-Cache-Control, RFC 9213), 0 = not at all: it will not be told
	// of changes in time. nil = never.
	Hold func() time.Duration
	// Personal are response fields that concern one client: answers that may be held leave without them.
	Personal []string
}

// tagFields are the fields of one selection.
type tagFields struct{ comma, space, groups []string }

func (t *Tagging) fields(deps []string) *tagFields {
	list := append([]string{t.All}, tags.Answer(deps, tags.Most)...)
	return &tagFields{[]string{tags.Comma(list)}, []string{tags.Space(list)}, []string{tags.Strings(list)}}
}

// confirmed is what a cache outside may know of an answer: how it is stored here. For an answer that has just been made, the
// versions of its dependencies are read once more: its load may have taken long, and what was invalidated meanwhile must
// not leave as something to be held.
func (s *Service) confirmed(ctx context.Context, q *call, rep *representation, info cache.Info) cache.Info {
	if s.opt.Tags == nil || info.Stale || info.StoredAt().IsZero() || info.Source == cache.FromBypass {
		return cache.Info{}
	}
	if info.Source != cache.FromSource {
		return info
	}
	if last, again, err := s.answers.Last(ctx, q); err == nil && !again.Stale && last.status == rep.status && last.hash == rep.hash {
		return again
	}
	return cache.Info{}
}

// tag sets the fields for caches outside. held says how the answer is stored here; zero = it is not, or no longer.
func (s *Service) tag(h http.Header, v *selection, status int, held cache.Info) {
	if v == nil || v.tags == nil || held.StoredAt().IsZero() || status != http.StatusOK && status != http.StatusNotModified && status != http.StatusNotFound {
		return
	}
	h["Cache-Tag"], h["Edge-Cache-Tag"], h["Surrogate-Key"], h["Cache-Groups"] = v.tags.comma, v.tags.comma, v.tags.space, v.tags.groups
	if s.opt.Tags.Hold == nil || len(h["Set-Cookie"]) > 0 {
		return
	}
	most := min(s.opt.Tags.Hold(), held.Expires().Sub(s.opt.Now()))
	if most < time.Second {
		return
	}
	for _, name := range s.oneClient {
		delete(h, name)
	}
	age := int64(0) // which is counted against max-age
	if lines := h["Age"]; len(lines) == 1 {
		age, _ = strconv.ParseInt(lines[0], 10, 64)
	}
	h["Cdn-Cache-Control"] = []string{"max-age=" + strconv.FormatInt(age+int64(most/time.Second), 10)}
}

// noVarySearch is the field that names the parameters which make a difference (the No-Vary-Search draft of the IETF's HTTP
// working group); nil if they are not known.
func noVarySearch(r *Route) []string {
	switch {
	case r.Canonical == nil, r.Query != nil && len(r.Query) == 0:
		return []string{"params"}
	case r.Query == nil:
		return nil
	}
	names := make([]string, len(r.Query))
	for i, name := range r.Query {
		names[i] = rules.QuotedString(name)
	}
	return []string{"key-order, params, except=(" + strings.Join(names, " ") + ")"}
}

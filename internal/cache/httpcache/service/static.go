package service

import (
	"maps"
	"net/http"
	"time"

	"openlearn/internal/cache/httpcache/cork"
	"openlearn/internal/cache/httpcache/rules"
)

// EntityTags are the entity-tags that a body has in its different codings, that of the body itself first.
func EntityTags(body []byte) []string {
	tags := []string{makeCoded(rules.Identity, body, bodyHash(body)).etag[0]}
	for c := rules.Identity + 1; c < rules.Codings; c++ {
		if coded, err := encode(c, body); err == nil {
			tags = append(tags, makeCoded(c, coded, bodyHash(coded)).etag[0])
		}
	}
	return tags
}

// Static answers with bytes that do not change: with an entity-tag, content codings and preconditions, without a cache.
type Static struct {
	rep   *representation
	coder *coder
}

// NewStatic answers with body and these fields.
func NewStatic(fields http.Header, body []byte) (*Static, error) {
	c, err := newCoder(1<<20, 1<<10)
	if err != nil {
		return nil, err
	}
	h := make(http.Header, len(fields))
	for name, values := range fields {
		h[http.CanonicalHeaderKey(name)] = values
	}
	return &Static{rep: newRepresentation(http.StatusOK, h, body), coder: c}, nil
}

func (s *Static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form := s.coder.pick(s.rep, r.Header["Accept-Encoding"])
	h := w.Header()
	maps.Copy(h, s.rep.header)
	h["Etag"] = form.etag
	rules.AddVary(h, "Accept-Encoding")
	switch rules.Preconditions(r.Method, r.Header, rules.Current{ETags: form.etag}, time.Now()) {
	case rules.Unchanged:
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	case rules.Failed:
		http.Error(w, http.StatusText(http.StatusPreconditionFailed), http.StatusPreconditionFailed)
		return
	}
	h["Content-Length"] = form.length
	if form.encoding != nil {
		h["Content-Encoding"] = form.encoding
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	defer cork.Hold(r.Context()).Release()
	_, _ = w.Write(form.body) // it fails only if the client has gone
}

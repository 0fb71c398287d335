package service

import (
	"errors"
	"net/http"

	"openlearn/internal/cache/httpcache/rules"
)

// ErrPreconditionFailed is what Serve returns for a request whose preconditions do not hold: its answer is a 412.
var ErrPreconditionFailed = errors.New("httpcache: precondition failed")

// personal answers a request with credentials. Its handler runs for it alone; the answer has an entity-tag, and preconditions
// are evaluated, as for answers from the cache. What streams or is too large comes from own, without either.
func (s *Service) personal(w http.ResponseWriter, r *http.Request, rt *route, handle Handler, own func() error) error {
	h := w.Header()
	rec := newRecorder(s.opt.MaxBody)
	get := r.WithContext(s.opt.Started(r.Context(), h)) // a copy
	get.Method = http.MethodGet
	err := runHandler(handle, rec, get)
	switch {
	case rec.pass != "":
		return s.pass(rt, w, reasonCredentials, own)
	case errors.Is(err, errAborted):
		panic(http.ErrAbortHandler)
	case err != nil:
		return err
	case rec.status == 0:
		rec.WriteHeader(http.StatusOK)
	}
	if len(rec.got["Content-Encoding"]) > 0 || len(rec.got["Content-Range"]) > 0 {
		return s.pass(rt, w, reasonCredentials, own)
	}
	delete(rec.got, "Content-Length")
	for _, line := range rec.got["Vary"] {
		rules.AddVary(h, line)
	}
	delete(rec.got, "Vary")
	s.met.refused.WithLabelValues(rt.Path, reasonCredentials).Inc()
	o := rules.Outcome{Cache: rules.Bypass, Fwd: "bypass", Detail: reasonCredentials}
	_, _, err = s.send(w, r, &answer{rt: rt, rep: newRepresentation(rec.status, rec.got, rec.body), personal: true}, &o)
	return err
}

// reasonCredentials is why a request that says who it is from passes by.
const reasonCredentials = "credentials"

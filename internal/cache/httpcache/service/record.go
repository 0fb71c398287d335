package service

import (
	"net/http"

	"openlearn/internal/cache/httpcache/rules"
)

// recorder holds the answer of one load: a handler running for everyone who waits, with no connection behind it.
type recorder struct {
	header http.Header
	got    http.Header // as of WriteHeader
	status int
	body   []byte
	limit  int
	pass   string // why the answer cannot be recorded
}

func newRecorder(limit int) *recorder { return &recorder{header: http.Header{}, limit: limit} }

func (r *recorder) Header() http.Header { return r.header }

// WriteHeader takes the first final status. Interim responses have no recipient: they are only hints, and are dropped.
func (r *recorder) WriteHeader(status int) {
	if r.status != 0 || status < 200 {
		return
	}
	r.status = status
	r.got = r.header.Clone()
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if len(r.body)+len(b) > r.limit {
		r.leave("too-large")
	}
	r.body = append(r.body, b...)
	return len(b), nil
}

// Flush means that the handler streams.
func (r *recorder) Flush() { r.leave("stream") }

// FlushError is Flush for http.ResponseController.
func (r *recorder) FlushError() error {
	r.Flush()
	return nil
}

// leave ends the handler: it will run again, on the connection of each client that asked. net/http provides panics with
// this value for aborting, and frameworks let them through.
func (r *recorder) leave(why string) {
	r.pass = why
	panic(http.ErrAbortHandler)
}

// forbidden says why the answer may not be shared, "" if it may.
func (r *recorder) forbidden(varies []string) string {
	h := r.got
	if len(h["Set-Cookie"]) > 0 {
		return "set-cookie"
	}
	if len(h["Content-Encoding"]) > 0 || len(h["Content-Range"]) > 0 {
		return "coded"
	}
	ds := rules.ParseDirectives(h["Cache-Control"])
	if ds.Has("private") || ds.Has("no-store") {
		return "private"
	}
	names, star := rules.VaryNames(h)
	if star {
		return "vary"
	}
	for _, name := range names {
		if !rules.ContainsFold(varies, name) {
			return "vary"
		}
	}
	return ""
}

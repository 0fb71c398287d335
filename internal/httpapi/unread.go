package httpapi

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// unreadGrace is how long an answer waits for the rest of an unread body. If the whole body has arrived by then, the
// connection can be used for the next request.
const unreadGrace = 50 * time.Millisecond

// AnswerUnread keeps answers from waiting for bodies that the handler did not want. net/http reads up to 256 KiB of the rest
// of a body before it sends an answer, so that it can reuse the connection, and that may take for ever: here it gets a moment
// for it, and closes the connection otherwise. The request is a copy, because if a body is replaced in place, net/http reads it
// to its end, whatever its length.
func AnswerUnread(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		if len(r.TransferEncoding) > 0 {
			// net/http silently drops a Content-Length beside Transfer-Encoding. Such a request must end its connection (RFC 9112
			// §6.1), since a proxy may have read a different length.
			w.Header().Set("Connection", "close")
		}
		body := &watchedBody{ReadCloser: r.Body}
		with := *r
		with.Body = body
		answer := &unreadAnswer{ResponseWriter: w, body: body}
		next.ServeHTTP(answer, &with)
		answer.hurry() // the answer may be empty
		answer.linger()
	})
}

// linger reads for a moment what a client still sends after an answer that refused its body: if the connection were closed
// with bytes unread, the client's system would see a reset and could throw the answer away.
func (a *unreadAnswer) linger() {
	if a.body.ended.Load() {
		return
	}
	rc := http.NewResponseController(a.ResponseWriter)
	if rc.Flush() != nil || rc.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, a.body, lingerBytes) // the client may be gone or slow: the connection is closed then
}

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 16 << 20
)

// watchedBody tracks whether all of a body was read.
type watchedBody struct {
	io.ReadCloser
	ended atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { //nolint:errorlint // as io.Reader specifies
		b.ended.Store(true)
	}
	return n, err
}

// unreadAnswer hurries the connection before an answer begins.
type unreadAnswer struct {
	http.ResponseWriter
	body    *watchedBody
	hurried bool
}

func (a *unreadAnswer) hurry() {
	if a.hurried || a.body.ended.Load() {
		return
	}
	a.hurried = true
	// A writer without deadlines is not a connection, and nothing waits.
	_ = http.NewResponseController(a.ResponseWriter).SetReadDeadline(time.Now().Add(unreadGrace))
}

func (a *unreadAnswer) WriteHeader(status int) {
	if status >= http.StatusOK {
		a.hurry()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *unreadAnswer) Write(p []byte) (int, error) {
	a.hurry()
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (a *unreadAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// bodyRefused is the answer to a body that op does not take, as the request's header shows; nil if it may be read. huma would
// read it first.
func bodyRefused(op *huma.Operation) func(*http.Request) *Error {
	return func(r *http.Request) *Error {
		if op.RequestBody == nil || r.ContentLength == 0 {
			return nil
		}
		if r.ContentLength >= op.MaxBodyBytes && op.MaxBodyBytes > 0 {
			return NewError(http.StatusRequestEntityTooLarge, "request body is too large limit="+strconv.FormatInt(op.MaxBodyBytes, 10)+" bytes")
		}
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		if _, taken := op.RequestBody.Content[kind]; !taken && kind != "" && kind != "application/json" && !strings.HasSuffix(kind, "+json") {
			return NewError(http.StatusUnsupportedMediaType, "The body must be application/json, not "+Shorten(kind))
		}
		return nil
	}
}

// unreadRefusals refuses bodies unread, for operations without the guard.
func unreadRefusals(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		op := ctx.Operation()
		if op.RequestBody == nil || len(op.Security) > 0 {
			next(ctx)
			return
		}
		refuseWith(api, bodyRefused(op))(ctx, next)
	}
}

// refuseBody refuses bodies unread, after the guard.
func refuseBody(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		refuseWith(api, bodyRefused(ctx.Operation()))(ctx, next)
	}
}

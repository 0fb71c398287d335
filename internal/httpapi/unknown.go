package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"openlearn/internal/admission"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/postgres"
)

// causeKey is where an answer's hidden cause waits for the access log.
const causeKey = "openlearn.cause"

// comeBack is how many seconds a client should wait after an answer of this status, "" where trying again is no remedy.
func comeBack(status int) string {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "2"
	case http.StatusGatewayTimeout:
		return "5"
	}
	return ""
}

// SetRetryAfter says in h when to come back, if that is a remedy for status and h does not say so yet. It is called at the
// moment when an answer's status is known, whoever made it, so that no handler can forget it.
func SetRetryAfter(h http.Header, status int) {
	if after := comeBack(status); after != "" && h.Get("Retry-After") == "" {
		h.Set("Retry-After", after)
	}
}

// Complete adds to an answer's fields what its handler left out. It is called when the status is known, whoever answers: when
// to come back; HEAD beside GET in Allow, since it is answered from GET outside of the router; and that nobody may store what
// does not say how it may be stored (shared caches with a default lifetime would keep errors and figures).
func Complete(h http.Header, status int) {
	SetRetryAfter(h, status)
	if len(h["Cache-Control"]) == 0 {
		h["Cache-Control"] = noStore
	}
	if allow := h.Get(echo.HeaderAllow); strings.Contains(allow, http.MethodGet) && !strings.Contains(allow, http.MethodHead) {
		h.Set(echo.HeaderAllow, allow+", "+http.MethodHead)
	}
}

var noStore = []string{"no-store"}

// statusOf is the table from errors that no handler expected to a status.
func statusOf(err error) int {
	switch {
	case errors.Is(err, service.ErrPreconditionFailed):
		return http.StatusPreconditionFailed
	case errors.Is(err, context.Canceled):
		return 499 // the client has gone; nobody reads this
	case errors.Is(err, context.DeadlineExceeded), postgres.TimedOut(err):
		return http.StatusGatewayTimeout
	case postgres.Unavailable(err), postgres.Refusing(err), errors.Is(err, admission.ErrShed):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// StatusOf is the status that an error of a handler or of Echo is answered with.
func StatusOf(err error) int {
	var ours *Error
	var he *echo.HTTPError
	switch {
	case errors.As(err, &ours):
		return ours.status
	case errors.As(err, &he):
		return he.Code
	}
	return statusOf(err)
}

func reportCause(ctx huma.Context, cause error) {
	if ctx != nil && cause != nil {
		humaecho.Unwrap(ctx).Set(causeKey, cause)
	}
}

// Cause returns the error behind a 5xx answer, for the log; nil if there was none.
func Cause(c echo.Context) error {
	err, _ := c.Get(causeKey).(error)
	return err
}

// HandleEchoError answers what never reached a typed handler: unknown paths, wrong methods, panics, middleware errors.
func HandleEchoError(err error, c echo.Context) {
	if c.Response().Committed {
		c.Set(causeKey, err)
		return
	}
	status, detail := statusOf(err), ""
	var ours *Error
	var he *echo.HTTPError
	switch {
	case errors.As(err, &ours):
		for k, vs := range ours.headers {
			c.Response().Header()[k] = vs
		}
		respond(c, ours.status, ours)
		return
	case errors.As(err, &he):
		status = he.Code
		if s, ok := he.Message.(string); ok && status < http.StatusInternalServerError {
			detail = s
		}
	}
	if status >= http.StatusInternalServerError {
		c.Set(causeKey, err)
	}
	if detail == "" || status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
		detail = http.StatusText(status)
	}
	respond(c, status, NewError(status, detail))
}

func respond(c echo.Context, status int, body any) {
	if err := c.JSON(status, body); err != nil {
		c.Set(causeKey, err)
	}
}

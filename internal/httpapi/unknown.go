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

// causeKey is the context key that holds an answer's hidden cause for the access log.
const causeKey = "openlearn.cause"

// comeBack is how many seconds a client should wait after an answer with this status, "" if trying again does not help.
func comeBack(status int) string {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "2"
	case http.StatusGatewayTimeout:
		return "5"
	}
	return ""
}

// SetRetryAfter sets Retry-After in h, if trying again helps with status and h does not have it yet. It is called when an
// answer's status is known, whoever made the answer, so that no handler can forget it.
func SetRetryAfter(h http.Header, status int) {
	if after := comeBack(status); after != "" && h.Get("Retry-After") == "" {
		h.Set("Retry-After", after)
	}
}

// Complete adds header fields that the handler left out. It is called when the status is known, whoever answers. It adds
// Retry-After; HEAD beside GET in Allow, since HEAD is answered from GET outside the router; and no-store where the answer does
// not say how it may be stored (shared caches with a default lifetime would keep errors and figures).
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

// statusOf maps errors that no handler expected to a status.
func statusOf(err error) int {
	switch {
	case errors.Is(err, service.ErrPreconditionFailed):
		return http.StatusPreconditionFailed
	case errors.Is(err, context.Canceled):
		return 499 // the client is gone; nobody reads this
	case errors.Is(err, context.DeadlineExceeded), postgres.TimedOut(err):
		return http.StatusGatewayTimeout
	case postgres.Unavailable(err), postgres.Refusing(err), errors.Is(err, admission.ErrShed):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// StatusOf is the status that answers an error of a handler or of Echo.
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

// HandleEchoError answers requests that never reached a typed handler: unknown paths, wrong methods, panics, middleware errors.
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

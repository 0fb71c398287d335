package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"openlearn/internal/netguard"
)

// Reason names why an address could not be read: the label of Report.Failures and of metrics.
type Reason string

// The reasons.
const (
	ReasonRobots      Reason = "robots"       // robots.txt forbids it, or could not be read
	ReasonStatus      Reason = "status"       // an unsuccessful HTTP status
	ReasonThrottled   Reason = "throttled"    // the host asks to be left alone for longer than we wait
	ReasonTimeout     Reason = "timeout"      // no complete answer in time
	ReasonNetwork     Reason = "network"      // no connection, or it broke
	ReasonTooLarge    Reason = "too_large"    // more bytes than the cap
	ReasonOffHost     Reason = "off_host"     // the address or a redirect leaves the source's host, or downgrades to http
	ReasonRedirects   Reason = "redirects"    // too many redirects
	ReasonAddress     Reason = "address"      // the host resolves to a non-public address
	ReasonContentType Reason = "content_type" // not the expected kind of document
	ReasonCanceled    Reason = "canceled"     // the pass ended first
)

// Error is a failed fetch: the address, the reason, and the HTTP status if there was one.
type Error struct {
	URL    string
	Reason Reason
	Status int
	// RetryAfter is how long the host asks to be left alone (429, 503), or how long we leave it alone, up to a day; 0: not
	// at all.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("fetch %s: %s %d: %v", e.URL, e.Reason, e.Status, e.Err)
	}
	return fmt.Sprintf("fetch %s: %s: %v", e.URL, e.Reason, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// ReasonOf classifies an error of net/http or of a context.
func ReasonOf(err error) Reason {
	var fetch *Error
	var netErr net.Error
	switch {
	case errors.As(err, &fetch):
		return fetch.Reason
	case errors.Is(err, netguard.ErrBlocked):
		return ReasonAddress
	case errors.Is(err, context.Canceled):
		return ReasonCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return ReasonTimeout
	default:
		return ReasonNetwork
	}
}

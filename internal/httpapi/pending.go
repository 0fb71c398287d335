package httpapi

import "net/http"

// Invalidation is the header that says that caches have not been told of a stored change yet.
const (
	Invalidation        = "X-Invalidation"
	InvalidationPending = "pending"
)

// StoredUnconfirmed is the 503 to a change that is stored while an instance may still serve what was there before. location
// is the address of what was created, "" if nothing was.
func StoredUnconfirmed(location string) *Error {
	e := NewError(http.StatusServiceUnavailable, "The change is stored. Its invalidation is pending: some instance may show what was there before for a while")
	e.headers = http.Header{"Retry-After": {"5"}, Invalidation: {InvalidationPending}}
	if location != "" {
		e.headers.Set("Location", location)
	}
	return e
}

package rules

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Outcome is how a request was answered, for X-Cache and Cache-Status.
type Outcome struct {
	// Cache is the value of X-Cache: Hit, Miss, Stale or Bypass.
	Cache string
	// Fwd is why the request went upstream (RFC 9211 §2.2), "" for a hit.
	Fwd string
	// Status is what upstream answered; 0 = unknown.
	Status int
	// Stored says that the answer was stored.
	Stored bool
	// Collapsed says that the request waited for another's, and shares its answer.
	Collapsed bool
	// TTL is the remaining freshness, negative once stale. It is written only where HasTTL is set.
	TTL    time.Duration
	HasTTL bool
	// Detail is a token that says more, "" for nothing.
	Detail string
}

// Values of X-Cache.
const (
	Hit    = "HIT"
	Miss   = "MISS"
	Stale  = "STALE"
	Bypass = "BYPASS"
)

// Marker writes Cache-Status (RFC 9211) under the name of one cache.
type Marker struct {
	name string
	// X-Cache of the most common outcome, made once; nobody modifies it.
	hit []string
}

// NewMarker makes the marker of a cache. Its name is printable ASCII: a token is written as it is, anything else as a string.
func NewMarker(name string) (*Marker, error) {
	if name == "" {
		return nil, fmt.Errorf("httpcache: a cache needs a name")
	}
	for i := range len(name) {
		if name[i] < 0x20 || name[i] > 0x7e {
			return nil, fmt.Errorf("httpcache: cache name %q is not printable ASCII", name)
		}
	}
	if !isToken(name) || !isAlpha(name[0]) && name[0] != '*' {
		name = QuotedString(name)
	}
	return &Marker{name: name, hit: []string{Hit}}, nil
}

// QuotedString is printable ASCII as a string of a structured field (RFC 9651 §3.3.3).
func QuotedString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Mark sets X-Cache and adds this cache's member to Cache-Status, after those of caches nearer to the origin.
func (m *Marker) Mark(h http.Header, o *Outcome) {
	if h["X-Cache"] = m.hit; o.Cache != Hit {
		h["X-Cache"] = []string{o.Cache}
	}
	b := append(make([]byte, 0, 64), m.name...)
	if o.Fwd == "" {
		b = append(b, "; hit"...)
	} else {
		b = append(append(b, "; fwd="...), o.Fwd...)
		if o.Status != 0 {
			b = strconv.AppendInt(append(b, "; fwd-status="...), int64(o.Status), 10)
		}
		if o.Stored {
			b = append(b, "; stored"...)
		}
		if o.Collapsed {
			b = append(b, "; collapsed"...)
		}
	}
	if o.HasTTL {
		b = strconv.AppendInt(append(b, "; ttl="...), int64(o.TTL/time.Second), 10)
	}
	if o.Detail != "" {
		b = append(append(b, "; detail="...), o.Detail...)
	}
	h["Cache-Status"] = append(h["Cache-Status"][:len(h["Cache-Status"]):len(h["Cache-Status"])], string(b))
}

// SetAge sets the Age field, in whole seconds.
func SetAge(h http.Header, age time.Duration) {
	h["Age"] = []string{strconv.FormatInt(int64(max(0, age)/time.Second), 10)}
}

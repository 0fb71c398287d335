package httpcache

import (
	"net/http"
	"strconv"
	"time"
)

// outcome is how a request was answered, for X-Cache and Cache-Status.
type outcome struct {
	cache  string // HIT, MISS, STALE, BYPASS
	fwd    string // why it went upstream (RFC 9211 §2.2), "" for a hit
	status int    // what upstream answered, 0 = unknown
	stored bool
	ttl    time.Duration // remaining freshness, where it may be told
	tell   bool          // tell ttl
	detail string
}

// Values of X-Cache.
const (
	Hit    = "HIT"
	Miss   = "MISS"
	Stale  = "STALE"
	Bypass = "BYPASS"
)

// cacheName is this cache in Cache-Status.
const cacheName = "openlearn"

// Field values of the commonest outcome, made once; nobody modifies them.
var (
	hitLine       = []string{Hit}
	hitStatusLine = []string{cacheName + "; hit"}
)

// mark adds X-Cache and our member of Cache-Status (RFC 9211), after those of caches nearer to the origin.
func (o *outcome) mark(h http.Header) {
	if o.cache == Hit && o.fwd == "" && !o.tell && o.detail == "" && len(h["Cache-Status"]) == 0 {
		h["X-Cache"], h["Cache-Status"] = hitLine, hitStatusLine
		return
	}
	h["X-Cache"] = []string{o.cache}
	b := append(make([]byte, 0, 64), cacheName...)
	if o.fwd == "" {
		b = append(b, "; hit"...)
	} else {
		b = append(append(b, "; fwd="...), o.fwd...)
		if o.status != 0 {
			b = strconv.AppendInt(append(b, "; fwd-status="...), int64(o.status), 10)
		}
		if o.stored {
			b = append(b, "; stored"...)
		}
	}
	if o.tell {
		b = strconv.AppendInt(append(b, "; ttl="...), int64(o.ttl/time.Second), 10)
	}
	if o.detail != "" {
		b = append(append(b, "; detail="...), o.detail...)
	}
	h["Cache-Status"] = append(h["Cache-Status"][:len(h["Cache-Status"]):len(h["Cache-Status"])], string(b))
}

func setAge(h http.Header, age time.Duration) {
	h["Age"] = []string{strconv.FormatInt(int64(max(0, age)/time.Second), 10)}
}

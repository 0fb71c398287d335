package fetch

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/scraping/robots"
)

// once sends one request and reads its answer.
func (f *Fetcher) once(ctx context.Context, req request, u *url.URL) (*Document, *url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	target := *u
	target.Fragment = ""
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, nil, &Error{URL: u.String(), Reason: ReasonOffHost, Err: err}
	}
	hr.Header.Set("User-Agent", f.cfg.UserAgent)
	hr.Header.Set("Accept", req.accept)
	hr.Header.Set("Accept-Language", "es-CO,es;q=0.9")
	hr.Header.Set("Accept-Encoding", "gzip")
	if req.known.ETag != "" {
		hr.Header.Set("If-None-Match", req.known.ETag)
	}
	if req.known.LastModified != "" {
		hr.Header.Set("If-Modified-Since", req.known.LastModified)
	}
	if req.cookies != nil {
		for _, c := range req.cookies.Cookies(hr.URL) {
			hr.AddCookie(c)
		}
	}
	resp, err := req.client(f).Do(hr)
	if err != nil {
		return nil, nil, &Error{URL: u.String(), Reason: ReasonOf(err), Err: err}
	}
	defer func() { _ = resp.Body.Close() }() // fully read or given up: the error says nothing new
	if req.cookies != nil {
		req.cookies.SetCookies(hr.URL, resp.Cookies())
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && req.known != Validators{}:
		v := req.known
		if tag := resp.Header.Get("ETag"); tag != "" { // use this one from now on (RFC 9110 §15.4.5)
			v.ETag = tag
		}
		if at := resp.Header.Get("Last-Modified"); at != "" {
			v.LastModified = at
		}
		return &Document{URL: u, NotModified: true, Validators: v, Header: resp.Header, Lifetime: lifetime(resp.Header, f.cfg.Now())}, nil, nil
	case resp.StatusCode == 301 || resp.StatusCode == 302 || resp.StatusCode == 303 || resp.StatusCode == 307 || resp.StatusCode == 308:
		next, err := u.Parse(resp.Header.Get("Location"))
		if err != nil || resp.Header.Get("Location") == "" {
			return nil, nil, &Error{URL: u.String(), Reason: ReasonStatus, Status: resp.StatusCode, Err: errors.New("redirect to nowhere")}
		}
		var moved Document
		if resp.StatusCode == http.StatusMovedPermanently || resp.StatusCode == http.StatusPermanentRedirect {
			moved.Moved = next
		}
		return &moved, next, nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		err := &Error{URL: u.String(), Reason: ReasonStatus, Status: resp.StatusCode, Err: errors.New(http.StatusText(resp.StatusCode))}
		if err.Status == http.StatusTooManyRequests || err.Status == http.StatusServiceUnavailable {
			err.RetryAfter = min(retryAfter(resp.Header.Get("Retry-After"), f.cfg.Now()), longestWait)
		}
		return nil, nil, err
	}
	doc, err := f.read(req, u, resp)
	return doc, nil, err
}

// read reads the body up to the cap. A longer robots.txt is cut there; any other longer document is refused.
func (f *Fetcher) read(req request, u *url.URL, resp *http.Response) (*Document, error) {
	limit := f.cfg.MaxBytes
	if req.robots {
		limit = robots.MaxBytes
	}
	if coding := resp.Header.Get("Content-Encoding"); !readable(coding) {
		return nil, &Error{URL: u.String(), Reason: ReasonContentType, Err: fmt.Errorf("content coding %.40q, which was not asked for", coding)}
	}
	body, err := readBody(resp.Body, limit)
	if f.cfg.Read != nil && len(body) > 0 {
		f.cfg.Read(req.def.ID, req.what(), len(body))
	}
	switch {
	case errors.Is(err, errTooLarge) && req.robots: // the part within the bound counts
	case errors.Is(err, errTooLarge):
		return nil, &Error{URL: u.String(), Reason: ReasonTooLarge, Err: fmt.Errorf("more than %d bytes", limit)}
	case err != nil:
		return nil, &Error{URL: u.String(), Reason: ReasonOf(err), Err: err}
	}
	doc := &Document{
		URL: u, Body: body, Header: resp.Header, ContentType: resp.Header.Get("Content-Type"),
		Validators: Validators{ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified")},
		Lifetime:   lifetime(resp.Header, f.cfg.Now()),
	}
	if req.accept == AcceptPage && !isHTML(doc) {
		return nil, &Error{URL: u.String(), Reason: ReasonContentType, Err: fmt.Errorf("content type %q", doc.ContentType)}
	}
	return doc, nil
}

func isHTML(doc *Document) bool {
	declared := doc.ContentType
	if declared == "" {
		declared = http.DetectContentType(doc.Body)
	}
	media, _, err := mime.ParseMediaType(declared)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(declared), ";")
	}
	return media == "text/html" || media == "application/xhtml+xml"
}

// retryAfter reads RFC 9110 §10.2.3: seconds or a date. 0 means not given.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if d, err := time.ParseDuration(value + "s"); err == nil && !strings.ContainsAny(value, "-hmsuµn") {
		return max(0, d)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// longestWait bounds what a server may ask for: a day (a mistaken date must not cost a source a year).
const longestWait = 24 * time.Hour

// readable says whether a content coding is absent or one that we can decompress. The label alone is not trusted: read
// judges by the bytes.
func readable(coding string) bool {
	switch strings.ToLower(strings.TrimSpace(coding)) {
	case "", "identity", "gzip", "x-gzip", "none", "utf-8":
		return true
	}
	return false
}

// lifetime is how long a server declares its answer fresh: max-age less Age, or Expires less Date (RFC 9111 §4.2.1).
func lifetime(h http.Header, now time.Time) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 64)
			if err != nil || seconds <= 0 {
				return 0
			}
			age, err := strconv.ParseInt(h.Get("Age"), 10, 64)
			if err != nil || age < 0 {
				age = 0
			}
			most := int64(longestWait / time.Second)
			return time.Duration(max(0, min(seconds, most)-min(age, most))) * time.Second
		}
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date // by the server's own clock
	}
	return min(max(0, expires.Sub(now)), longestWait)
}

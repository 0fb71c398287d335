package upstream

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// once sends one request and reads its answer.
func (c *Client) once(ctx context.Context, q Question) (*Answer, error) {
	if err := c.turn(ctx); err != nil {
		return nil, err
	}
	u := *c.base
	u.Path += q.Path
	u.RawQuery = q.Query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range q.Header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if q.Known.ETag != "" {
		req.Header.Set("If-None-Match", q.Known.ETag)
	}
	if q.Known.Modified != "" {
		req.Header.Set("If-Modified-Since", q.Known.Modified)
	}
	c.cfg.Metrics.sent(c.cfg.Name)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, broken(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, c.cfg.MaxBytes+1))
	switch {
	case err != nil:
		return nil, broken(ctx, err)
	case int64(len(body)) > c.cfg.MaxBytes:
		return nil, Fail(TooLarge, "an answer of more than %d bytes", c.cfg.MaxBytes)
	}
	return c.judge(ctx, q, res, body)
}

// judge makes an answer of a response, or says why it is none.
func (c *Client) judge(ctx context.Context, q Question, res *http.Response, body []byte) (*Answer, error) {
	a := &Answer{
		Status: res.StatusCode, Header: res.Header, Body: body,
		Validators: Validators{res.Header.Get("ETag"), res.Header.Get("Last-Modified")},
	}
	a.Type, _, _ = mime.ParseMediaType(res.Header.Get("Content-Type"))
	fail := func(kind Kind, text string) (*Answer, error) {
		return nil, &Error{Kind: kind, Status: a.Status, After: c.retryAfter(res.Header), Err: errors.New(text)}
	}
	switch {
	case a.Status == http.StatusNotModified && q.Known != (Validators{}):
		a.NotModified, a.Validators = true, q.Known
		return a, nil
	case a.Status == http.StatusAccepted:
		return fail(Late, "it is still working at the query")
	case a.Status == http.StatusTooManyRequests:
		after := max(c.retryAfter(res.Header), time.Second)
		c.leaveAlone(ctx, after)
		return nil, &Error{Kind: Throttled, Status: a.Status, After: after, Err: errors.New("it asks for fewer requests")}
	case a.Status != http.StatusOK && (a.Status < 400 || a.Status >= 500):
		return fail(Status, http.StatusText(a.Status))
	}
	if err := q.Decode(a); err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			e = &Error{Kind: Malformed, Err: err}
		}
		e.Status = a.Status
		return nil, e
	}
	if a.Status != http.StatusOK { // a decoder must say what such an answer means
		return fail(Status, http.StatusText(a.Status))
	}
	return a, nil
}

// turn waits until a request may be sent.
func (c *Client) turn(ctx context.Context) error {
	c.mu.Lock()
	resting := c.resting.Sub(c.cfg.Now())
	c.mu.Unlock()
	left := c.cfg.Budget
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	if resting >= left {
		return &Error{Kind: Throttled, After: resting, Err: errors.New("it asked to be left alone")}
	}
	wait, ok, err := c.limiter.Take(ctx, left)
	if err != nil {
		return broken(ctx, err)
	}
	if !ok {
		return &Error{Kind: Throttled, After: wait, Err: errors.New("our own limit of requests is reached")}
	}
	if err := sleep(ctx, max(wait, resting)); err != nil {
		return broken(ctx, err)
	}
	return nil
}

func (c *Client) leaveAlone(ctx context.Context, d time.Duration) {
	c.mu.Lock()
	if until := c.cfg.Now().Add(d); until.After(c.resting) {
		c.resting = until
	}
	c.mu.Unlock()
	c.limiter.Rest(ctx, d)
}

// longestRetryAfter bounds what an upstream may ask for.
const longestRetryAfter = time.Hour

func (c *Client) retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, longestRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(c.cfg.Now()), 0), longestRetryAfter)
	}
	return 0
}

// broken says why a request came to nothing.
func broken(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Kind: Timeout, Err: err}
	}
	return &Error{Kind: Network, Err: err}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

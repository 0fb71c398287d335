package guard

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/httpapi"
)

// Rules say what is counted, and for whom.
type Rules struct {
	Anonymous, Known *Tier
	// Cost is how many units a request may cost, 0 if it is not counted. One that is answered from the HTTP cache, or refused
	// for what it says, costs one in the end.
	Cost func(echo.Context) int64
	// Judge looks at the keys that a request comes with: an error refuses it. nil = nobody does.
	Judge func(*http.Request) *httpapi.Error
}

// Middleware counts requests. It belongs outside of the HTTP cache, so that hits count too, and inside of what every answer
// bears, so that refusals bear it.
func (l *Limiter) Middleware(o Rules) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			units := o.Cost(c)
			if units == 0 {
				return next(c)
			}
			r := c.Request()
			of, tier := Client{Range: httpapi.ClientRange(r)}, o.Anonymous
			if httpapi.HasCredentials(r) {
				who, err := httpapi.Who(r.Context())
				var refused *httpapi.Error
				switch {
				case err == nil && who.IsKnown():
					of, tier = Client{Known: who.String()}, o.Known
				case errors.As(err, &refused) && refused.GetStatus() == http.StatusTooManyRequests:
					return refused
				}
				if o.Judge != nil {
					if e := o.Judge(r); e != nil {
						return e
					}
				}
			}
			p := l.Take(r.Context(), of, tier, units)
			res := c.Response()
			if !p.OK {
				return p.refuse(c, l.now())
			}
			res.Before(func() {
				if units > 1 && cheap(res.Header(), res.Status) {
					p.Refund(1)
				}
				tier.fill(res.Header(), p.State(), l.now())
			})
			err := next(c)
			p.Sent(res.Size)
			return err
		}
	}
}

// cheap reports whether an answer took no work of the kind that units above one stand for.
func cheap(h http.Header, status int) bool {
	switch h.Get("X-Cache") {
	case rules.Hit, rules.Stale:
		return true
	}
	return status >= 400 && status < 500 || status == http.StatusServiceUnavailable
}

// fixedFields are the header fields of a tier that are always the same. They are shared: whoever adds to one makes a new slice.
type fixedFields struct{ minute, hour, policy []string }

func fixedFieldsOf(t *Tier) fixedFields {
	policy := fmt.Sprintf(`"minute";q=%d;w=60, "hour";q=%d;w=3600`, t.Minute, t.Hour)
	if t.Bytes > 0 {
		policy += fmt.Sprintf(`, "bytes";q=%d;qu="content-bytes";w=3600`, t.Bytes)
	}
	return fixedFields{[]string{strconv.FormatInt(t.Minute, 10)}, []string{strconv.FormatInt(t.Hour, 10)}, []string{policy}}
}

// fill sets the fields that tell a client what it has left: X-RateLimit-* as the original had them, and RateLimit with
// RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).
func (t *Tier) fill(h http.Header, s State, now time.Time) {
	h["X-Ratelimit-Limit-Minute"], h["X-Ratelimit-Limit-Hour"], h["Ratelimit-Policy"] = t.fixed.minute, t.fixed.hour, t.fixed.policy
	values := [4]string{
		strconv.FormatInt(s.Remaining[minute], 10), strconv.FormatInt(s.Remaining[hour], 10),
		strconv.FormatInt(epochSecond(now.Add(s.Whole[minute])), 10), strconv.FormatInt(epochSecond(now.Add(s.Whole[hour])), 10),
	}
	h["X-Ratelimit-Remaining-Minute"], h["X-Ratelimit-Remaining-Hour"] = values[0:1:1], values[1:2:2]
	h["X-Ratelimit-Reset-Minute"], h["X-Ratelimit-Reset-Hour"] = values[2:3:3], values[3:4:4]
	b := make([]byte, 0, 96)
	b = appendState(append(b, `"minute";r=`...), s, minute)
	b = appendState(append(b, `, "hour";r=`...), s, hour)
	if t.Bytes > 0 {
		b = appendState(append(b, `, "bytes";r=`...), s, bytes)
	}
	h["Ratelimit"] = []string{string(b)}
}

func appendState(b []byte, s State, limit int) []byte {
	b = strconv.AppendInt(b, s.Remaining[limit], 10)
	b = append(b, ";t="...)
	return strconv.AppendInt(b, int64(math.Ceil(s.Whole[limit].Seconds())), 10)
}

// epochSecond is the first whole second at which t has come.
func epochSecond(t time.Time) int64 { return int64(math.Ceil(float64(t.UnixMilli()) / 1000)) }

// Names of the fields that this package sets, for pages of other origins to read.
var Fields = []string{
	"X-RateLimit-Limit-Minute", "X-RateLimit-Limit-Hour", "X-RateLimit-Remaining-Minute", "X-RateLimit-Remaining-Hour",
	"X-RateLimit-Reset-Minute", "X-RateLimit-Reset-Hour", "RateLimit", "RateLimit-Policy",
}

// refusal is the original's body of a 429, with the detail that clients show.
type refusal struct {
	Error      string                 `json:"error"`
	Message    string                 `json:"message"`
	RetryAfter int64                  `json:"retry_after"`
	Limits     map[string]limitReport `json:"limits"`
	Detail     string                 `json:"detail"`
}

type limitReport struct {
	Limit     int64 `json:"limit"`
	Remaining int64 `json:"remaining"`
	Reset     int64 `json:"reset"`
}

func (p *Pass) refuse(c echo.Context, now time.Time) error {
	t, s := p.c.tier, p.State()
	h := c.Response().Header()
	t.fill(h, s, now)
	seconds := int64(p.Wait / time.Second)
	h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	report := func(limit int, of int64) limitReport {
		return limitReport{of, s.Remaining[limit], epochSecond(now.Add(s.Whole[limit]))}
	}
	body := refusal{
		Error: "rate_limit_exceeded", Message: "Too many requests. Please try again later.", RetryAfter: seconds,
		Limits: map[string]limitReport{"minute": report(minute, t.Minute), "hour": report(hour, t.Hour)},
		Detail: fmt.Sprintf("Too many requests: the limit for each %s is spent. Please try again in %d seconds.", p.For, seconds),
	}
	if p.For == outcomeNames[bytes] {
		body.Limits["bytes"] = report(bytes, t.Bytes)
		body.Detail = fmt.Sprintf("Too much data: %d bytes an hour. Please try again in %d seconds.", t.Bytes, seconds)
	}
	return c.JSON(http.StatusTooManyRequests, body)
}

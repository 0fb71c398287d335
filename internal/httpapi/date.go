package httpapi

import (
	"errors"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Date is a query parameter that names a moment (RFC 3339) or a whole day (2026-11-22) in Colombia, like the newspapers' days: it
// begins at 05:00 UTC.
type Date struct {
	t   time.Time
	day bool
}

// UnmarshalText reads either form.
func (d *Date) UnmarshalText(b []byte) error {
	text := strings.ToUpper(strings.TrimSpace(string(b)))
	if i := strings.LastIndexByte(text, ' '); i >= len("2026-11-22T10:00") {
		text = text[:i] + "+" + text[i+1:] // clients forget to encode the plus in a zone
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1500 {
			*d = Date{t.UTC(), layout == time.DateOnly}
			if d.day {
				d.t = d.t.Add(-colombia)
			}
			return nil
		}
	}
	return errors.New("expected RFC 3339, such as 2026-11-22T10:00:00Z, or a day, such as 2026-11-22")
}

// colombia is its offset from UTC. There was daylight saving time in 1992 and 1993 only.
const colombia = -5 * time.Hour

// String is the canonical spelling, so that one instant is one cache key.
func (d Date) String() string {
	if d.day {
		return d.t.Add(colombia).Format(time.DateOnly)
	}
	return d.t.Format(time.RFC3339Nano)
}

// canonicalDate is the schema extension that marks a parameter as a Date.
const canonicalDate = "x-canonical"

// Start is the moment, or the start of the day.
func (d Date) Start() time.Time { return d.t }

// End is the moment, or the end of the day.
func (d Date) End() time.Time {
	if d.day {
		return d.t.AddDate(0, 0, 1)
	}
	return d.t
}

var mostDate = 64 // characters; RFC 3339 with nanoseconds has 35

// Schema documents the parameter.
func (Date) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, MaxLength: &mostDate, Examples: []any{"2026-11-22"}, Extensions: map[string]any{canonicalDate: "instant"}}
}

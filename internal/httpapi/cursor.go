package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Cursor is the last row of a page, in the shape of the original: base64 of {"id", "value", "field"}. Value is the sort
// value of the row in its JSON form, nil for a row without one.
type Cursor struct {
	ID    int64   `json:"id"`
	Value *string `json:"value"`
	Field string  `json:"field"`
}

// errCursor is all that a client learns about an invalid cursor.
var errCursor = errors.New("not a cursor that this listing gave out")

// String is the cursor as clients carry it: standard base64, to be percent-encoded in a query.
func (c Cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		return "" // unreachable: a struct of plain values always marshals
	}
	return base64.StdEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor of the given field ("" gives nil). It accepts both base64 alphabets, padded or not, and a blank
// for a plus, since clients forget to encode it. Anything else is an error.
func ParseCursor(s, field string) (*Cursor, error) {
	if s == "" {
		return nil, nil
	}
	s = strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	raw, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, errCursor
	}
	var c struct {
		ID    *int64          `json:"id"`
		Value json.RawMessage `json:"value"`
		Field string          `json:"field"`
	}
	if err := json.Unmarshal(raw, &c); err != nil || c.ID == nil || c.Field != field || len(c.Value) == 0 {
		return nil, errCursor
	}
	out := &Cursor{ID: *c.ID, Field: c.Field}
	if string(c.Value) != "null" {
		var v string
		if err := json.Unmarshal(c.Value, &v); err != nil {
			return nil, errCursor
		}
		out.Value = &v
	}
	return out, nil
}

// Time reads the cursor's value as a time, nil for an undated row. The original's cursors have no zone and mean UTC.
func (c Cursor) Time() (*time.Time, error) {
	if c.Value == nil {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		t, err := time.Parse(layout, *c.Value)
		// Years 1 to 9999 in UTC, which our columns can hold: a zone may lead out of that range.
		if year := t.UTC().Year(); err == nil && year >= 1 && year <= 9999 {
			return &t, nil
		}
	}
	return nil, fmt.Errorf("cursor value %q: %w", *c.Value, errCursor)
}

// InvalidCursor is the answer to an invalid cursor.
func InvalidCursor(given string) *Error {
	return Value(errCursor.Error(), given, "query", "cursor")
}

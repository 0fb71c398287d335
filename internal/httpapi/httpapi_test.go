package httpapi

import (
	"errors"
	"math"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

func TestLaxNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{
		"0": 0, "-1": -1, "+7": 7, " 12 ": 12, "007": 7, "1_000": 1000, "10.0": 10, "10.": 10, "99999999999999999999": math.MaxInt64, "-99999999999999999999": math.MinInt64,
	} {
		if got, ok := laxInt(in); !ok || got != want {
			t.Errorf("laxInt(%q) = %d, %v; want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "x", "1.5", "1e2", "0x10", "1__0", "_1", "1_", "١", "--1", "1 2", "."} {
		if got, ok := laxInt(in); ok {
			t.Errorf("laxInt(%q) = %d, want a refusal", in, got)
		}
	}
	for in, want := range map[string]float64{"1": 1, "1e2": 100, "10.": 10, ".5": .5, "-0": 0, "inf": math.Inf(1), "-Infinity": math.Inf(-1), "1_0.5": 10.5, "1e999": math.Inf(1)} {
		if got, ok := laxFloat(in); !ok || got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("laxFloat(%q) = %v, %v; want %v", in, got, ok, want)
		}
	}
	if f, ok := laxFloat("nan"); !ok || !math.IsNaN(f) {
		t.Errorf("laxFloat(nan) = %v, %v", f, ok)
	}
	for _, in := range []string{"", "x", "0x1p-2", "1e", "1_", "."} {
		if got, ok := laxFloat(in); ok {
			t.Errorf("laxFloat(%q) = %v, want a refusal", in, got)
		}
	}
}

func FuzzLaxNumbers(f *testing.F) {
	for _, s := range []string{"", "1", "-1_0.0", "1e5", "nan", "+inf", "0x1", "９"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := laxInt(s); ok && n != math.MaxInt64 && n != math.MinInt64 {
			if x, ok := laxFloat(s); !ok || math.Abs(x-float64(n)) > math.Abs(x)/1e15 {
				t.Fatalf("%q is the integer %d and the number %v, %v", s, n, x, ok)
			}
		}
		if _, ok := laxBool(s); ok && len(s) > 100 && len(strings.TrimSpace(s)) > 5 {
			t.Fatalf("%q is a boolean", s)
		}
	})
}

func TestCursors(t *testing.T) {
	t.Parallel()
	v := "2026-11-22T10:00:00.123456Z"
	for _, c := range []Cursor{{ID: 1, Value: &v, Field: "f"}, {ID: -5, Field: "f"}} {
		got, err := ParseCursor(c.String(), "f")
		if err != nil || got.ID != c.ID || (got.Value == nil) != (c.Value == nil) || got.Value != nil && *got.Value != *c.Value {
			t.Errorf("%+v came back as %+v, %v", c, got, err)
		}
		if _, err := ParseCursor(c.String(), "other"); err == nil {
			t.Error("a cursor of another listing passes")
		}
	}
	if c, err := ParseCursor("", "f"); c != nil || err != nil {
		t.Errorf("no cursor: %v, %v", c, err)
	}
	// As the original wrote them, with Python's spacing and naive times, and as clients mangle them.
	for _, s := range []string{"eyJpZCI6IDMwNjUsICJ2YWx1ZSI6ICIyMDI2LTExLTIyVDExOjE2OjAwIiwgImZpZWxkIjogInB1Ymxpc2hlZF9kYXRlIn0=", "eyJpZCI6IDMwNjUsICJ2YWx1ZSI6ICIyMDI2LTExLTIyVDExOjE2OjAwIiwgImZpZWxkIjogInB1Ymxpc2hlZF9kYXRlIn0"} {
		c, err := ParseCursor(s, "published_date")
		if err != nil {
			t.Fatal(err)
		}
		if at, err := c.Time(); err != nil || at.Format("2006-01-02T15:04:05Z07:00") != "2026-11-22T11:16:00Z" {
			t.Errorf("%v, %v", at, err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "e30=", "eyJpZCI6MSwidmFsdWUiOm51bGwsImZpZWxkIjoiZiJ9", "====", "bnVsbA", "W10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s, "f")
		if err != nil || c == nil {
			return
		}
		_, _ = c.Time()
		again, err := ParseCursor(c.String(), "f")
		if err != nil || again.ID != c.ID {
			t.Fatalf("%q: %+v came back as %+v, %v", s, c, again, err)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-11-22", "2026-11-22T10:00:00Z", "0000-00-00", "9999-12-31T23:59:59-23:59", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d Date
		if d.UnmarshalText([]byte(s)) == nil && (d.End().Before(d.Start()) || d.Start().Year() < 1499) {
			t.Fatalf("%q: %v to %v", s, d.Start(), d.End())
		}
	})
}

func TestNothingLeaksFromA500(t *testing.T) {
	t.Parallel()
	secret := errors.New(`pq: password authentication failed for user "openlearn" at 10.0.0.1`)
	e := fromHuma(500, "unexpected error occurred", []error{secret})
	if e.Detail != "Internal Server Error" || !errors.Is(e, secret) {
		t.Errorf("%+v", e)
	}
}

func TestValidationWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d         huma.ErrorDetail
		kind, msg string
	}{
		{huma.ErrorDetail{Message: "invalid integer", Location: "query.limit", Value: "x"}, "int_parsing", "Input should be a valid integer, unable to parse string as an integer"},
		{huma.ErrorDetail{Message: "expected length >= 10", Location: "body.text", Value: "corto"}, "string_too_short", "String should have at least 10 characters"},
		{huma.ErrorDetail{Message: `expected value to be one of "a, b, c"`, Location: "query.x", Value: "d"}, "literal_error", "Input should be 'a', 'b' or 'c'"},
		{huma.ErrorDetail{Message: "expected required property title to be present", Location: "body", Value: map[string]any{}}, "missing", "Field required"},
		{huma.ErrorDetail{Message: "something new", Location: "body.tags[2]", Value: 1}, "value_error", "Value error, something new"},
	} {
		if it := itemOf(&c.d); it.Type != c.kind || it.Msg != c.msg {
			t.Errorf("%s: %s %q, want %s %q", c.d.Message, it.Type, it.Msg, c.kind, c.msg)
		}
	}
	if it := itemOf(&huma.ErrorDetail{Message: "x", Location: "body.tags[2]"}); len(it.Loc) != 3 || it.Loc[2] != 2 {
		t.Errorf("loc %v", it.Loc)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		remote, host string
		want         bool
	}{
		{"127.0.0.1:5", "localhost:8000", true},
		{"[::1]:5", "[::1]:8000", true},
		{"127.0.0.1:5", "127.0.0.1", true},
		{"127.0.0.1:5", "rebound.example:8000", false},
		{"10.1.2.3:5", "localhost:8000", false},
		{"", "localhost", false},
	} {
		r := httptest.NewRequest("GET", "http://x/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if got := onLoopback(r); got != c.want {
			t.Errorf("from %s for %s: %v, want %v", c.remote, c.host, got, c.want)
		}
	}
}

func TestCursorsOutOfTheCalendar(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		"0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59.999999999-14:00",
		"0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "NaN", "infinity", "-infinity", "",
	} {
		if got, err := (Cursor{ID: 1, Value: &v}).Time(); err == nil {
			t.Errorf("%q is %v", v, got)
		}
	}
	for _, v := range []string{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00-00:01", "9999-12-31T23:59:59+14:00"} {
		if _, err := (Cursor{ID: 1, Value: &v}).Time(); err != nil {
			t.Errorf("%q: %v", v, err)
		}
	}
}

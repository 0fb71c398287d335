package rules

import (
	"strings"
	"time"
)

// parseDate reads an HTTP-date (RFC 9110 §5.6.7): IMF-fixdate, the obsolete RFC 850 form and asctime's. Names match in
// any case, as RFC 9111 §4.2 asks of caches; the weekday must be one, but need not be the right one. Nothing else is
// forgiven: no one-digit hours, no double blanks (except asctime's own), no zone other than GMT. now decides the
// century of two-digit years: one that seems more than 50 years ahead is in the past.
func parseDate(s string, now time.Time) (time.Time, bool) {
	comma := strings.IndexByte(s, ',')
	switch {
	case comma < 0:
		return parseAsctime(s)
	case comma == 3:
		return parseIMF(s)
	default:
		return parse850(s, comma, now)
	}
}

var (
	days     = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	longDays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	months   = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
)

// Sun, 06 Nov 1994 08:49:37 GMT
func parseIMF(s string) (time.Time, bool) {
	if len(s) != 29 || !oneOf(days, s[:3]) || s[4] != ' ' || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' || !isGMT(s[25:]) {
		return time.Time{}, false
	}
	year, ok := digits(s[12:16])
	if !ok {
		return time.Time{}, false
	}
	return makeDate(year, s[8:11], s[5:7], s[17:25])
}

// Sunday, 06-Nov-94 08:49:37 GMT
func parse850(s string, comma int, now time.Time) (time.Time, bool) {
	rest := s[comma:]
	if !oneOf(longDays, s[:comma]) || len(rest) != 24 || rest[1] != ' ' || rest[4] != '-' || rest[8] != '-' || rest[11] != ' ' || !isGMT(rest[20:]) {
		return time.Time{}, false
	}
	year, ok := digits(rest[9:11])
	if !ok {
		return time.Time{}, false
	}
	century := now.UTC().Year() / 100 * 100
	t, ok := makeDate(century+year, rest[5:8], rest[2:4], rest[12:20])
	if !ok {
		return time.Time{}, false
	}
	if t.After(now.AddDate(50, 0, 0)) {
		return makeDate(century+year-100, rest[5:8], rest[2:4], rest[12:20])
	}
	if next, ok := makeDate(century+year+100, rest[5:8], rest[2:4], rest[12:20]); ok && !next.After(now.AddDate(50, 0, 0)) {
		return next, true
	}
	return t, true
}

// Sun Nov  6 08:49:37 1994
func parseAsctime(s string) (time.Time, bool) {
	if len(s) != 24 || !oneOf(days, s[:3]) || s[3] != ' ' || s[7] != ' ' || s[10] != ' ' || s[19] != ' ' {
		return time.Time{}, false
	}
	day := s[8:10]
	if day[0] == ' ' {
		day = "0" + day[1:]
	}
	year, ok := digits(s[20:])
	if !ok {
		return time.Time{}, false
	}
	return makeDate(year, s[4:7], day, s[11:19])
}

// makeDate puts the parts together; clock is 08:49:37. A leap second is read as the second before it.
func makeDate(year int, month, day, clock string) (time.Time, bool) {
	m := indexOf(months, month)
	d, ok1 := digits(day)
	h, ok2 := digits(clock[:2])
	min, ok3 := digits(clock[3:5])
	sec, ok4 := digits(clock[6:])
	if m < 0 || !ok1 || !ok2 || !ok3 || !ok4 || clock[2] != ':' || clock[5] != ':' || h > 23 || min > 59 || sec > 60 || d < 1 {
		return time.Time{}, false
	}
	if sec == 60 {
		sec = 59
	}
	t := time.Date(year, time.Month(m+1), d, h, min, sec, 0, time.UTC)
	return t, t.Day() == d // 31 Feb is not a date
}

func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

func isGMT(s string) bool { return len(s) == 4 && s[0] == ' ' && strings.EqualFold(s[1:], "GMT") }

func oneOf(names []string, s string) bool { return indexOf(names, s) >= 0 }

func indexOf(names []string, s string) int {
	for i, name := range names {
		if strings.EqualFold(name, s) {
			return i
		}
	}
	return -1
}

// DateOf is the one date in a field, false for absent, repeated and malformed values.
func DateOf(lines []string, now time.Time) (time.Time, bool) {
	if len(lines) != 1 {
		return time.Time{}, false
	}
	return parseDate(TrimOWS(lines[0]), now)
}

func FormatDate(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// Package newsdate reads dates as Spanish-language news sites write them: RFC 3339 in full or in part, the RFC 822 family
// of RSS, zero-less machine stamps ("2022-5-5 22:17:36"), and prose ("28 oct 2025 - 8:55 p. m.", "martes 4 de septiembre de
// 2025").
package newsdate

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the final image has no zone files; Colombia's zone must still be right for 1992-93, when it had summer time
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Years outside these are typing errors or a CMS's way to say "none" (0001, 1899, 9999): they are refused as
// ErrImplausible.
const (
	MinYear = 1900
	MaxYear = 2100
)

const maxLength = 160 // no site writes a longer date; this bounds the work on hostile input

// The errors of Parse.
var (
	ErrFormat      = errors.New("not a date in a known form")
	ErrImplausible = errors.New("not a plausible date")
)

// Date is a parsed date. Time is in UTC.
type Date struct {
	Time    time.Time
	HasTime bool // a time of day was written; otherwise Time is that day's midnight in the zone assumed
	HasZone bool // a zone was written; otherwise the default zone was assumed
}

// Bogota is Colombia's zone, UTC-05:00 the year round since 1993.
func Bogota() *time.Location { return bogota() }

var bogota = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("America/Bogota")
	if err != nil { // cannot happen with the embedded zone data
		return time.FixedZone("-05", -5*60*60)
	}
	return loc
})

// Parse reads s; a date without a zone is taken to be in loc (nil means America/Bogota). Numbers alone are Unix time in
// seconds (10 digits) or milliseconds (13), or a compact stamp (YYYYMMDD, with hhmm or hhmmss). All-numeric dates with the
// year last are day first, as in Spanish, unless only month first is possible. Relative dates ("hace 2 horas", "ayer") and
// dates without a year are refused: their meaning is not in the text alone.
//
// The error wraps ErrFormat or ErrImplausible.
func Parse(s string, loc *time.Location) (Date, error) {
	if loc == nil {
		loc = Bogota()
	}
	if len(s) > maxLength {
		return Date{}, fmt.Errorf("newsdate: %d bytes: %w", len(s), ErrFormat)
	}
	text := spoken(fold(s))
	d, err := parse(text, loc)
	if err != nil {
		return Date{}, fmt.Errorf("newsdate: %q: %w", s, err)
	}
	return d, nil
}

func parse(text string, loc *time.Location) (Date, error) {
	if digits.MatchString(text) {
		return parseNumber(text, loc)
	}
	for _, form := range forms {
		m := form.re.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		part := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		day, err := calendarDay(part(form.year), part(form.month), part(form.day), form.dayFirst)
		if err != nil {
			return Date{}, err
		}
		clock, err := parseClock(text[:m[0]] + " " + part(form.clock) + " " + text[m[1]:])
		if err != nil {
			return Date{}, err
		}
		return clock.on(day, loc), nil
	}
	return Date{}, ErrFormat
}

// A form finds the date in the text; the text around it must be a time of day or words without meaning.
type form struct {
	re               *regexp.Regexp
	year, month, day int
	clock            int // group with a time of day inside the date, as in asctime; 0 if there is none (group 0 is not used as such)
	dayFirst         bool
}

var (
	digits = regexp.MustCompile(`^\d+$`)

	forms = []form{
		{re: regexp.MustCompile(`()\b(\d{4})([-/.])(\d{1,2})[-/.](\d{1,2})(?:t|\b)`), year: 2, month: 4, day: 5, clock: 1},
		{re: regexp.MustCompile(`()\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b`), year: 4, month: 3, day: 2, clock: 1, dayFirst: true},
		// 28 de octubre de 2025 · 28 oct 2025 · 06-Nov-94 · 1o de mayo del 2020
		{re: regexp.MustCompile(`()\b(\d{1,2}|primero)(?:o|ro|st|nd|rd|th)?[-/,.\s]*(?:de\s+)?` + months + `\b[-/,.\s]*(?:del?\s+|of\s+)?(?:ano\s+)?(\d{4}|\d{2})\b`), year: 4, month: 3, day: 2, clock: 1},
		// octubre 28 de 2025 · Jun 19, 2024
		{re: regexp.MustCompile(`()\b` + months + `\.?\s+(\d{1,2})(?:o|ro|st|nd|rd|th)?,?\s+(?:del?\s+)?(\d{4})\b`), year: 4, month: 2, day: 3, clock: 1},
		// Sun Nov  6 08:49:37 1994, with or without a zone before the year (C's asctime, date(1))
		{re: regexp.MustCompile(`\b` + months + `\s+(\d{1,2})\s+(\d{1,2}:\d{2}:\d{2}(?:\s+[a-z]{3,4}|\s+[-+]\d{4})?)\s+(\d{4})\b`), year: 4, month: 1, day: 2, clock: 3},
		// 2025-oct-28
		{re: regexp.MustCompile(`()\b(\d{4})[-/\s]+` + months + `[-/.\s]+(\d{1,2})\b`), year: 2, month: 3, day: 4, clock: 1},
		// 15/03/21; last, because 08.49.37 is a time of day
		{re: regexp.MustCompile(`()\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{2})\b`), year: 4, month: 3, day: 2, clock: 1, dayFirst: true},
	}
)

// fold lowers s, strips accents and comments, and reduces blanks to single spaces.
func fold(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r == '(' || r == '[': // RFC 822 comments, and the [America/Bogota] of java.time
			depth++
		case r == ')' || r == ']':
			depth = max(0, depth-1)
		case depth > 0, unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r), r == '°':
		case unicode.IsSpace(r) || r == '_':
			b.WriteByte(' ')
		case r == '−' || r == '–' || r == '—':
			b.WriteByte('-')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func parseNumber(text string, loc *time.Location) (Date, error) {
	switch len(text) {
	case 10, 13:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Date{}, ErrFormat
		}
		if len(text) == 10 {
			n *= 1000
		}
		t := time.UnixMilli(n).UTC()
		if t.Year() > MaxYear {
			return Date{}, ErrImplausible
		}
		return Date{Time: t, HasTime: true, HasZone: true}, nil
	case 8, 12, 14:
		day, err := calendarDay(text[:4], text[4:6], text[6:8], false)
		if err != nil {
			return Date{}, err
		}
		if len(text) == 8 {
			return clockTime{}.on(day, loc), nil
		}
		clock := text[8:10] + ":" + text[10:12]
		if len(text) == 14 {
			clock += ":" + text[12:]
		}
		c, err := parseClock(clock)
		if err != nil {
			return Date{}, err
		}
		return c.on(day, loc), nil
	}
	return Date{}, ErrFormat
}

type ymd struct {
	year  int
	month time.Month
	day   int
}

func calendarDay(year, month, day string, dayFirst bool) (ymd, error) {
	y, err := strconv.Atoi(year)
	if err != nil {
		return ymd{}, ErrFormat
	}
	if len(year) == 2 { // RFC 2822 §4.3
		if y += 1900; y < 1950 {
			y += 100
		}
	}
	m, named := monthNumbers[month]
	if !named {
		n, err := strconv.Atoi(month)
		if err != nil {
			return ymd{}, ErrFormat
		}
		m = time.Month(n)
	}
	d := 1
	if day != "primero" {
		if d, err = strconv.Atoi(day); err != nil {
			return ymd{}, ErrFormat
		}
	}
	if dayFirst && m > 12 && d <= 12 { // 03/15/2021 can only be month first
		m, d = time.Month(d), int(m)
	}
	if y < MinYear || y > MaxYear || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return ymd{}, ErrImplausible
	}
	return ymd{y, m, d}, nil
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

package newsdate

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// clockTime is a time of day with its zone, both optional.
type clockTime struct {
	written         bool
	hour, min, sec  int
	nano            int
	zoned           bool
	secondsEastOfUT int
}

// on places the clock on a calendar day; without a zone of its own it is read in loc.
func (c clockTime) on(d ymd, loc *time.Location) Date {
	if c.zoned {
		loc = time.FixedZone("", c.secondsEastOfUT)
	}
	t := time.Date(d.year, d.month, d.day, c.hour, c.min, c.sec, c.nano, loc).UTC()
	return Date{Time: t, HasTime: c.written, HasZone: c.zoned}
}

var (
	meridiem = regexp.MustCompile(`([0-9\s])([ap])\s?\.?\s?m\b\.?`)
	// 8:55 · 20:55:10.123 · 8 pm · 20h55 · 20.55 h · 12:00 m. (noon, as Colombia writes it)
	clockRE = regexp.MustCompile(`^(\d{1,2})(?:\s?[:.h]\s?(\d{2}))?(?:[:.](\d{2})(?:[.,](\d{1,12}))?)?\s?(?:(am|pm|m\b\.?|md\b\.?)|(h|hs|hrs?|horas?)\b\.?)?\s?(.*)$`)
	zoneRE  = regexp.MustCompile(`^(?:([a-z]{1,5})\s?)?(?:([-+])\s?(\d{1,2})(?::?(\d{2}))?(?::?00)?(?:\s[-+]\d{2,4})?(?:\s?[a-z]{1,5})?)?$`)
)

// parseClock reads the text around a date: a time of day and a zone, among words without meaning. An empty rest means no
// time; any other word gives ErrFormat, so that prose is not mistaken for a date.
func parseClock(rest string) (clockTime, error) {
	rest = meridiem.ReplaceAllString(" "+rest, "$1${2}m")
	kept := make([]string, 0, 4)
	for w := range strings.FieldsSeq(rest) {
		w = strings.Trim(w, ",;|•·")
		if w == "" || w == "-" || fillers[strings.TrimRight(w, ".:,")] {
			continue
		}
		kept = append(kept, w)
	}
	if len(kept) == 0 {
		return clockTime{}, nil
	}
	rest = strings.TrimPrefix(strings.Join(kept, " "), "t")
	m := clockRE.FindStringSubmatch(rest)
	if m == nil {
		// A zone may follow a bare date: "2025-10-28 UTC", "2025-10-28 -05:00".
		var c clockTime
		return c, c.readZone(rest)
	}
	if m[2] == "" && m[5] == "" && m[6] == "" {
		return clockTime{}, ErrFormat // a number alone is not a time
	}
	c := clockTime{written: true, hour: atoi(m[1]), min: atoi(m[2]), sec: atoi(m[3])}
	if m[4] != "" {
		c.nano = atoi((m[4] + "000000000")[:9])
	}
	if err := c.settle(strings.TrimRight(m[5], ".")); err != nil {
		return clockTime{}, err
	}
	return c, c.readZone(m[7])
}

// settle checks the numbers and applies am, pm or m (noon).
func (c *clockTime) settle(half string) error {
	switch {
	case half == "m" || half == "md":
		if c.hour != 12 {
			return ErrImplausible
		}
	case half != "" && c.hour <= 12: // "20:55 p. m." occurs too, and means 20:55
		if c.hour == 0 && half == "pm" {
			return ErrImplausible
		}
		c.hour %= 12
		if half == "pm" {
			c.hour += 12
		}
	}
	if c.sec == 60 { // a leap second (RFC 3339 §5.6)
		c.sec = 59
	}
	endOfDay := c.hour == 24 && c.min == 0 && c.sec == 0 // ISO 8601's 24:00
	if (c.hour > 23 && !endOfDay) || c.min > 59 || c.sec > 59 {
		return ErrImplausible
	}
	return nil
}

// readZone reads a zone: a name, an offset, or both ("GMT-0500", "-0500 -05" as Go prints it).
func (c *clockTime) readZone(text string) error {
	text = strings.Trim(text, " .,|")
	if text == "" || text == "-" {
		return nil
	}
	m := zoneRE.FindStringSubmatch(text)
	if m == nil {
		return ErrFormat
	}
	if m[1] != "" {
		hours, known := zones[m[1]]
		if !known {
			return ErrFormat
		}
		c.zoned, c.secondsEastOfUT = true, hours*3600
	}
	if m[2] != "" {
		offset := atoi(m[3])*3600 + atoi(m[4])*60
		if offset > 14*3600 || atoi(m[4]) > 59 {
			return ErrImplausible
		}
		if m[2] == "-" {
			offset = -offset
		}
		c.zoned, c.secondsEastOfUT = true, offset
	}
	return nil
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil { // the patterns only let digits through; "" is zero
		return 0
	}
	return n
}

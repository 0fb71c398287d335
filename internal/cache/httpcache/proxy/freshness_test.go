package proxy

import (
	"strconv"
	"testing"
	"time"
)

func TestRFC9111s42Freshness(t *testing.T) {
	playAll(t, map[string][]step{
		"nothing said":                      twice("", false),
		"max-age":                           twice("Cache-Control: max-age=3600", true),
		"max-age=0":                         twice("Cache-Control: max-age=0", false),
		"2^31-1":                            twice("Cache-Control: max-age=2147483647", true),
		"2^31":                              twice("Cache-Control: max-age=2147483648", true),
		"huge":                              twice("Cache-Control: max-age=99999999999", true),
		"beyond 64 bits":                    twice("Cache-Control: max-age=99999999999999999999999999", true),
		"negative":                          twice("Cache-Control: max-age=-100", false),
		"negative is not what Expires says": twice("Cache-Control: max-age=-100\nExpires: $date+100\nDate: $date", false),
		"s-maxage before max-age":           twice("Cache-Control: max-age=1, s-maxage=3600", true),
		"short s-maxage before max-age":     twice("Cache-Control: s-maxage=1\nCache-Control: max-age=3600", false),
		"max-age before Expires":            twice("Cache-Control: max-age=3600\nExpires: $date-100\nDate: $date", true),
		"max-age before invalid Expires":    twice("Cache-Control: max-age=3600\nExpires: 0\nDate: $date", true),
		"max-age=0 before future Expires":   twice("Cache-Control: max-age=0\nExpires: $date+100\nDate: $date", false),
		"Expires":                           twice("Expires: $date+100\nDate: $date", true),
		"Expires in the past":               twice("Expires: $date-100\nDate: $date", false),
		"Expires now":                       twice("Expires: $date\nDate: $date", false),
		"Expires before Date, both ahead":   twice("Expires: $date+300\nDate: $date+400", false),
		"Expires 0":                         twice("Expires: 0\nDate: $date", false),
		"two Expires":                       twice("Expires: $date+100\nExpires: $date+100\nDate: $date", false),
		"Expires with an invalid Date":      twice("Expires: $date+10\nDate: foo", true),
		"extension":                         twice("Cache-Control: foobar, max-age=3600", true),
		"any case":                          twice("Cache-Control: MaX-aGe=3600", true),
		"the first of two":                  twice("Cache-Control: max-age=1800, max-age=1", true),
		"the first of two, stale":           twice("Cache-Control: max-age=1\nCache-Control: max-age=1800", false),
		"explicit freshness of any status":  {{status: 599, reply: "Cache-Control: max-age=60"}, {cached: true, want: 599}},
		"Age counts":                        twice("Cache-Control: max-age=10\nAge: 15\nDate: $date", false),
		"a slow upstream ages its answer":   {{took: 20 * time.Second, reply: "Cache-Control: max-age=10"}, {}},
		"a Date behind ages its answer":     twice("Cache-Control: max-age=10\nDate: $date-20", false),
		"Age beyond Expires, Date slow":     twice("Date: $date-10\nExpires: $date+10\nAge: 25", false),
		"Age beyond Expires, Date fast":     twice("Date: $date+10\nExpires: $date+20\nAge: 15", false),
	})
}

func TestRFC9111s52DirectiveParsing(t *testing.T) {
	playAll(t, map[string][]step{
		"quoted":                        twice(`Cache-Control: max-age="3600"`, true),
		"single quotes":                 twice(`Cache-Control: max-age='3600'`, false),
		"leading zeros":                 twice(`Cache-Control: max-age=003600`, true),
		"inside a string before":        twice(`Cache-Control: extension="max-age=3600", max-age=1`, false),
		"inside a string after":         twice(`Cache-Control: max-age=1, extension="max-age=3600"`, false),
		"inside a string with escapes":  twice(`Cache-Control: extension="\", max-age=3600", max-age=1`, false),
		"blank before =":                twice(`Cache-Control: max-age =3600`, false),
		"blank after =":                 twice(`Cache-Control: max-age= 3600`, false),
		"decimal":                       twice(`Cache-Control: max-age=3600.0`, false),
		"letter first":                  twice(`Cache-Control: max-age=a3600`, false),
		"letter last":                   twice(`Cache-Control: max-age=3600a`, false),
		"empty":                         twice(`Cache-Control: max-age=`, false),
		"no argument":                   twice(`Cache-Control: max-age`, false),
		"unclosed string hides nothing": twice(`Cache-Control: max-age=3600, no-store, x="`, false),
	})
}

func TestRFC9111s51Age(t *testing.T) {
	aged := func(age string, cached bool) []step {
		return twice("Cache-Control: max-age=3600\nDate: $date\n"+age, cached)
	}
	playAll(t, map[string][]step{
		"not a number":        aged("Age: abc", true),
		"negative":            aged("Age: -7200", true),
		"decimal":             aged("Age: 7200.0", true),
		"parameter":           aged("Age: 7200;foo=bar", true),
		"2^31-1":              aged("Age: 2147483647", false),
		"2^31":                aged("Age: 2147483648", false),
		"2^31 against itself": twice("Cache-Control: max-age=2147483648\nAge: 2147483648", false),
		"list, old first":     aged("Age: 7200, 0", false),
		"list, old last":      aged("Age: 0, 7200", true),
		"lines, old first":    aged("Age: 7200\nAge: 0", false),
		"lines, old last":     aged("Age: 0\nAge: 7200", true),
		"is told and grows": {
			{reply: "Cache-Control: max-age=3600\nAge: 30\nDate: $date", has: "Age: 30"},
			{after: 3 * time.Second, cached: true, has: "Age: 33"},
		},
		"grows from Date": {
			{reply: "Expires: $date+1000\nDate: $date-5"},
			{after: 2 * time.Second, cached: true, has: "Age: 7"},
		},
	})
}

func TestRFC9111s53ExpiresDates(t *testing.T) {
	for value, cached := range map[string]bool{
		"Tue, 19 Jan 2038 14:14:08 GMT":    true,
		"Sun, 21 Nov 2286 04:46:39 GMT":    true,
		"Thursday, 18-Aug-50 02:01:18 GMT": true,
		"Thu Aug  8 02:01:18 2050":         true,
		"THU, 18 Aug 2050 02:01:18 GMT":    true,
		"Thu, 18 AUG 2050 02:01:18 GMT":    true,
		"Thu, 18 Aug 2050 02:01:18 gMT":    true,
		"Mon, 18 Aug 2050 02:01:18 GMT":    true,
		"Thu, 18 Aug 2050 02:01:18 UTC":    false,
		"Thu, 18 Aug 2050 02:01:18 AEST":   false,
		"Thu, 18 Aug 50 02:01:18 GMT":      false,
		"Thu 18 Aug 2050 02:01:18 GMT":     false,
		"Thu, 18  Aug  2050 02:01:18 GMT":  false,
		"Thu, 18-Aug-2050 02:01:18 GMT":    false,
		"Thu, 18 Aug 2050 02.01.18 GMT":    false,
		"Thu, 18 Aug 2050 2:01:18 GMT":     false,
		"Thu, 32 Aug 2050 02:01:18 GMT":    false,
		"-1":                               false,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			play(t, twice("Date: $date\nExpires: "+value, cached))
		})
	}
}

func TestRFC9111s422Heuristics(t *testing.T) {
	scenarios := map[string][]step{
		"never without Last-Modified":    {{status: 404}, {status: 404}},
		"a tenth of the age":             {{reply: "Last-Modified: $date-100\nDate: $date"}, {after: 9 * time.Second, cached: true}, {after: 2 * time.Second}},
		"a day at most":                  {{reply: "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\nDate: $date"}, {after: 23 * time.Hour, cached: true}, {after: 2 * time.Hour}},
		"Expires rules them out":         {{reply: "Last-Modified: $date-1000\nDate: $date\nExpires: $date"}, {}},
		"max-age=0 rules them out":       {{reply: "Last-Modified: $date-1000\nCache-Control: max-age=0"}, {}},
		"public makes any status usable": {{status: 599, reply: "Last-Modified: $date-86400\nCache-Control: public"}, {cached: true, want: 599}},
	}
	for _, status := range []int{200, 203, 204, 404, 405, 410, 414, 501} {
		scenarios[strconv.Itoa(status)] = []step{{status: status, reply: "Last-Modified: $date-86400\nDate: $date"}, {cached: true, want: status}}
	}
	for _, status := range []int{201, 202, 403, 502, 503, 504, 599} {
		scenarios[strconv.Itoa(status)] = []step{{status: status, reply: "Last-Modified: $date-86400\nDate: $date"}, {status: status}}
	}
	playAll(t, scenarios)
}

func TestRFC9213TargetedFields(t *testing.T) {
	playAll(t, map[string][]step{
		"max-age":                    twice("CDN-Cache-Control: max-age=3600", true),
		"huge":                       twice("CDN-Cache-Control: max-age=99999999999", true),
		"Age counts":                 twice("CDN-Cache-Control: max-age=3600\nAge: 7200", false),
		"max-age=0":                  twice("CDN-Cache-Control: max-age=0\nExpires: $date+1000\nDate: $date", false),
		"negative":                   twice("CDN-Cache-Control: max-age=-1\nCache-Control: max-age=3600", false),
		"extension":                  twice("CDN-Cache-Control: foobar, max-age=3600", true),
		"overrides Expires":          twice("CDN-Cache-Control: max-age=3600\nExpires: $date-1000\nDate: $date", true),
		"overrides invalid Expires":  twice("CDN-Cache-Control: max-age=3600\nExpires: 0\nDate: $date", true),
		"overrides a short max-age":  twice("Cache-Control: max-age=1\nCDN-Cache-Control: max-age=3600", true),
		"overrides a long max-age":   twice("Cache-Control: max-age=3600\nCDN-Cache-Control: max-age=1", false),
		"overrides no-store":         twice("Cache-Control: no-store\nCDN-Cache-Control: max-age=3600", true),
		"private":                    twice("CDN-Cache-Control: private\nCache-Control: max-age=3600\nExpires: $date+3600", false),
		"no-cache":                   twice("CDN-Cache-Control: no-cache\nCache-Control: max-age=3600", false),
		"no-store":                   twice("CDN-Cache-Control: no-store\nCache-Control: max-age=3600", false),
		"false is absent":            twice("CDN-Cache-Control: no-store=?0, max-age=3600\nCache-Control: no-store", true),
		"parameters are ignored":     twice("CDN-Cache-Control: max-age=3600;a=1;b\nCache-Control: no-store", true),
		"the last of a repeated key": twice("CDN-Cache-Control: max-age=1\nCDN-Cache-Control: max-age=3600", true),
		"our own before CDN's":       twice("Example-Cache-Control: max-age=3600\nCDN-Cache-Control: no-store", true),
		"heuristics beside it":       twice("CDN-Cache-Control: foo\nLast-Modified: $date-86400\nETag: \"a\"\nExpires: $date-5", true),
		"ignored: empty":             twice("CDN-Cache-Control:\nCache-Control: max-age=3600", true),
		"ignored: not a dictionary":  twice("CDN-Cache-Control: max-age=3600, &&&&&\nCache-Control: no-store", false),
		"ignored: wrong type":        twice("CDN-Cache-Control: max-age=\"3600\"\nCache-Control: no-store", false),
		"ignored: decimal":           twice("CDN-Cache-Control: max-age=3600.5\nCache-Control: no-store", false),
		"ignored: upper case":        twice("CDN-Cache-Control: MaX-aGe=3600\nCache-Control: no-store", false),
		"ignored: blank before =":    twice("CDN-Cache-Control: max-age =3600\nCache-Control: max-age=1", false),
		"ignored: blank after =":     twice("CDN-Cache-Control: max-age= 3600\nCache-Control: max-age=1", false),
		"ignored: trailing comma":    twice("CDN-Cache-Control: max-age=3600,\nCache-Control: no-store", false),
		"is passed on":               {{reply: "CDN-Cache-Control: foo\nCache-Control: max-age=100", has: "CDN-Cache-Control: foo"}},
	})
}

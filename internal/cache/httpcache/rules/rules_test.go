package rules

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestRFC9110s567Dates(t *testing.T) {
	t.Parallel()
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for in, ok := range map[string]bool{
		"Sun, 06 Nov 1994 08:49:37 GMT":  true,
		"Sunday, 06-Nov-94 08:49:37 GMT": true,
		"Sun Nov  6 08:49:37 1994":       true,
		"Sun Nov 06 08:49:37 1994":       true,
		"sUN, 06 nOV 1994 08:49:37 gmt":  true,
		"Mon, 06 Nov 1994 08:49:37 GMT":  true, // the wrong weekday
		"Xxx, 06 Nov 1994 08:49:37 GMT":  false,
		"Sun, 6 Nov 1994 08:49:37 GMT":   false,
		"Sun, 06 Nov 1994 8:49:37 GMT":   false,
		"Sun, 06 Nov 1994 08:49:37":      false,
		"Sun, 06 Nov 1994 08:49:37 +000": false,
		"Sun, 06 Nov 1994 24:49:37 GMT":  false,
		"Sun, 31 Feb 1994 08:49:37 GMT":  false,
		"Sun,  06 Nov 1994 08:49:37 GMT": false,
		"Sun Nov 6 08:49:37 1994":        false,
		"Sun, 06-Nov-94 08:49:37 GMT":    false, // the short weekday of another form
		"0":                              false,
		"":                               false,
	} {
		got, valid := parseDate(in, noon)
		if valid != ok || ok && !got.Equal(want) {
			t.Errorf("%q: %v, %v", in, got, valid)
		}
	}
	for in, year := range map[string]int{"Sunday, 06-Nov-76 08:49:37 GMT": 2076, "Sunday, 06-Dec-76 08:49:37 GMT": 1976, "Sunday, 06-Nov-99 08:49:37 GMT": 1999, "Sunday, 06-Nov-00 08:49:37 GMT": 2000} {
		if got, _ := parseDate(in, noon); got.Year() != year {
			t.Errorf("%s is in %d, want %d", in, got.Year(), year)
		}
	}
	if got, _ := parseDate("Sunday, 06-Nov-05 08:49:37 GMT", noon.AddDate(70, 0, 0)); got.Year() != 2105 {
		t.Errorf("seen from 2096, 05 is %d", got.Year())
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 31 Feb 1994 23:59:60 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseDate(s, noon)
		if !ok {
			return
		}
		again, ok := parseDate(FormatDate(got), noon)
		if !ok || !again.Equal(got) {
			t.Fatalf("%q is %v, which comes back as %v, %v", s, got, again, ok)
		}
		// net/http reads whatever passes here the same way, if it reads it at all, except for the century of two-digit
		// years.
		if std, err := http.ParseTime(s); err == nil && strings.Count(s, "-") != 2 && !std.Equal(got) {
			t.Fatalf("%q: %v, net/http says %v", s, got, std)
		}
	})
}

func TestRFC9111s52Directives(t *testing.T) {
	t.Parallel()
	ds := ParseDirectives([]string{`a, B=1,, c="x, y" ,d= 2`, `e="\"z", f`})
	want := directives{
		{name: "a"},
		{name: "b", value: "1", has: true},
		{name: "c", value: "x, y", has: true},
		{name: "d", value: " 2", has: true, bad: true},
		{name: "e", value: `"z`, has: true},
		{name: "f"},
	}
	if !slices.Equal(ds, want) {
		t.Errorf("got %+v, want %+v", ds, want)
	}
}

func FuzzDirectives(f *testing.F) {
	for _, s := range []string{`max-age=60, private="a, b", x="\"`, `no-cache`, `a=,=b,"`, "max-age=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ds := ParseDirectives([]string{s})
		if len(ds) > len(s) {
			t.Fatalf("%q has %d members", s, len(ds))
		}
		p := policyOfDirectives(ds)
		for _, o := range []optional{p.maxAge, p.sMaxAge, p.StaleIfError, p.StaleWhileRevalidate} {
			if o.N < 0 || o.N > maxDelta {
				t.Fatalf("%q: %+v", s, o)
			}
		}
		RequestPolicyOf(http.Header{"Cache-Control": {s}})
	})
}

func TestRFC9651Dictionaries(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`a, b=1, c=?0`:                         "a b c",
		`a=1,a=2`:                              "a",
		`a;x=1;y, b="q\"\\"`:                   "a b",
		`*a-_.*9=tok/en:1`:                     "*a-_.*9",
		`a=(1 2;x "3");y=1, b=()`:              "a b",
		`a=:aGk=:, b=@12, c=1.5, d=%"x%c3%a9"`: "a b c d",
		`a=-999999999999999`:                   "a",
		``:                                     "",
		"a \t, \tb":                            "a b",
		`A`:                                    "!",
		`a=`:                                   "!",
		`a,`:                                   "!",
		`a,,b`:                                 "!",
		`a b`:                                  "!",
		`a =1`:                                 "!",
		`a= 1`:                                 "!",
		`a=1.`:                                 "!",
		`a=1.2345`:                             "!",
		`a=1000000000000000`:                   "!",
		`a="é"`:                                "!",
		`a="x`:                                 "!",
		`a=?2`:                                 "!",
		`a=:%:`:                                "!",
		`a=@1.5`:                               "!",
		`a=(1`:                                 "!",
		`a=(1"2")`:                             "!",
		`a=%"%C3"`:                             "!",
		`a;`:                                   "!",
		`&`:                                    "!",
	} {
		members, ok := parseDictionary([]string{in})
		var keys []string
		for _, m := range members {
			keys = append(keys, m.key)
		}
		got := strings.Join(keys, " ")
		if !ok {
			got = "!"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	m, _ := parseDictionary([]string{`a=1`, `b="x\"y";p, c=?1, a=-7`})
	if m[0].item.num != -7 || m[1].item.text != `x"y` || !m[2].item.flag {
		t.Errorf("%+v", m)
	}
}

func FuzzDictionary(f *testing.F) {
	for _, s := range []string{`a, b=1;c, d=?0`, `a=(1 "2" t;x=:aa==:)`, `a=@1, b=%"x%c3"`, `max-age=3600, &`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		members, ok := parseDictionary([]string{s})
		seen := map[string]bool{}
		for _, m := range members {
			if !ok || m.key == "" || seen[m.key] {
				t.Fatalf("%q: %+v, %v", s, members, ok)
			}
			seen[m.key] = true
		}
		if p, ok := targetedPolicy([]string{s}); ok && (p.maxAge.N < 0 || p.maxAge.N > maxDelta) {
			t.Fatalf("%q: %+v", s, p.maxAge)
		}
	})
}

func FuzzRanges(f *testing.F) {
	f.Add("bytes=0-4", "bytes 0-4/10", "0123456789")
	f.Add("bytes=-1", "bytes 4-9/10", "01234")
	f.Add("bytes=9223372036854775807-", "bytes 9223372036854775800-9223372036854775806/*", "x")
	f.Fuzz(func(t *testing.T, r, cr, body string) {
		s, ok := ParseRange(r)
		if !ok {
			return
		}
		if cut := SliceComplete([]byte(body), s); cut.OK && !cut.None && body[cut.Part.first:cut.Part.last+1] != string(cut.Body) {
			t.Fatalf("%q of %q: %+v", r, body, cut)
		}
		if have, ok := ParseContentRange(cr); ok {
			if cut := SlicePart([]byte(body), have, s); cut.OK && (!strings.Contains(body, string(cut.Body)) || int64(len(cut.Body)) != cut.Part.last-cut.Part.first+1 && s.suffix == 0) {
				t.Fatalf("%q of %q holding %q: %+v", r, cr, body, cut)
			}
			joined, p, ok := Combine([]byte(body), have, []byte(body), have)
			if ok && (string(joined) != body || p != have) {
				t.Fatalf("a part joined with itself is %q", joined)
			}
		}
	})
}

func FuzzETags(f *testing.F) {
	f.Add(`"a", W/"b" ,"c"`, `"b"`)
	f.Add(`*`, ``)
	f.Fuzz(func(t *testing.T, list, etag string) {
		_, _, ok := parseETag(etag)
		if anyMatches([]string{list}, etag) && !ok && TrimOWS(list) != "*" {
			t.Fatalf("%q matches %q, which is no entity-tag", list, etag)
		}
		if ok && !anyMatches([]string{`"-", ` + TrimOWS(etag)}, etag) {
			t.Fatalf("%q does not match itself in a list", etag)
		}
	})
}

func FuzzLanguages(f *testing.F) {
	f.Add("en, de;q=0.5", "de-CO")
	f.Fuzz(func(t *testing.T, accept, content string) {
		members := listMembers([]string{accept})
		slices.Reverse(members)
		if a, b := normalLanguages(listMembers([]string{accept})), normalLanguages(members); a != b {
			t.Fatalf("%q is %q, and %q the other way round", accept, a, b)
		}
		Prefers([]string{accept}, content)
	})
}

func TestRFC9110s1253Codings(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]Coding{
		"-": Identity, "": Identity, "gzip": Gzipped, "br": Brotlied, "gzip, deflate, br, zstd": Brotlied,
		"gzip;q=1.0, br;q=0.5": Gzipped, "br;q=0, gzip": Gzipped, "gzip;q=0": Identity, "*": Brotlied,
		"*;q=0": Identity, "*;q=0, gzip;q=0.1": Gzipped, "identity": Identity, "identity, gzip;q=0.5": Identity,
		"identity;q=0.5, gzip;q=0.5": Gzipped, "GZIP": Gzipped, "x-gzip": Gzipped, "deflate": Identity, "gzip;q=x": Gzipped,
		"*;q=0.5, br;q=0": Gzipped, " gzip ; q=0.8 , br ; q=0.9": Brotlied,
	} {
		lines := []string{accept}
		if accept == "-" {
			lines = nil
		}
		if got := Negotiate(lines); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}

func FuzzCodings(f *testing.F) {
	f.Add("gzip;q=0.5, br, *;q=0")
	f.Fuzz(func(t *testing.T, s string) {
		if c := Negotiate([]string{s}); c >= Codings {
			t.Fatalf("%q: %d", s, c)
		}
	})
}

func TestDeltaSeconds(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{"0": 0, "003600": 3600, "2147483647": 1<<31 - 1, "2147483648": 1 << 31, "2147483649": 1 << 31, strings.Repeat("9", 99): 1 << 31, "": -1, "-1": -1, "1.0": -1, "1a": -1, " 1": -1} {
		n, ok := parseDelta(in)
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d, %v", in, n, ok)
		}
	}
}

package proxy

import (
	"strconv"
	"testing"
	"time"

	"openlearn/internal/cache/httpcache/rules"
)

const fresh100 = "Cache-Control: max-age=100\nDate: $date"

func TestRFC9111s3Storing(t *testing.T) {
	playAll(t, map[string][]step{
		"no-store":                         twice("Cache-Control: no-store, max-age=100", false),
		"no-store in any case":             twice("Cache-Control: No-StOrE, max-age=100", false),
		"an older response stays":          {{reply: fresh100 + "\nA: 1"}, {send: "Cache-Control: no-cache", reply: "Cache-Control: no-store\nA: 2"}, {cached: true, has: "A: 1"}},
		"private":                          twice("Cache-Control: private, max-age=100", false),
		"private fields are not stored":    {{reply: "Cache-Control: max-age=100, private=\"a, B\"\nA: 1\nB: 2\nC: 3", has: "A: 1"}, {cached: true, has: "C: 3", hasNot: "A B"}},
		"no-cache is stored and validated": {{reply: "Cache-Control: no-cache, max-age=100\nETag: \"a\""}, {status: 304, asked: `If-None-Match: "a"`, want: 200, wantBody: "body"}},
		"no-cache without validator":       twice("Cache-Control: no-cache, max-age=100", false),
		"no-cache fields are not reused":   {{reply: "Cache-Control: max-age=100\nCache-Control: no-cache=\"a, b\"\nA: 1\nB: 2\nC: 3"}, {cached: true, has: "C: 3", hasNot: "A B"}},
		"must-understand: understood":      twice("Cache-Control: max-age=100, no-store, must-understand", true),
		"must-understand: not understood":  {{status: 599, reply: "Cache-Control: max-age=100, no-store, must-understand"}, {}},
		"must-understand without no-store": {{status: 599, reply: "Cache-Control: max-age=100, must-understand"}, {}},
		"request no-store":                 {{send: "Cache-Control: no-store", reply: fresh100}, {}},
		"a cookie in the request":          {{reply: fresh100}, {send: "Cookie: a=b", cached: true}},
		"Set-Cookie":                       {{reply: fresh100 + "\nSet-Cookie: a=b"}, {cached: true, has: "Set-Cookie: a=b"}},
		"another query is another entry":   {{url: "http://x.test/?a=1", reply: fresh100}, {url: "http://x.test/?a=2", reply: fresh100}, {url: "http://x.test/?a=1", cached: true}},
		"another host is another entry":    {{url: "http://x.test/", reply: fresh100}, {url: "http://y.test/"}},
		"too large":                        {{reply: fresh100, body: string(make([]byte, 5<<20))}, {}},
		"Date is added":                    {{reply: "Cache-Control: max-age=100"}, {cached: true, has: "Date: $date"}},
		"Date is not updated":              {{reply: "Cache-Control: max-age=100\nDate: Mon, 23 Nov 2026 11:59:50 GMT"}, {after: 5 * time.Second, cached: true, has: "Date: Mon, 23 Nov 2026 11:59:50 GMT"}},
		"fields that are not UTF-8":        {{reply: fresh100 + "\nETag: \"\xfc\""}, {send: "If-None-Match: \"\xfc\"", cached: true, want: 304, has: "ETag: \"\xfc\""}},
		"Cache-Status is appended to":      {{reply: fresh100 + "\nCache-Status: Origin; hit", has: "Cache-Status: Origin; hit, cache; fwd=uri-miss; fwd-status=200"}, {cached: true, has: "Cache-Status: Origin; hit, cache; hit; ttl=100"}},
	})
}

func TestRFC9111s35Authorization(t *testing.T) {
	with := func(reply string, cached bool) []step {
		return []step{{send: "Authorization: FOO", reply: reply, asked: "Authorization: FOO"}, {after: time.Second, cached: cached}}
	}
	playAll(t, map[string][]step{
		"never by itself": with("Cache-Control: max-age=100", false),
		"public":          with("Cache-Control: max-age=100, public", true),
		"must-revalidate": with("Cache-Control: max-age=100, must-revalidate", true),
		"s-maxage":        with("Cache-Control: s-maxage=100", true),
	})
}

func TestRFC9110s76ConnectionFields(t *testing.T) {
	playAll(t, map[string][]step{
		"listed":   {{reply: fresh100 + "\nConnection: a, B\nA: 1\nB: 2\nC: 3", has: "C: 3", hasNot: "A B Connection"}, {cached: true, has: "C: 3", hasNot: "A B Connection"}},
		"standard": {{reply: fresh100 + "\nKeep-Alive: 1\nProxy-Authenticate: 1\nProxy-Authentication-Info: 1\nProxy-Authorization: 1\nProxy-Connection: 1\nTE: 1\nUpgrade: 1\nTransfer-Encoding: X"}, {cached: true, hasNot: "Keep-Alive Proxy-Authenticate Proxy-Authentication-Info Proxy-Authorization Proxy-Connection TE Upgrade Transfer-Encoding"}},
		"the rest": {{reply: fresh100 + "\nContent-Foo: 1\nX-Y: 2\nContent-Security-Policy: 3\nClear-Site-Data: 4"}, {cached: true, has: "Content-Foo: 1\nX-Y: 2\nContent-Security-Policy: 3\nClear-Site-Data: 4"}},
	})
}

func TestRFC9111s41Vary(t *testing.T) {
	vary := func(vary, first, second string, cached bool) []step {
		return []step{{send: first, reply: fresh100 + "\nVary: " + vary}, {send: second, reply: fresh100 + "\nVary: " + vary, cached: cached}}
	}
	playAll(t, map[string][]step{
		"same":                     vary("Foo", "Foo: 1", "Foo: 1", true),
		"other":                    vary("Foo", "Foo: 1", "Foo: 2", false),
		"absent when stored":       vary("Foo", "", "Foo: 1", false),
		"absent now":               vary("Foo", "Foo: 1", "", false),
		"absent is not empty":      vary("Foo", "Foo:", "", false),
		"what is not listed":       vary("Foo", "Foo: 1\nBar: 1", "Foo: 1\nBar: 2", true),
		"two":                      vary("Foo, Bar", "Foo: 1\nBar: a", "Bar: a\nFoo: 1", true),
		"two, one other":           vary("Foo, Bar", "Foo: 1\nBar: a", "Foo: 1\nBar: b", false),
		"three, one absent":        vary("Foo, Bar, Baz", "Foo: 1\nBaz: 2", "Baz: 2\nFoo: 1", true),
		"*":                        vary("*", "", "", false),
		"*, *":                     vary("*, *", "", "", false),
		"Foo, *":                   vary("Foo, *", "Foo: 1", "Foo: 1", false),
		", *":                      vary(", *", "", "", false),
		"* on a second line":       vary("Foo\nVary: *", "Foo: 1", "Foo: 1", false),
		"lines are joined":         vary("Foo", "Foo: 1, 2", "Foo: 1\nFoo: 2", true),
		"white space":              vary("Foo", "Foo: 1,2", "Foo:  1 ,  2 ", true),
		"not inside strings":       vary("Foo", `Foo: "1,2"`, `Foo: "1, 2"`, false),
		"order matters":            vary("Foo", "Foo: 1, 2", "Foo: 2, 1", false),
		"languages: order":         vary("Accept-Language", "Accept-Language: en, de", "Accept-Language: de, en", true),
		"languages: case":          vary("Accept-Language", "Accept-Language: en, de", "Accept-Language: eN, De", true),
		"languages: space":         vary("Accept-Language", "Accept-Language: en, de", "Accept-Language:  en ,   de", true),
		"languages: weight":        vary("Accept-Language", "Accept-Language: en, de;q=0.5", "Accept-Language: de, en;q=0.5", false),
		"Content-Language selects": vary("Accept-Language\nContent-Language: de", "Accept-Language: en, de", "Accept-Language: fr;q=0.5, de;q=1.0", true),
		"only the best liked":      vary("Accept-Language\nContent-Language: de", "Accept-Language: en, de", "Accept-Language: fr, de;q=0.9", false),
		"and no tie":               vary("Accept-Language\nContent-Language: de", "Accept-Language: en, de", "Accept-Language: fr, de", false),
		"nor one listed first":     vary("Accept-Language\nContent-Language: de", "Accept-Language: en", "Accept-Language: de, fr", false),
		"and no other field":       vary("Accept-Language, Foo\nContent-Language: de", "Accept-Language: en\nFoo: 1", "Accept-Language: de\nFoo: 2", false),
		"several variants": {
			{send: "Foo: 1", reply: fresh100 + "\nVary: Foo", body: "one"},
			{send: "Foo: 2", reply: fresh100 + "\nVary: Foo", body: "two"},
			{send: "Foo: 1", cached: true, wantBody: "one"},
			{send: "Foo: 2", cached: true, wantBody: "two"},
		},
	})
	t.Run("Content-Language off", func(t *testing.T) {
		t.Parallel()
		play(t, vary("Accept-Language\nContent-Language: de", "Accept-Language: en, de", "Accept-Language: de", false),
			func(o *Options) { o.NoLanguageSelection = true })
	})
}

func TestRFC9111s43Validation(t *testing.T) {
	const etag = "\nETag: \"a\""
	modified := "\nLast-Modified: $date-3000"
	stale := func(reply, asked string) []step {
		return []step{{reply: "Cache-Control: max-age=2\nDate: $date\nVary: Abc" + reply, send: "Abc: 123"}, {after: 3 * time.Second, send: "Abc: 123", status: 304, asked: "Abc: 123\n" + asked, want: 200, wantBody: "body", has: "Age: 0"}}
	}
	playAll(t, map[string][]step{
		"strong":        stale(etag, `If-None-Match: "a"`),
		"weak":          stale("\nETag: W/\"a\"", `If-None-Match: W/"a"`),
		"Last-Modified": stale("\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT", "If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"),
		"none on another variant": {
			{reply: "Cache-Control: max-age=2\nVary: Abc" + etag, send: "Abc: 1"},
			{send: "Abc: 2", askedNot: "If-None-Match"},
		},
		"the client's own condition goes up on a miss": {{send: `If-None-Match: "x"`, asked: `If-None-Match: "x"`, status: 304, want: 304}},
		"and is replaced on validation": {
			{reply: "Cache-Control: max-age=2" + etag},
			{after: 3 * time.Second, send: `If-None-Match: "x"`, asked: `If-None-Match: "a"`, status: 304, want: 200, wantBody: "body"},
		},
		"a 304 updates": {
			{reply: "Cache-Control: max-age=2\nTest: A\nKept: 1\nContent-Encoding: x\nContent-Length: 4\nAge: 1" + etag},
			{after: 3 * time.Second, status: 304, reply: "Cache-Control: max-age=50\nTest: B\nContent-Encoding: y\nContent-Length: 9" + etag, want: 200, has: "Test: B\nKept: 1\nContent-Encoding: x\nContent-Length: 4\nAge: 0", wantBody: "body"},
			{after: 30 * time.Second, cached: true, has: "Test: B\nKept: 1\nAge: 30\nCache-Control: max-age=50", wantBody: "body"},
		},
		"a 304 about another representation does not": {
			{reply: "Cache-Control: max-age=2" + etag, body: "old"},
			{after: 3 * time.Second, status: 304, reply: "ETag: \"b\"", want: 304, asked: `If-None-Match: "a"`},
		},
		"200 replaces": {
			{reply: "Cache-Control: max-age=2" + etag, body: "old"},
			{after: 3 * time.Second, reply: "Cache-Control: max-age=20\nETag: \"b\"", body: "new", wantBody: "new"},
			{after: 3 * time.Second, cached: true, wantBody: "new", has: `ETag: "b"`},
		},
		"304 to the client: strong":        {{reply: fresh100 + etag}, {cached: true, send: `If-None-Match: "a"`, want: 304, wantBody: "-", has: `ETag: "a"`, hasNot: "Content-Length Content-Type"}},
		"304 to the client: weak":          {{reply: fresh100 + "\nETag: W/\"a\""}, {cached: true, send: `If-None-Match: "a"`, want: 304}},
		"304 to the client: list":          {{reply: fresh100 + etag}, {cached: true, send: `If-None-Match: "x", W/"y,z" ,"a"`, want: 304}},
		"304 to the client: *":             {{reply: fresh100}, {cached: true, send: `If-None-Match: *`, want: 304}},
		"not to another":                   {{reply: fresh100 + etag}, {cached: true, send: `If-None-Match: "b"`}},
		"not to what is no tag":            {{reply: fresh100 + etag}, {cached: true, send: `If-None-Match: a`}},
		"If-None-Match before the date":    {{reply: fresh100 + etag + modified}, {cached: true, send: "If-None-Match: \"a\"\nIf-Modified-Since: $date-9000", want: 304}},
		"304 by date":                      {{reply: fresh100 + modified}, {cached: true, send: "If-Modified-Since: $date-3000", want: 304}},
		"304 by a later date":              {{reply: fresh100 + modified}, {cached: true, send: "If-Modified-Since: $date-2000", want: 304}},
		"200 by an earlier date":           {{reply: fresh100 + modified}, {cached: true, send: "If-Modified-Since: $date-4000"}},
		"304 by Date, no Last-Modified":    {{reply: fresh100}, {after: 5 * time.Second, cached: true, send: "If-Modified-Since: $date-2", want: 304}},
		"200 where Date is later (§4.3.2)": {{reply: fresh100}, {cached: true, send: "If-Modified-Since: $date-3000"}},
		"304 after validation":             {{reply: "Cache-Control: max-age=2" + modified}, {after: 3 * time.Second, status: 304, send: "If-Modified-Since: $date-3000", want: 304}},
		"If-Match is the origin's":         {{reply: fresh100 + etag}, {send: `If-Match: "b"`, status: 412, asked: `If-Match: "b"`}},
	})
}

func TestRFC9111s424Stale(t *testing.T) {
	forbidden := func(directive string) []step {
		return []step{{reply: "Cache-Control: max-age=2, " + directive}, {after: 3 * time.Second, down: true, want: 502}}
	}
	playAll(t, map[string][]step{
		"upstream away":             {{reply: "Cache-Control: max-age=2"}, {after: 3 * time.Second, down: true, want: 200, wantBody: "body", xcache: rules.Stale}},
		"must-revalidate":           forbidden("must-revalidate"),
		"proxy-revalidate":          forbidden("proxy-revalidate"),
		"s-maxage":                  forbidden("s-maxage=2"),
		"no-cache":                  {{reply: "Cache-Control: max-age=2, no-cache\nETag: \"a\""}, {after: 3 * time.Second, down: true, want: 502}},
		"an error is an answer":     {{reply: "Cache-Control: max-age=2"}, {after: 3 * time.Second, status: 503}},
		"stale-if-error":            {{reply: "Cache-Control: max-age=2, stale-if-error=60"}, {after: 3 * time.Second, status: 503, want: 200, xcache: rules.Stale}, {after: 3 * time.Second, down: true, want: 200}, {after: time.Minute, down: true, want: 502}},
		"stale-while-revalidate":    {{reply: "Cache-Control: max-age=1, stale-while-revalidate=60\nETag: \"a\"", body: "old"}, {after: 3 * time.Second, cached: true, behind: true, reply: "Cache-Control: max-age=9", body: "new", wantBody: "old", xcache: rules.Stale}, {cached: true, wantBody: "new"}},
		"refreshed by a 304":        {{reply: "Cache-Control: max-age=1, stale-while-revalidate=60\nETag: \"a\"", body: "old"}, {after: 3 * time.Second, cached: true, behind: true, status: 304, want: 200, reply: "Cache-Control: max-age=9", wantBody: "old", xcache: rules.Stale}, {cached: true, wantBody: "old", xcache: rules.Hit}},
		"refreshed by what expires": {{reply: "Cache-Control: max-age=1, stale-while-revalidate=4\nETag: \"a\"", body: "old"}, {after: 3 * time.Second, cached: true, behind: true, reply: "Cache-Control: no-cache\nETag: \"b\"", body: "new", wantBody: "old", xcache: rules.Stale}, {after: time.Second, asked: `If-None-Match: "b"`, status: 304, want: 200, wantBody: "new"}},
		"and its window":            {{reply: "Cache-Control: max-age=1, stale-while-revalidate=4\nETag: \"a\""}, {after: 6 * time.Second}},
		"must-revalidate is obeyed": {{reply: "Cache-Control: max-age=2, must-revalidate\nETag: \"a\""}, {cached: true}, {after: 3 * time.Second, status: 304, want: 200, asked: `If-None-Match: "a"`}},
		"a client may take stale":   {{reply: "Cache-Control: max-age=1"}, {after: 3 * time.Second, cached: true, send: "Cache-Control: max-stale=10", xcache: rules.Stale}, {after: 10 * time.Second, send: "Cache-Control: max-stale=10"}},
		"any stale":                 {{reply: "Cache-Control: max-age=1"}, {after: time.Hour, cached: true, send: "Cache-Control: max-stale", xcache: rules.Stale}},
		"unless it is forbidden":    {{reply: "Cache-Control: max-age=1, must-revalidate"}, {after: 3 * time.Second, send: "Cache-Control: max-stale=10"}},
		"not for ever":              {{reply: "Cache-Control: max-age=1"}, {after: 3 * time.Second, down: true, want: 200}},
	})
}

func TestRFC9111s521RequestDirectives(t *testing.T) {
	playAll(t, map[string][]step{
		"no-cache":           {{reply: fresh100 + "\nETag: \"a\""}, {send: "Cache-Control: no-cache", status: 304, want: 200, asked: `If-None-Match: "a"`}},
		"max-age":            {{reply: fresh100}, {after: 5 * time.Second, send: "Cache-Control: max-age=5", cached: true}, {after: time.Second, send: "Cache-Control: max-age=5"}},
		"min-fresh":          {{reply: fresh100}, {send: "Cache-Control: min-fresh=100", cached: true}, {send: "Cache-Control: min-fresh=101"}},
		"only-if-cached":     {{send: "Cache-Control: only-if-cached", cached: true, want: 504, xcache: rules.Miss}},
		"only-if-cached, is": {{reply: fresh100}, {send: "Cache-Control: only-if-cached", cached: true}},
	})
}

func TestRFC9111s44Invalidation(t *testing.T) {
	scenarios := map[string][]step{
		"another origin stays": {{url: "http://x.test/b", reply: fresh100}, {method: "POST", url: "http://x.test/a", reply: "Location: http://y.test/b"}, {url: "http://x.test/b", cached: true}},
		"an unknown method":    {{reply: fresh100}, {method: "FROB"}, {}},
		"OPTIONS does not":     {{reply: fresh100}, {method: "OPTIONS"}, {cached: true}},
		"a redirect does":      {{reply: fresh100}, {method: "POST", status: 303}, {}},
		"a variant goes too":   {{send: "A: 1", reply: fresh100 + "\nVary: A"}, {method: "POST", send: "A: 2"}, {send: "A: 1"}},
	}
	for _, m := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH"} {
		scenarios[m] = []step{{reply: fresh100}, {method: m}, {}}
		scenarios[m+" failed"] = []step{{reply: fresh100}, {method: m, status: 500}, {cached: true}}
		scenarios[m+" Location"] = []step{{url: "http://x.test/b", reply: fresh100}, {method: m, url: "http://x.test/a", reply: "Location: b"}, {url: "http://x.test/b"}}
		scenarios[m+" Content-Location"] = []step{{url: "http://x.test/b", reply: fresh100}, {method: m, url: "http://x.test/a", reply: "Content-Location: /b"}, {url: "http://x.test/b"}}
	}
	playAll(t, scenarios)
}

func TestRFC9110s933PostContentLocation(t *testing.T) {
	const explicit = "Expires: $date+1000\nDate: $date\n"
	playAll(t, map[string][]step{
		"of itself":             {{method: "POST", reply: explicit + "Content-Location: /a", body: "made"}, {cached: true, wantBody: "made"}},
		"of another":            {{method: "POST", reply: explicit + "Content-Location: /b"}, {}},
		"none":                  {{method: "POST", reply: explicit}, {}},
		"no explicit freshness": {{method: "POST", reply: "Last-Modified: $date-86400\nContent-Location: /a"}, {}},
		"not PUT":               {{method: "PUT", reply: explicit + "Content-Location: /a"}, {}},
		"not for another POST":  {{method: "POST", reply: explicit + "Content-Location: /a"}, {method: "POST"}},
		"replaces what was":     {{reply: fresh100, body: "old"}, {method: "POST", reply: explicit + "Content-Location: /a", body: "new"}, {cached: true, wantBody: "new"}},
	})
}

func TestRFC9111s435Head(t *testing.T) {
	playAll(t, map[string][]step{
		"from GET":                  {{reply: fresh100, body: "12345"}, {method: "HEAD", cached: true, wantBody: "-", has: "Content-Length: 5"}},
		"is not stored":             {{method: "HEAD", reply: fresh100}, {}},
		"goes up when stale":        {{reply: "Cache-Control: max-age=2"}, {after: 3 * time.Second, method: "HEAD", wantBody: "-"}},
		"freshens":                  {{reply: "Cache-Control: max-age=2\nETag: \"a\"\nT: 1"}, {after: 3 * time.Second, method: "HEAD", reply: "Cache-Control: max-age=50\nETag: \"a\"\nT: 2"}, {after: 3 * time.Second, cached: true, wantBody: "body", has: "T: 2"}},
		"retires what changed":      {{reply: "Cache-Control: max-age=50\nETag: \"a\""}, {method: "HEAD", send: "Cache-Control: no-cache", reply: "ETag: \"b\""}, {}},
		"retires by another length": {{reply: "Cache-Control: max-age=50"}, {method: "HEAD", send: "Cache-Control: no-cache", reply: "Content-Length: 77"}, {}},
	})
}

func TestRFC9111s34Ranges(t *testing.T) {
	const whole = "0123456789A"
	of := func(send, body, contentRange string) []step {
		return []step{{reply: fresh100 + "\nA: 1", body: whole}, {cached: true, send: "Range: " + send, want: 206, wantBody: body, has: "A: 1\nContent-Length: " + strconv.Itoa(len(body)) + "\nContent-Range: " + contentRange}}
	}
	part := func(contentRange string) step {
		return step{send: "Range: bytes=0-", status: 206, reply: fresh100 + "\nETag: \"a\"\nContent-Range: " + contentRange, body: "01234"}
	}
	playAll(t, map[string][]step{
		"first and last":          of("bytes=0-1", "01", "bytes 0-1/11"),
		"to the end":              of("bytes=1-", "123456789A", "bytes 1-10/11"),
		"beyond the end":          of("bytes=9-99", "9A", "bytes 9-10/11"),
		"suffix":                  of("bytes=-1", "A", "bytes 10-10/11"),
		"long suffix":             of("bytes=-99", whole, "bytes 0-10/11"),
		"outside":                 {{reply: fresh100, body: whole}, {cached: true, send: "Range: bytes=11-", want: 416, wantBody: "-", has: "Content-Range: bytes */11"}},
		"several are ignored":     {{reply: fresh100, body: whole}, {cached: true, send: "Range: bytes=0-1,4-5", wantBody: whole}},
		"other units are":         {{reply: fresh100, body: whole}, {cached: true, send: "Range: lines=0-1", wantBody: whole}},
		"HEAD has none":           {{reply: fresh100, body: whole}, {cached: true, method: "HEAD", send: "Range: bytes=0-1"}},
		"not of a 404":            {{status: 404, reply: fresh100, body: whole}, {cached: true, send: "Range: bytes=0-1", want: 404, wantBody: whole}},
		"304 before the range":    {{reply: fresh100 + "\nETag: \"a\"", body: whole}, {cached: true, send: "Range: bytes=0-1\nIf-None-Match: \"a\"", want: 304}},
		"If-Range holds":          {{reply: fresh100 + "\nETag: \"a\"", body: whole}, {cached: true, send: "Range: bytes=0-1\nIf-Range: \"a\"", want: 206}},
		"If-Range does not":       {{reply: fresh100 + "\nETag: \"a\"", body: whole}, {cached: true, send: "Range: bytes=0-1\nIf-Range: \"b\"", wantBody: whole}},
		"If-Range is strong":      {{reply: fresh100 + "\nETag: W/\"a\"", body: whole}, {cached: true, send: "Range: bytes=0-1\nIf-Range: W/\"a\"", wantBody: whole}},
		"If-Range by date":        {{reply: fresh100 + "\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT", body: whole}, {cached: true, send: "Range: bytes=0-1\nIf-Range: Wed, 01 Jan 2020 00:00:00 GMT", want: 206}},
		"slices after validation": {{reply: "Cache-Control: max-age=2\nETag: \"a\"", body: whole}, {after: 3 * time.Second, send: "Range: bytes=2-3", status: 304, want: 206, wantBody: "23", askedNot: "Range"}},

		"of a part: inside":        {part("bytes 4-8/10"), {cached: true, send: "Range: bytes=6-8", want: 206, wantBody: "234", has: "Content-Range: bytes 6-8/10"}},
		"of a part: to its end":    {part("bytes 5-9/10"), {cached: true, send: "Range: bytes=7-", want: 206, wantBody: "234", has: "Content-Range: bytes 7-9/10"}},
		"of a part: suffix":        {part("bytes 5-9/10"), {cached: true, send: "Range: bytes=-2", want: 206, wantBody: "34"}},
		"of a part: not before":    {part("bytes 4-8/10"), {send: "Range: bytes=3-5", status: 206, reply: "Content-Range: bytes 3-5/10", asked: "Range: bytes=3-5"}},
		"of a part: not after":     {part("bytes 4-8/10"), {send: "Range: bytes=8-9", status: 206, reply: "Content-Range: bytes 8-9/10"}},
		"of a part: not its end":   {part("bytes 4-8/10"), {send: "Range: bytes=6-", status: 206, reply: "Content-Range: bytes 6-9/10"}},
		"of a part: no suffix":     {part("bytes 4-8/10"), {send: "Range: bytes=-1", status: 206, reply: "Content-Range: bytes 9-9/10"}},
		"of a part: long suffix":   {part("bytes 5-9/10"), {send: "Range: bytes=-7", status: 206, reply: "Content-Range: bytes 3-9/10"}},
		"a part shorter than told": {part("bytes 4-9/10"), {cached: true, send: "Range: bytes=6-8", want: 206, wantBody: "234"}, {cached: true, send: "Range: bytes=-5", want: 206, wantBody: "01234"}, {cached: true, send: "Range: bytes=-1", want: 206, wantBody: "4"}},
		"a part without range":     {{send: "Range: bytes=0-", status: 206, reply: fresh100}, {send: "Range: bytes=0-", status: 206}},

		"a part is completed": {
			part("bytes 0-4/10"),
			{status: 206, asked: "Range: bytes=5-\nIf-Range: \"a\"", reply: "Cache-Control: max-age=100\nETag: \"a\"\nContent-Range: bytes 5-9/10\nNew: 1", body: "56789", want: 200, wantBody: "0123456789", has: "New: 1\nContent-Length: 10", hasNot: "Content-Range"},
			{cached: true, wantBody: "0123456789"},
		},
		"from its beginning": {
			part("bytes 5-9/10"),
			{status: 206, asked: "Range: bytes=0-4", reply: fresh100 + "\nETag: \"a\"\nContent-Range: bytes 0-4/10", body: "abcde", want: 200, wantBody: "abcde01234"},
		},
		"the upstream sends all": {
			part("bytes 0-4/10"),
			{asked: "Range: bytes=5-", reply: fresh100 + "\nETag: \"b\"", body: "whole", wantBody: "whole"},
			{cached: true, wantBody: "whole"},
		},
		"parts grow together": {
			part("bytes 0-4/10"),
			{send: "Range: bytes=5-7", status: 206, reply: fresh100 + "\nETag: \"a\"\nContent-Range: bytes 5-7/10", body: "567"},
			{cached: true, send: "Range: bytes=3-6", want: 206, wantBody: "3456"},
		},
		"not of other representations": {
			part("bytes 0-4/10"),
			{send: "Range: bytes=5-7", status: 206, reply: fresh100 + "\nETag: \"b\"\nContent-Range: bytes 5-7/10", body: "567"},
			{send: "Range: bytes=3-6", status: 206},
		},
	})
}

// TestRestOfAnotherRepresentation: the rest that comes belongs to another representation, so all is fetched again.
func TestRestOfAnotherRepresentation(t *testing.T) {
	t.Parallel()
	play(t, []step{
		{send: "Range: bytes=0-", status: 206, reply: fresh100 + "\nETag: \"a\"\nContent-Range: bytes 0-4/10", body: "01234"},
		{status: 206, reply: fresh100 + "\nETag: \"b\"\nContent-Range: bytes 5-9/10", body: "56789", want: 206, asked: "Range: bytes=5-"},
	})
}

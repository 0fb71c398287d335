package proxy

import "testing"

// TestRFC9111s431OtherVariantsAreOffered: where no variant matches, the upstream is told which ones there are, and may choose.
func TestRFC9111s431OtherVariantsAreOffered(t *testing.T) {
	const vary = "Cache-Control: max-age=60\nVary: X-Kind\n"
	a := step{send: "X-Kind: a", reply: vary + `ETag: "1"` + "\nX-Of: a", body: "one"}
	b := step{send: "X-Kind: b", reply: vary + `ETag: "2"` + "\nX-Of: b", body: "two", askedNot: "If-None-Match"}
	weak := step{send: "X-Kind: w", reply: vary + `ETag: W/"3"`, body: "weak"}
	both := `If-None-Match: "2", "1"`
	gzip := func(n string) step {
		return step{send: "Accept-Encoding: gzip\nX-Kind: " + n, reply: vary + `Content-Encoding: gzip` + "\nETag: \"" + n + "\"", body: "coded " + n}
	}
	playAll(t, map[string][]step{
		"the chosen one is the answer": {
			a, b,
			{send: "X-Kind: c", status: 304, reply: vary + `ETag: "1"` + "\nX-Of: c", asked: both, want: 200, wantBody: "one", has: "X-Of: c", xcache: "HIT"},
			{send: "X-Kind: c", cached: true, wantBody: "one"},
			{send: "X-Kind: b", cached: true, wantBody: "two"},
			{send: "X-Kind: a", cached: true, wantBody: "one", has: "X-Of: a"},
		},
		"or none of them": {
			a, b,
			{send: "X-Kind: c", reply: vary + `ETag: "3"`, body: "three", asked: both, wantBody: "three", xcache: "MISS"},
			{send: "X-Kind: c", cached: true, wantBody: "three"},
		},
		"beside what the client has": {
			a, b,
			{send: "X-Kind: c\nIf-None-Match: \"9\"", status: 304, reply: vary + `ETag: "9"`, asked: `If-None-Match: "9", "2", "1"`, want: 304},
			{send: "X-Kind: c\nIf-None-Match: \"9\"", status: 304, reply: vary + `ETag: "1"`, asked: `If-None-Match: "9", "2", "1"`, want: 200, wantBody: "one"},
		},
		"the client has it": {
			a, b,
			{send: "X-Kind: c\nIf-None-Match: \"1\"", status: 304, reply: vary + `ETag: "1"`, want: 304},
			{send: "X-Kind: c", cached: true, wantBody: "one"},
		},
		"not for what is expired only": {a, {after: 61e9, send: "X-Kind: a", status: 304, reply: vary + `ETag: "1"`, asked: `If-None-Match: "1"`, want: 200, wantBody: "one"}},
		"a 304 that names nothing": {
			a, b,
			{send: "X-Kind: c", status: 304, reply: vary + `ETag: "7"`, want: 304},
		},
		"not with other conditions": {
			a, b,
			{send: "X-Kind: c\nIf-None-Match: *", reply: vary, asked: "If-None-Match: *"},
			{send: "X-Kind: d\nIf-Modified-Since: $date", reply: vary, askedNot: "If-None-Match"},
			{send: "X-Kind: e\nRange: bytes=0-1", reply: vary, askedNot: "If-None-Match"},
			{send: "X-Kind: f\nIf-Match: \"7\"", reply: vary, askedNot: "If-None-Match"},
			{send: "X-Kind: g", method: "HEAD", reply: vary, askedNot: "If-None-Match"},
		},
		"weak ones are not offered": {a, weak, {send: "X-Kind: c", reply: vary + `ETag: W/"3"`, askedNot: "If-None-Match"}},
		"codings that are not accepted": {
			gzip("1"), gzip("2"),
			{send: "X-Kind: c\nAccept-Encoding: br, gzip;q=0", reply: vary, askedNot: "If-None-Match"},
			{send: "X-Kind: d", reply: vary, askedNot: "If-None-Match"},
		},
		"codings that are": {
			gzip("1"), gzip("2"),
			{send: "X-Kind: c\nAccept-Encoding: br, gzip", status: 304, reply: vary + `ETag: "1"`, asked: both, want: 200, wantBody: "coded 1", has: "Content-Encoding: gzip"},
		},
	})
}

package cache

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzDecodeEnvelope(f *testing.F) {
	e := envelope{flags: flagNegative, fprint: 7, stored: 1, soft: 2, hard: 3, cost: 4, size: 3, versions: newNonce() + newNonce(), names: encodeNames([]string{"a:1", "b"}), payload: []byte("abc")}
	f.Add(string(e.encode()))
	f.Add("")
	f.Add(strings.Repeat("\xc5\x03", 60))
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := decodeEnvelope(raw)
		if err != nil {
			return
		}
		if again := string(got.encode()); again != raw {
			t.Fatalf("decoded bytes encode differently:\n%x\n%x", raw, again)
		}
		if deps, err := got.deps(); err == nil && encodeNames(deps) != got.names {
			t.Fatalf("names %q encode differently", deps)
		}
	})
}

func FuzzEnvelopeRoundTrip(f *testing.F) {
	f.Add([]byte("abc"), "x:1", uint8(2), int64(5))
	f.Fuzz(func(t *testing.T, payload []byte, dep string, n uint8, at int64) {
		n %= maxDeps
		var deps []string
		versions := ""
		for range n {
			deps = append(deps, shorten("d:"+dep, maxDep))
			versions += newNonce()
		}
		at &= 1<<62 - 1
		e := envelope{fprint: 9, stored: at, soft: at + 1, hard: at + 2, versions: versions, names: encodeNames(deps), size: uint32(len(payload)), payload: payload}
		raw := e.encode()
		got, err := decodeEnvelope(string(raw))
		if err != nil || string(got.payload) != string(payload) || got.versions != versions || got.soft != at+1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if back, err := got.deps(); err != nil || !slices.Equal(back, deps) {
			t.Fatalf("%q, %v", back, err)
		}
		if len(raw) > 0 { // any flipped bit is seen
			raw[int(at%int64(len(raw)))] ^= 1 << (n % 8)
			if got, err := decodeEnvelope(string(raw)); err == nil {
				t.Fatalf("a flipped bit went unseen: %+v", got)
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("42", "a=1&b=2", "43", "b=2&a=1")
	f.Add("x:"+Hash("a"), "", "x", "a=1")
	f.Add("", "a=", "", "a")
	f.Fuzz(func(t *testing.T, id1, q1, id2, q2 string) {
		p1, err1 := url.ParseQuery(q1)
		p2, err2 := url.ParseQuery(q2)
		if err1 != nil || err2 != nil {
			return
		}
		k1, k2 := Key{ID: id1, Params: p1}, Key{ID: id2, Params: p2}
		a, errA := k1.identifier()
		b, errB := k2.identifier()
		if (errA != nil) != (id1 == "" && len(p1) == 0) {
			t.Fatalf("%q %v: %v", id1, p1, errA)
		}
		if errA != nil || errB != nil {
			return
		}
		same := id1 == id2 && len(p1) == len(p2)
		for name, v := range p1 {
			same = same && slices.Equal(v, p2[name])
		}
		if same != (a == b) {
			t.Fatalf("%q %v and %q %v: %q, %q", id1, p1, id2, p2, a, b)
		}
		if len(a) > maxIDBytes+hashHex+1 {
			t.Fatalf("identifier of %d bytes", len(a))
		}
	})
}

// globMatch is Redis's stringmatchlen for patterns of literals, escapes, * and ?.
func globMatch(pattern, s string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			for i := 0; i <= len(s); i++ {
				if globMatch(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case pattern[0] == '?':
			if s == "" {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		case pattern[0] == '\\' && len(pattern) > 1:
			if s == "" || s[0] != pattern[1] {
				return false
			}
			pattern, s = pattern[2:], s[1:]
		default:
			if s == "" || s[0] != pattern[0] {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		}
	}
	return s == ""
}

func FuzzGlob(f *testing.F) {
	for _, s := range []string{"a*", `a\*b`, "[a-z]?", `\`, `\\`, "^x", "ñ*", "{a}"} {
		f.Add(s, "a1")
	}
	f.Fuzz(func(t *testing.T, text, s string) {
		if len(text) > 60 || len(s) > 60 || strings.Count(text, "*")+strings.Count(text, "?") > 4 {
			return
		}
		if e := escapeGlob(s); !globMatch(e, s) || s != text && globMatch(e, text) {
			t.Fatalf("escaped %q is not exact", s)
		}
		p, err := newPattern(text)
		if err != nil {
			if text != "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		// Every special byte but a caller's wildcards is escaped.
		for i := 0; i < len(p.glob); i++ {
			switch {
			case p.glob[i] == '\\':
				i++
				if i == len(p.glob) {
					t.Fatalf("%q ends in an escape", p.glob)
				}
			case strings.IndexByte("*?", p.glob[i]) < 0 && strings.IndexByte(globSpecial, p.glob[i]) >= 0:
				t.Fatalf("%q: bare %q", p.glob, p.glob[i])
			}
		}
		if !strings.ContainsAny(text, `*?\`) && (!p.match(text) || p.match(s) != (s == text)) {
			t.Fatalf("literal %q does not match itself alone", text)
		}
		if p.match(s) && !globMatch(p.glob, s) {
			t.Fatalf("Redis's glob %q hides %q, which %q matches", p.glob, s, text)
		}
		_ = utf8.ValidString(s)
	})
}

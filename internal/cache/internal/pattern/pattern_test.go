package pattern

import (
	"strings"
	"testing"
)

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
		if e := EscapeGlob(s); !globMatch(e, s) || s != text && globMatch(e, text) {
			t.Fatalf("escaped %q is not exact", s)
		}
		p, err := New(text)
		if err != nil {
			if text != "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		// Every special byte but a caller's wildcards is escaped.
		for i := 0; i < len(p.Glob); i++ {
			switch {
			case p.Glob[i] == '\\':
				i++
				if i == len(p.Glob) {
					t.Fatalf("%q ends in an escape", p.Glob)
				}
			case strings.IndexByte("*?", p.Glob[i]) < 0 && strings.IndexByte(special, p.Glob[i]) >= 0:
				t.Fatalf("%q: bare %q", p.Glob, p.Glob[i])
			}
		}
		if !strings.ContainsAny(text, `*?\`) && (!p.Match(text) || p.Match(s) != (s == text)) {
			t.Fatalf("literal %q does not match itself alone", text)
		}
		if p.Match(s) && !globMatch(p.Glob, s) {
			t.Fatalf("Redis's glob %q hides %q, which %q matches", p.Glob, s, text)
		}
	})
}

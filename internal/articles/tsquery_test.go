package articles

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTsquery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"  ¿? ... -", ""},
		{"paz", "('paz' | 'páz')"},
		{"Educación", "('educación' | 'educacion')"},
		{"la paz", "'la' & ('paz' | 'páz')"},
		{`"la paz"`, "'la' <-> ('paz' | 'páz')"},
		{"x OR y", "'x' | 'y'"},
		{"x or y z", "'x' | 'y' & 'z'"},
		{"x -y", "'x' & !('y')"},
		{`x -"y z"`, "'x' & !('y' <-> 'z')"},
		{"2026-11", "'2026' & !('11')"},
		{"a - b", "'a' & 'b'"},
		{`"abierta sin cerrar`, "('abierta' | 'ábierta' | 'abíerta' | 'abiérta' | 'abiertá') <-> ('sin' | 'sín' | 'siñ') <-> ('cerrar' | 'cérrar' | 'cerrár')"},
		{"OR OR x OR", "'x'"},
		{"o'brien & (x)", "'o' & ('brien' | 'bríen' | 'brién' | 'brieñ') & 'x'"},
	} {
		if got := tsquery(c.in); got != c.want {
			t.Errorf("tsquery(%q)\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestTsqueryIsBounded(t *testing.T) {
	t.Parallel()
	got := tsquery(strings.Repeat("palabra ", 10_000))
	if n := strings.Count(got, "&") + 1; n != maxSearchTerms {
		t.Errorf("%d terms, want %d", n, maxSearchTerms)
	}
}

// FuzzTsquery looks for searches that are no valid tsquery text: unbalanced, with an operator lacking an operand, or
// not UTF-8. TestSearchNeverFails asks PostgreSQL itself about the corpus.
func FuzzTsquery(f *testing.F) {
	for _, s := range searchCorpus {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := tsquery(in)
		if strings.Count(out, "(") != strings.Count(out, ")") || strings.Count(out, "'")%2 != 0 {
			t.Fatalf("tsquery(%q) = %s: unbalanced", in, out)
		}
		for _, op := range []string{"&", "|", "<->", "!"} {
			if strings.HasSuffix(out, op) || op != "!" && strings.HasPrefix(out, op) {
				t.Fatalf("tsquery(%q) = %s: %s lacks an operand", in, out, op)
			}
		}
		if utf8.ValidString(in) && !utf8.ValidString(out) {
			t.Fatalf("tsquery(%q) = %q: not UTF-8", in, out)
		}
		if strings.Contains(out, "''") {
			t.Fatalf("tsquery(%q) = %s: an empty lexeme", in, out)
		}
	})
}

var searchCorpus = []string{
	"", "educacion", `"reforma tributaria" -impuestos OR paz`, `-"`, `"""`, `- - -`, "OR", "a OR OR b", `\'x`, "ñandú", "🙂", "a:b*", "x & | ! <-> y",
	"-a -b", `"-a"`, "la el los", "\u0301", "e\u0301xito", strings.Repeat("é", 300), "1,5 %", "<script>", "%", "_",
}

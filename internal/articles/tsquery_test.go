package articles

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTsquery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"paz", "('paz' | 'páz')"},
		{"Educación", "('educación' | 'educacion')"},
		{"la paz", "'la' & ('paz' | 'páz')"},
		{`"la paz"`, "'la' <-> ('paz' | 'páz')"},
		{"x OR y", "'x' | 'y'"},
		{"x or y z", "'x' | 'y' & 'z'"},
		{"ley del agua y mas", "('ley' | 'léy') & 'del' & ('agua' | 'água' | 'agúa' | 'aguá') & 'y' & 'más'"},
		{"x -y", "'x' & !('y')"},
		{`x -"y"`, "'x' & !('y')"},
		{"x (-y)", "'x' & !('y')"},
		{"2026-11", "('2026-11' | '2026' <-> '11' | '202611')"},
		{"x-y", "('x-y' | 'x' <-> 'y' | 'xy')"},
		{"x--y z", "'x' & 'y' & 'z'"},
		{`"x"-y`, "'x' & 'y'"},
		{"x -y‑z", "'x' & !('y-z')"},
		{"S.x.S.", "('s.x.s' | 's' <-> 'x' <-> 's' | 'sxs')"},
		{"1.000,5", "('1.000,5' | '1' <-> '000' <-> '5' | '10005')"},
		{"x,y", "'x' & 'y'"},
		{"D. C. x", "('d.c' | 'd' <-> 'c' | 'dc') & 'x'"},
		{"x. Y z.", "'x' & 'y' & 'z'"},
		{`"la M-19"`, "'la' <-> ('m-19' | 'm' <-> '19' | 'm19')"},
		{"a - b", "'a' & 'b'"},
		{`"abierta sin cerrar`, "('abierta' | 'ábierta' | 'abíerta' | 'abiérta' | 'abiertá') <-> 'sin' <-> ('cerrar' | 'cérrar' | 'cerrár')"},
		{"OR OR x OR", "'x'"},
		{"o’br & (x)", "('o''br' | 'o' <-> 'br' | ('obr' | 'óbr')) & 'x'"},
	} {
		if got, err := tsquery(c.in); got.All != c.want || err != nil {
			t.Errorf("tsquery(%q)\n got %s, %v\nwant %s", c.in, got.All, err, c.want)
		}
	}
}

func TestTsqueryRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]error{
		"":                             errNoWord,
		"  ¿? ... -":                   errNoWord,
		"\u0301 \u0325":                errNoWord,
		`x -"y z"`:                     errNegatedPhrase,
		`a OR -"y, z" OR b`:            errNegatedPhrase,
		"-paz":                         errOnlyExcluded,
		"-paz -guerra":                 errOnlyExcluded,
		"paz OR -guerra":               errOnlyExcluded,
		"-guerra OR paz":               errOnlyExcluded,
		strings.Repeat(`"a b c" `, 10): errPhrasesTooLong,
		strings.Repeat("a-b ", 12):     errPhrasesTooLong,
		"x -a-b-c-d -e-f-g":            errExcludedTooLong,
	} {
		if got, err := tsquery(in); !errors.Is(err, want) {
			t.Errorf("tsquery(%q) = %s, %v, want %v", in, got.All, err, want)
		}
	}
}

// hostile gives searches that once took seconds, or are meant to: many words, many spellings, phrases, disguised phrases.
func hostile() []string {
	words := func(pattern, between string, n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(pattern, i)
		}
		return strings.Join(all, between)
	}
	common := strings.Fields("gobierno país ciudad año parte nacional millones proyecto educacion salud agua comunidad trabajo colombia bogota empresa " +
		"nuevo personas plan region tiempo ministerio alcalde estudio recursos mujeres jovenes precio mercado vias centro programa")
	return []string{
		`-"` + words("aeiouaeiou%d", " ", 12) + `"`, `gobierno -"` + words("aeiou%d", " ", 4) + `"`,
		strings.Join(common, " OR "), strings.Join(common, " "), "-" + strings.Join(common, " OR -"), "-" + strings.Join(common, " -"),
		words("aeiouaeiou%d", " OR ", 32), words("-aeiouaei%d", " OR ", 32),
		`"` + strings.Join(common, " ") + `"`, `"` + strings.Join(common[:24], " ") + `"`, `"` + strings.Join(common[:16], `" OR "`) + `"`,
		`"` + words(`gobierno nacional" OR "aeiou%d aeiou`, `" OR "`, 6) + `"`, `"` + words("gobierno país", `" "`, 12) + `"`,
		"-" + strings.Repeat("a\u0325", 100), strings.Repeat("aeioun", 80), "-" + strings.Repeat("ñandú", 80), "-gobierno", "gobierno OR -gobierno",
		"gobierno -" + words("a%d", "-", 7), "gobierno " + words("-a%d-b", " ", 3), words("aeiou%d-aeiou", " ", 8), words("a%d", "-", 23), words("-a.b%d", " OR ", 10),
		`-"gobierno"`, `- "gobierno nacional"`, `--"gobierno nacional"`, strings.Repeat("-", 400) + `"a b"`, `"a" "b" OR "c d" -"e"`,
	}
}

func TestTsqueryIsBounded(t *testing.T) {
	t.Parallel()
	for _, q := range append(hostile(), strings.Repeat("palabra ", 10_000)) {
		text, err := tsquery(q)
		if err != nil {
			continue
		}
		got := text.All
		if n := strings.Count(got, "'") / 2; n > maxSpellings+maxPhraseSpellings {
			t.Errorf("tsquery(%.60q): %d spellings", q, n)
		}
		if n := strings.Count(got, "<->"); n >= maxPhraseSpellings {
			t.Errorf("tsquery(%.60q): %d positions of phrases", q, n)
		}
		if strings.Contains(got, "!(") && strings.Contains(got[strings.Index(got, "!("):strings.Index(got, "!(")+strings.IndexByte(got[strings.Index(got, "!("):], ')')], "<->") {
			t.Errorf("tsquery(%.60q): a phrase is excluded", q)
		}
	}
}

// FuzzTsquery looks for searches whose tsquery text is invalid: unbalanced, with an operator that lacks an operand, or not
// UTF-8. TestSearchNeverFails asks PostgreSQL itself about the corpus.
func FuzzTsquery(f *testing.F) {
	for _, s := range searchCorpus {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text, err := tsquery(in)
		if err != nil {
			return
		}
		if text.Exact != "" && len(text.Exact) > len(text.All) {
			t.Fatalf("tsquery(%q): exact %s, all %s", in, text.Exact, text.All)
		}
		out := text.All
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
		if strings.Contains(" "+out+" ", " '' ") || strings.Contains(out, "(''") {
			t.Fatalf("tsquery(%q) = %s: an empty lexeme", in, out)
		}
	})
}

var searchCorpus = []string{
	"", "educacion", `"reforma tributaria" -impuestos OR paz`, `-"`, `"""`, `- - -`, "OR", "a OR OR b", `\'x`, "ñandú", "🙂", "a:b*", "x & | ! <-> y",
	"-a -b", `"-a"`, "ex-ministro", "Bogotá D.C.", "S.A.S.", "M-19", "PM2.5", "o'brien", "a@b.co", "x/y", "12:30", "a''b", `"a-b 'c"`, "EE. UU.", "x -covid-19", "la el los", "\u0301", "e\u0301xito", strings.Repeat("é", 300), "1,5 %", "<script>", "%", "_",
}

func mustTsquery(t *testing.T, q string) searchText {
	t.Helper()
	ts, err := tsquery(q)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

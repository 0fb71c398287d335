package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files")

// raceEnabled says whether the race detector is on: see race_test.go.
var raceEnabled bool

var reference = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func generator(tb testing.TB, seed uint64) *Generator {
	tb.Helper()
	g, err := New(seed, reference)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// The first articles are a promise: fixtures, screenshots and documentation depend on them. A change of the grammar changes
// them; -update accepts an intended change.
func TestFirstArticles(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(slices.Collect(generator(t, 1).Articles(3)), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const name = "testdata/first.json"
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the first articles have changed; if that is meant, run go test -update. Now:\n%s", got)
	}
}

func TestArticlesDependOnSeedAndNumberOnly(t *testing.T) {
	t.Parallel()
	g := generator(t, 7)
	few, many := slices.Collect(g.Articles(40)), slices.Collect(g.Articles(300))
	if !reflect.DeepEqual(few, many[:40]) {
		t.Error("the first articles depend on how many are asked for")
	}
	for _, i := range []int{0, 17, 299} {
		if !reflect.DeepEqual(g.At(i), many[i]) {
			t.Errorf("article %d alone is another one", i)
		}
	}
	if reflect.DeepEqual(generator(t, 8).At(0), few[0]) {
		t.Error("another seed gives the same article")
	}
	for a := range g.Articles(1 << 40) { // streaming: nobody waits for the last
		if a.Index == 5 {
			break
		}
	}
}

func TestArticlesAreUnique(t *testing.T) {
	t.Parallel()
	n := 200_000
	if testing.Short() || raceEnabled { // no second goroutine could race; it would only take ten times as long
		n = 20_000
	}
	// 128 bits of each, so that the test itself stays small.
	texts, links := make(map[[16]byte]int, n), make(map[[16]byte]int, n)
	for a := range generator(t, 1).Articles(n) {
		text, link := [16]byte([]byte(a.ContentHash)[:16]), [16]byte{}
		sum := sha256.Sum256([]byte(a.SourceURL))
		copy(link[:], sum[:])
		if hash, err := hex.DecodeString(a.ContentHash[:32]); err == nil {
			copy(text[:], hash)
		}
		if j, dup := texts[text]; dup {
			t.Fatalf("articles %d and %d have one text", j, a.Index)
		}
		if j, dup := links[link]; dup {
			t.Fatalf("articles %d and %d have one URL", j, a.Index)
		}
		texts[text], links[link] = a.Index, a.Index
	}
	if len(texts) != n {
		t.Errorf("%d articles, want %d", len(texts), n)
	}
}

// check checks what must hold for every article.
func check(t *testing.T, a Article) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("article %d: %s", a.Index, fmt.Sprintf(format, args...))
	}
	sum := sha256.Sum256([]byte(a.Content))
	if a.ContentHash != hex.EncodeToString(sum[:]) {
		fail("the hash is not the content's")
	}
	if n := len(strings.Fields(a.Content)); n != a.WordCount || n < minWords || n > maxWords {
		fail("%d words, said to be %d", n, a.WordCount)
	}
	if a.DifficultyScore != Difficulty(a.Content) || a.DifficultyScore < 1 || a.DifficultyScore > 5 {
		fail("difficulty %v", a.DifficultyScore)
	}
	u, err := url.Parse(a.SourceURL)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Host, ".example") || len(a.SourceURL) > 200 {
		fail("URL %q: %v", a.SourceURL, err)
	}
	for name, s := range map[string]string{"title": a.Title, "content": a.Content, "subtitle": deref(a.Subtitle), "author": deref(a.Author)} {
		checkText(fail, name, s)
	}
	if utf8.RuneCountInString(a.Title) > 200 || a.Title == "" || strings.HasSuffix(a.Title, ".") {
		fail("title %q", a.Title)
	}
	if p := a.PublishedAt; p != nil && (p.After(reference) || p.Before(reference.Add(-Span-time.Minute)) || a.ScrapedAt.Before(*p)) {
		fail("published %v, scraped %v", p, a.ScrapedAt)
	}
	if a.ScrapedAt.After(reference) {
		fail("scraped %v, after the reference", a.ScrapedAt)
	}
	for key, names := range a.Entities {
		for _, n := range names {
			if !strings.Contains(a.Content, n) {
				fail("%s %q is not in the text", key, n)
			}
		}
	}
}

func checkText(fail func(string, ...any), name, s string) {
	for _, bad := range []string{
		"  ", " ,", " .", "..", ",,", " de el ", " a el ", "De el ", "A el ", "{", "}", "|", "“ ", " ”", " y i", " y I",
		" la el ", " el la ", " los la ", " el el ", " la la ", " del el ", " del la ", " \n", " un un ", " 1 millones", " 1 puntos",
	} {
		if i := strings.Index(s, bad); i >= 0 {
			fail("%s has %q: …%s…", name, bad, s[max(0, i-40):min(len(s), i+40)])
		}
	}
	if strings.Count(s, "“") != strings.Count(s, "”") || strings.Count(s, "¿") != strings.Count(s, "?") || strings.Count(s, "(") != strings.Count(s, ")") {
		fail("%s has a mark without its partner: %s", name, s)
	}
	if s == "" || name == "author" {
		return
	}
	for _, p := range strings.Split(s, "\n\n") {
		if r, _ := utf8.DecodeRuneInString(strings.TrimLeft(p, "“¿")); !unicode.IsUpper(r) && !unicode.IsDigit(r) {
			fail("%s has a paragraph without a capital: %.60s", name, p)
		}
		if name == "content" && !strings.HasSuffix(p, ".") && !strings.HasSuffix(p, ".”") {
			fail("a paragraph has no end: %s", p)
		}
	}
}

// grade uses the client's boundaries.
func grade(d float64) int {
	g := 0
	for g < 3 && d >= [...]float64{2, 3.5, 4.5}[g] {
		g++
	}
	return g
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestArticles checks ten thousand: the rules for each, and their distribution.
func TestArticles(t *testing.T) {
	t.Parallel()
	const n = 10_000
	var (
		forms                           = map[string]bool{}
		sources, categories, entityKeys = map[string]int{}, map[string]int{}, map[string]int{}
		undated, anonymous, bare, paid  int
		micros, grades                  = 0, [4]int{}
		times                           = map[time.Time]int{}
		titles                          = map[string]bool{}
		weeks                           = map[int]int{}
	)
	for a := range generator(t, 42).Articles(n) {
		check(t, a)
		if t.Failed() && a.Index > 200 {
			t.FailNow()
		}
		for _, w := range strings.FieldsFunc(strings.ToLower(a.Content), func(r rune) bool { return !unicode.IsLetter(r) }) {
			forms[w] = true
		}
		sources[a.Source]++
		categories[a.Category]++
		titles[a.Title] = true
		grades[grade(a.DifficultyScore)]++
		for k := range a.Entities {
			entityKeys[k]++
		}
		if a.Author == nil {
			anonymous++
		}
		if a.Subtitle == nil {
			bare++
		}
		if a.IsPaywall {
			paid++
		}
		if a.PublishedAt == nil {
			undated++
			continue
		}
		times[*a.PublishedAt]++
		weeks[int(reference.Sub(*a.PublishedAt)/(7*24*time.Hour))]++
		if a.PublishedAt.Nanosecond() != 0 {
			micros++
		}
	}
	t.Logf("%d word forms, %d titles; difficulty %v; %v; %v; %v", len(forms), len(titles), grades, sources, categories, entityKeys)
	share := func(name string, count int, lo, hi float64) {
		t.Helper()
		if s := float64(count) / n; s < lo || s > hi {
			t.Errorf("%s: %.4f of the articles, want %v–%v", name, s, lo, hi)
		}
	}
	share("undated", undated, 0.005, 0.02)
	share("without author", anonymous, 0.09, 0.15)
	share("without subtitle", bare, 0.15, 0.25)
	share("behind a paywall", paid, 0.05, 0.2)
	share("with microseconds", micros, 0.28, 0.38)
	share("sharing their time", n-undated-len(times), 0.01, 0.1)
	share("different titles", len(titles), 0.75, 1)
	for g, name := range []string{"easy", "medium", "hard", "expert"} { // the client's names
		share("difficulty "+name, grades[g], 0.05, 0.7)
	}
	for k := range 17 {
		share(fmt.Sprintf("%d weeks ago", k), weeks[k], 0.04, 0.08)
	}
	if len(sources) != 10 || len(categories) != 11 || slices.Min(slices.Collect(maps.Values(categories))) < n/40 {
		t.Errorf("sources %v, categories %v", sources, categories)
	}
	if len(forms) < 5000 {
		t.Errorf("%d distinct word forms, want 5,000", len(forms))
	}
	for _, k := range []string{"institutions", locations, people, political, "economic_terms"} {
		if entityKeys[k] < n/20 {
			t.Errorf("only %d articles have %s", entityKeys[k], k)
		}
	}
}

func ExampleGenerator_Articles() {
	g, err := New(1, time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
	if err != nil {
		fmt.Println(err)
		return
	}
	for a := range g.Articles(2) {
		fmt.Printf("%s, %s: %s\n", a.Source, a.Category, a.Title)
	}
	// Output:
	// El Tiempo, cultura: Película rodada en Chiquinquirá gana premio internacional
	// Semana, regiones: Licitación por 25.000 millones de pesos para la terminal de transportes de Cali
}

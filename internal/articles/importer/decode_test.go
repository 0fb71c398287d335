package importer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"openlearn/internal/articles/limits"
)

// checkRecord checks what must hold for every record, whatever the line was.
func checkRecord(t *testing.T, r Record) {
	t.Helper()
	sum := sha256.Sum256([]byte(r.Content))
	if r.ContentHash != hex.EncodeToString(sum[:]) {
		t.Errorf("hash %s is not the content's", r.ContentHash)
	}
	if r.WordCount != len(strings.Fields(r.Content)) {
		t.Errorf("%d words counted, there are %d", r.WordCount, len(strings.Fields(r.Content)))
	}
	if u, err := url.Parse(r.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" && r.URL != "urn:sha256:"+r.ContentHash {
		t.Errorf("URL %q: %v", r.URL, err)
	}
	field := func(name, s string, limit int) {
		if s == "" || !utf8.ValidString(s) || strings.ContainsFunc(s, unwanted) || utf8.RuneCountInString(s) > limit {
			t.Errorf("%s is not fit to be stored: %q", name, s)
		}
		if name != "content" && strings.Join(strings.Fields(s), " ") != s {
			t.Errorf("%s is not one tidy line: %q", name, s)
		}
	}
	field("source", r.Source, limits.Source)
	field("title", r.Title, limits.Title)
	field("content", r.Content, len(r.Content))
	field("url", r.URL, limits.URL)
	for name, f := range map[string]struct {
		s     *string
		limit int
	}{"author": {r.Author, limits.Author}, "category": {r.Category, limits.Category}, "country": {r.Country, 1 << 20}} {
		if f.s != nil {
			field(name, *f.s, f.limit)
		}
	}
}

func decodeOne(t *testing.T, fields map[string]any) decoded {
	t.Helper()
	all := map[string]any{"source": "diario", "title": "un título", "text": "un texto"}
	for k, v := range fields {
		all[k] = v
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return newDecoder().decode(line{number: 1, bytes: b})
}

func TestDecodeTidies(t *testing.T) {
	t.Parallel()
	d := decodeOne(t, map[string]any{
		"source": " El  Diario ", "title": " Un\ttítulo\nlargo ", "text": "uno\r\ndos\x00 \u200btres\x07\rcuatro ",
		"author": "Jose\u0301 Pe\u0301rez", "category": "  ", "country": "CO",
	})
	r := d.record
	if !d.ok || r.Source != "El Diario" || r.Title != "Un título largo" || r.Content != "uno\ndos \u200btres\ncuatro" ||
		*r.Author != "José Pérez" || r.Category != nil || *r.Country != "CO" || r.WordCount != 4 {
		t.Errorf("%+v", r)
	}
	if len(d.issues) != 1 || d.issues[0].Reason != ControlChars {
		t.Errorf("issues %v", d.issues)
	}
}

func TestDecodeFitsColumns(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("palabra ñandú ", 60)
	d := decodeOne(t, map[string]any{
		"title": long, "author": long, "category": strings.Repeat("ñ", 51), "url": "https://x.example/" + strings.Repeat("a", 500),
	})
	checkRecord(t, d.record)
	if !strings.HasSuffix(d.record.Title, "palabra…") && !strings.HasSuffix(d.record.Title, "ñandú…") {
		t.Errorf("title not cut at a word: %q", d.record.Title)
	}
	if n := utf8.RuneCountInString(d.record.Title); n < 480 {
		t.Errorf("title cut to %d characters", n)
	}
	if d.record.Category != nil || d.record.URL != "urn:sha256:"+d.record.ContentHash {
		t.Errorf("%+v", d.record)
	}
	var reasons []string
	for _, i := range d.issues {
		reasons = append(reasons, string(i.Reason))
	}
	if got, want := strings.Join(reasons, "; "), strings.Join([]string{
		string(TitleCut), string(AuthorCut), string(CategoryTooLong), string(URLTooLong),
	}, "; "); got != want {
		t.Errorf("warnings %s, want %s", got, want)
	}
	exact := strings.Repeat("ñ", limits.Title)
	if got := decodeOne(t, map[string]any{"title": exact}).record.Title; got != exact {
		t.Errorf("a title of exactly %d characters was cut", limits.Title)
	}
	if got := decodeOne(t, map[string]any{"title": exact + "ñ"}).record.Title; utf8.RuneCountInString(got) != limits.Title {
		t.Errorf("a title without spaces became %d characters", utf8.RuneCountInString(got))
	}
}

func TestDecodeURLs(t *testing.T) {
	t.Parallel()
	for in, keep := range map[string]bool{
		"https://diario.example/a?b=1#c": true, "http://diario.example": true, "": false, "www.diario.example/a": false,
		"javascript:alert(1)": false, "https://": false, "/a/b": false, "http://[::1": false, "ftp://diario.example/a": false,
	} {
		r := decodeOne(t, map[string]any{"url": in}).record
		if keep != (r.URL == in) || !keep && r.URL != "urn:sha256:"+r.ContentHash {
			t.Errorf("%q became %q", in, r.URL)
		}
	}
}

func TestDecodeDates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ date, country, want string }{
		{"2025-08-11T10:00:00-05:00", "CO", "2025-08-11T15:00:00Z"},
		{"2022-10-20 18:37:05", "CO", "2022-10-20T23:37:05Z"},
		{"2022-10-20 18:37:05", "", "2022-10-20T23:37:05Z"},
		{"2024-07-20 18:37:05", "ES", "2024-07-20T16:37:05Z"},
		{"2024-07-20 18:37:05", "MX", "2024-07-21T00:37:05Z"},
		{"22 de agosto de 2025", "CO", "2025-08-22T05:00:00Z"},
		{"", "CO", ""},
		{"ayer, quizá", "CO", ""},
	} {
		d := decodeOne(t, map[string]any{"date": c.date, "country": c.country})
		got := ""
		if p := d.record.PublishedAt; p != nil {
			got = p.Format(time.RFC3339)
		}
		if !d.ok || got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.date, c.country, got, c.want)
		}
		if bad := c.date != "" && c.want == ""; bad != (len(d.issues) == 1 && d.issues[0].Reason == BadDate) {
			t.Errorf("%q: issues %v", c.date, d.issues)
		}
	}
}

func TestDecodeInvalidUTF8(t *testing.T) {
	t.Parallel()
	d := newDecoder().decode(line{number: 1, bytes: []byte("{\"source\":\"diario\",\"title\":\"educaci\xf3n\",\"text\":\"b \\ud800 c\"}")})
	checkRecord(t, d.record)
	if d.record.Title != "educaci�n" || d.record.Content != "b � c" || len(d.issues) != 1 || d.issues[0].Reason != InvalidUTF8 {
		t.Errorf("%+v %v", d.record, d.issues)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		article(1), `{}`, `null`, `{"source":"a","title":"b","text":"c","date":"x","url":"::"}`, "{\"source\":\"\xff\",\"title\":\"\x00b\",\"text\":\"\\u0000c\"}",
		`{"source":"a","title":"` + strings.Repeat("e\u0301 ", 600) + `","text":"c"}`, `{"source":["a"],"title":{},"text":1}`, `{"source":"a","source":null,"TITLE":"b","text":"\ud83d"}`,
	} {
		f.Add([]byte(s))
	}
	d := newDecoder()
	f.Fuzz(func(t *testing.T, b []byte) {
		got := d.decode(line{number: 7, bytes: b})
		rejections := 0
		for _, i := range got.issues {
			if i.Line != 7 || i.Reason == "" || !utf8.ValidString(i.Detail) {
				t.Errorf("issue %+v", i)
			}
			if i.Rejected {
				rejections++
			}
		}
		if got.ok == (rejections == 1) || rejections > 1 {
			t.Fatalf("ok %v with %d rejections", got.ok, rejections)
		}
		if got.ok {
			checkRecord(t, got.record)
		}
	})
}

// FuzzPlain compares the fast reader with encoding/json: it may decline a line, but never differ.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{
		article(1), ` { "title" : "a\"\\\/\b\f\n\r\tñ\u00F1" , "text":null } `, `{"text":"\ud83d\ude00"}`, `{"text":"a","text":null}`,
		`{"text":"a"}x`, `{"text":"a",}`, `{}`, `{"text":"\`, `{"text":"\u00`, "{\"text\":\"\t\"}", `{"TEXT":"a"}`, `{"t\u0065xt":"a"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var fast, slow rawArticle
		if !readPlain(b, &fast) {
			return
		}
		if err := json.Unmarshal(b, &slow); err != nil || fast != slow {
			t.Errorf("%q: %+v; encoding/json: %+v, %v", b, fast, slow, err)
		}
	})
}

func FuzzCountWords(f *testing.F) {
	f.Add("uno dos\u00a0tres\u2003cuatro\u3000cinco\x85 seis\u0085siete\v\f ocho \xff \xc2")
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := countWords(s), len(strings.Fields(s)); got != want {
			t.Errorf("%q: %d words, want %d", s, got, want)
		}
	})
}

// FuzzLines compares the line reader with bytes.Split.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nbb\r\n\nccc"), 2)
	f.Add([]byte("\r\r\n\x00"), 5)
	f.Add(bytes.Repeat([]byte("x"), 100), 99)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		limit = max(1, min(limit, 1000))
		l := &lineReader{r: bufio.NewReaderSize(bytes.NewReader(b), 16), limit: limit}
		for i, raw := range bytes.Split(b, []byte("\n")) {
			tooLong := len(bytes.TrimSuffix(raw, []byte("\r"))) > limit
			want := bytes.TrimSpace(raw)
			if len(want) == 0 && !tooLong {
				continue
			}
			got, err := l.next()
			if err != nil || got.number != i+1 || tooLong != (got.reject == LineTooLong) || !tooLong && !bytes.Equal(got.bytes, want) {
				t.Fatalf("line %d: %+v, %v; want %q (too long: %v)", i+1, got, err, want, tooLong)
			}
		}
		if got, err := l.next(); err == nil {
			t.Fatalf("a line too many: %+v", got)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile(collected(b))
	if err != nil {
		b.Fatal(err)
	}
	rows := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	b.SetBytes(int64(len(data) / len(rows)))
	d, n := newDecoder(), 0
	for b.Loop() {
		d.decode(line{number: 1, bytes: rows[n%len(rows)]})
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "articles/s")
}

func TestATextBeyondMeasureIsRejected(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]Reason{limits.Content: "", limits.Content + 1: TextTooLong} {
		d := newDecoder().decode(line{bytes: []byte(`{"source":"diario","title":"a","text":"` + strings.Repeat("ñ", n) + `"}`)})
		var got Reason
		for _, i := range d.issues {
			if i.Rejected {
				got = i.Reason
			}
		}
		if got != want {
			t.Errorf("%d characters: %q, want %q", n, got, want)
		}
	}
}

// TestLinesAsTheAPIGivesThem: its names are read beside the usual ones, and what cannot be kept costs no line.
func TestLinesAsTheAPIGivesThem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 201)
	for _, c := range []struct {
		line, want string // want: url, date, subtitle, tags, difficulty, paywall
		warned     []Reason
	}{
		{
			`{"id":7,"source":"S","title":"T","content":"texto","source_url":"https://s.example/1","published_date":"2026-01-02T00:00:00Z","subtitle":"B","tags":["a"," ","b"],"difficulty_score":2.5,"is_paywall":false,"word_count":1,"extra_metadata":null}`,
			"https://s.example/1 2026-01-02 B [a b] 2.5 false", nil,
		},
		{`{"source":"S","title":"T","text":"texto","content":"otro","url":"https://s.example/2","source_url":"https://s.example/3"}`, "https://s.example/2 - - [] - -", nil},
		{`{"source":"S","title":"T","content":"x","source_url":"urn:sha256:00"}`, hashURN + "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 - - [] - -", nil},
		{
			`{"source":"S","title":"T","text":"texto","url":"https://s.example/4","tags":"a","difficulty_score":9,"is_paywall":"no","colombian_entities":{"a":["\u0000"]},"extra_metadata":[1e99999],"votes":3}`,
			"https://s.example/4 - - [] - -",
			[]Reason{FieldEmptied, FieldEmptied, FieldEmptied, FieldEmptied, FieldEmptied, UnknownField},
		},
		{`{"source":"S","title":"T","text":"texto","url":"https://s.example/5","tags":["` + long + `","b"]}`, "https://s.example/5 - - [b] - -", []Reason{TagsLeftOut}},
	} {
		d := newDecoder().decode(line{number: 1, bytes: []byte(c.line)})
		if !d.ok {
			t.Errorf("%s: %v", c.line, d.issues)
			continue
		}
		shown := func(v any) string {
			switch v := v.(type) {
			case *string:
				if v != nil {
					return *v
				}
			case *float64:
				if v != nil {
					return fmt.Sprint(*v)
				}
			case *bool:
				if v != nil {
					return fmt.Sprint(*v)
				}
			case *time.Time:
				if v != nil {
					return v.Format(time.DateOnly)
				}
			}
			return "-"
		}
		r := d.record
		if got := fmt.Sprint(r.URL, " ", shown(r.PublishedAt), " ", shown(r.Subtitle), " ", r.Tags, " ", shown(r.Difficulty), " ", shown(r.IsPaywall)); got != c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
		var warned []Reason
		for _, i := range d.issues {
			warned = append(warned, i.Reason)
		}
		slices.Sort(warned)
		if !slices.Equal(warned, c.warned) {
			t.Errorf("%s: warned of %q, want %q", c.line, warned, c.warned)
		}
	}
}

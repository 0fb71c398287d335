package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a sink that, like the database, recognises what it has by URL and by content.
type memory struct {
	have    map[string]bool
	records []Record
	batches []int
}

func (m *memory) Save(_ context.Context, batch []Record) ([]bool, error) {
	if m.have == nil {
		m.have = map[string]bool{}
	}
	inserted := make([]bool, len(batch))
	for i, r := range batch {
		if !m.have[r.URL] && !m.have[r.ContentHash] {
			inserted[i] = true
			m.records = append(m.records, r)
		}
		m.have[r.URL], m.have[r.ContentHash] = true, true
	}
	m.batches = append(m.batches, len(batch))
	return inserted, nil
}

// sinkFunc is for sinks that fail or wait.
type sinkFunc func(context.Context, []Record) (int, error)

func (f sinkFunc) Save(ctx context.Context, b []Record) ([]bool, error) {
	n, err := f(ctx, b)
	return slices.Repeat([]bool{true}, n), err
}

func article(i int) string {
	return fmt.Sprintf(`{"source":"diario","title":"Título %d","text":"Texto número %d, con ñ.","category":null,"date":"2025-08-11","url":"https://diario.example/%d","author":"Ana","country":"CO"}`, i, i, i)
}

func articles(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(article(i) + "\n")
	}
	return b.String()
}

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRunReadsEveryForm(t *testing.T) {
	t.Parallel()
	plain := articles(1234)
	for name, input := range map[string][]byte{
		"plain":            []byte(plain),
		"no last newline":  []byte(strings.TrimSuffix(plain, "\n")),
		"CRLF":             []byte(strings.ReplaceAll(plain, "\n", "\r\n")),
		"blank lines":      []byte(strings.ReplaceAll(plain, "\n", "\n\n \t\n")),
		"byte order mark":  []byte("\ufeff" + plain),
		"gzip":             zipped(t, plain),
		"gzip with a mark": zipped(t, "\ufeff"+plain),
		"gzip in parts":    append(zipped(t, plain[:len(plain)/2]), zipped(t, plain[len(plain)/2:])...),
		"NUL padding":      []byte(strings.ReplaceAll(plain, "\n", "\x00\x00\n")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m memory
			s, err := Run(t.Context(), iotest.HalfReader(bytes.NewReader(input)), &m, Options{BatchSize: 100, TotalSize: int64(len(input))})
			if err != nil {
				t.Fatal(err)
			}
			if s.Lines != 1234 || s.Records != 1234 || s.Inserted != 1234 || s.Rejected != 0 {
				t.Errorf("summary %+v", s)
			}
			if s.BytesRead != int64(len(input)) {
				t.Errorf("read %d bytes of %d", s.BytesRead, len(input))
			}
			for i, r := range m.records {
				if want := fmt.Sprintf("Título %d", i); r.Title != want {
					t.Fatalf("record %d is %q: the order was lost", i, r.Title)
				}
			}
			if len(m.batches) != 13 || m.batches[12] != 34 {
				t.Errorf("batches %v", m.batches)
			}
		})
	}
}

func TestRunLosesOnlyBadLines(t *testing.T) {
	t.Parallel()
	bad := []struct {
		line   string
		reason Reason
	}{
		{`{"source":"diario"`, BadJSON},
		{`hola`, BadJSON},
		{`{"source":"diario","title":"a","text":"b"} x`, BadJSON},
		{`[1,2]`, NotObject},
		{`null`, NotObject},
		{`{"source":"diario","title":7,"text":"b"}`, WrongType},
		{`{"title":"a","text":"b"}`, NoSource},
		{`{"source":"` + strings.Repeat("ñ", 101) + `","title":"a","text":"b"}`, SourceTooLong},
		{`{"source":"diario","title":" \n ","text":"b"}`, NoTitle},
		{`{"source":"diario","title":"\u0000","text":"b"}`, NoTitle},
		{`{"source":"diario","title":"a","text":null}`, NoText},
		{`{"source":"diario","title":"` + strings.Repeat("x", 5000) + `","text":"b"}`, LineTooLong},
		{`{"source":"otro","title":"otra","text":"Texto número 0, con ñ."}`, DuplicateText},
		{`{"source":"otro","title":"otra","text":"distinto","url":"https://diario.example/1"}`, DuplicateURL},
	}
	var b strings.Builder
	b.WriteString(articles(2))
	for i, c := range bad {
		b.WriteString(c.line + "\n" + article(10+i) + "\n")
	}
	var issues []Issue
	var m memory
	s, err := Run(t.Context(), strings.NewReader(b.String()), &m, Options{
		MaxLine: 4000, Issue: func(i Issue) { issues = append(issues, i) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 + len(bad); s.Inserted != want || len(m.records) != want {
		t.Errorf("%d articles came in, want %d", s.Inserted, want)
	}
	want := map[Reason]int{}
	at := 0
	for i, c := range bad {
		want[c.reason]++
		for at < len(issues) && !issues[at].Rejected {
			at++
		}
		if at == len(issues) {
			t.Fatalf("no issue for %s", c.line)
		}
		if got := issues[at]; got.Line != 3+2*i || got.Reason != c.reason {
			t.Errorf("%v, want line %d: %s", got, 3+2*i, c.reason)
		}
		at++
	}
	if !maps.Equal(s.Rejects, want) || s.Rejected != len(bad) || s.Lines != s.Records+s.Rejected {
		t.Errorf("counts %v of %+v, want %v", s.Rejects, s.Progress, want)
	}
}

func TestRunTwiceInsertsOnce(t *testing.T) {
	t.Parallel()
	input := articles(50) + `{"source":"diario","title":"sin URL","text":"solo el texto"}` + "\n"
	var m memory
	for i, want := range []int{51, 0} {
		s, err := Run(t.Context(), strings.NewReader(input), &m, Options{})
		if err != nil || s.Inserted != want || s.Existing() != 51-want {
			t.Errorf("run %d: %+v, %v", i+1, s, err)
		}
	}
}

// TestWarningsCountLinesThatCameIn: a line warns once for each reason, and only if its article is new.
func TestWarningsCountLinesThatCameIn(t *testing.T) {
	t.Parallel()
	input := `{"source":"S","title":"A","text":"uno","tags":"a","difficulty_score":9,"votes":3,"stars":4}
{"source":"S","title":"B","text":"dos","date":"ayer no, anteayer"}
{"source":"S","title":"C","text":"uno","votes":1}
{"source":"S","title":"D","text":"tres"}
`
	var m memory
	want := map[Reason]int{FieldEmptied: 1, UnknownField: 1, BadDate: 1}
	for i := range 2 {
		s, err := Run(t.Context(), strings.NewReader(input), &m, Options{BatchSize: 2})
		if err != nil || s.Rejected != 1 || s.Lines != s.Inserted+s.Existing()+s.Rejected || !maps.Equal(s.Warnings, want) {
			t.Errorf("run %d: %+v, %v, want warnings %v", i+1, s, err, want)
		}
		want = nil // all of it is there already
	}
}

func TestRunKeepsWhatCameBeforeABreak(t *testing.T) {
	t.Parallel()
	whole := zipped(t, articles(3000))
	var m memory
	s, err := Run(t.Context(), bytes.NewReader(whole[:len(whole)*3/4]), &m, Options{})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want an unexpected end", err)
	}
	if s.Inserted < 1000 || s.Inserted != len(m.records) || s.Rejects[Truncated] > 1 || s.Rejected != s.Rejects[Truncated] {
		t.Errorf("summary %+v with %d records", s, len(m.records))
	}
	away := errors.New("the disk went away")
	m = memory{}
	s, err = Run(t.Context(), io.MultiReader(strings.NewReader(articles(700)+`{"source":`), iotest.ErrReader(away)), &m, Options{})
	if !errors.Is(err, away) || s.Inserted != 700 || s.Rejects[Truncated] != 1 {
		t.Errorf("error %v, summary %+v", err, s)
	}
}

func TestRunRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	if _, err := Run(t.Context(), strings.NewReader("\xff\xfe{\x00"), &memory{}, Options{}); !errors.Is(err, ErrUTF16) {
		t.Errorf("UTF-16: %v", err)
	}
	if _, err := Run(t.Context(), strings.NewReader("\x1f\x8bno gzip"), &memory{}, Options{}); err == nil {
		t.Error("a broken gzip header was no error")
	}
	if s, err := Run(t.Context(), strings.NewReader(""), &memory{}, Options{}); err != nil || s.Lines != 0 {
		t.Errorf("empty input: %+v, %v", s, err)
	}
}

// endless is an endless input of articles: only a cancelled run stops reading it.
type endless struct {
	n    int
	rest []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		e.rest = []byte(article(e.n) + "\n")
		e.n++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestRunStopsWhenTheSinkFails(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	saves := 0
	s, err := Run(t.Context(), &endless{}, sinkFunc(func(_ context.Context, b []Record) (int, error) {
		if saves++; saves == 3 {
			return 0, full
		}
		return len(b), nil
	}), Options{})
	if !errors.Is(err, full) || s.Inserted != 1000 {
		t.Errorf("error %v after %d articles, want %v after 1000", err, s.Inserted, full)
	}
}

func TestRunStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, &endless{}, sinkFunc(func(ctx context.Context, _ []Record) (int, error) {
		cancel()
		<-ctx.Done()
		return 0, ctx.Err()
	}), Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// While one batch is being saved, the next ones must be decoded: the sink waits in its first Save until the reader has
// passed the batch it holds, and gives up after a while.
func TestRunDecodesWhileSaving(t *testing.T) {
	t.Parallel()
	in := &countingReader{r: strings.NewReader(articles(5000))}
	first := true
	_, err := Run(t.Context(), in, sinkFunc(func(ctx context.Context, b []Record) (int, error) {
		if !first {
			return len(b), nil
		}
		first = false
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for in.n.Load() < 100*1024 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return 0, errors.New("nothing was read meanwhile")
			}
		}
		return len(b), nil
	}), Options{BatchSize: 10})
	if err != nil {
		t.Error(err)
	}
}

func TestRunReportsProgress(t *testing.T) {
	t.Parallel()
	input := articles(1000) + "{}\n"
	clock := time.Unix(0, 0)
	var last Progress
	calls := 0
	s, err := Run(t.Context(), strings.NewReader(input), &memory{}, Options{
		TotalSize: int64(len(input)),
		Now:       func() time.Time { return clock },
		Progress: func(p Progress) {
			if p.Records < last.Records || p.BytesRead < last.BytesRead || p.BytesTotal != int64(len(input)) {
				t.Errorf("%+v after %+v", p, last)
			}
			last, calls = p, calls+1
			clock = clock.Add(time.Second)
		},
	})
	if err != nil || calls != 3 || last.Records != 1000 || last.Rejected != 1 || s.Rejected != 1 {
		t.Errorf("%v; %d calls, last %+v", err, calls, last)
	}
	if s.Elapsed != 3*time.Second || int(s.Rate()) != 333 {
		t.Errorf("took %v at %v/s", s.Elapsed, s.Rate())
	}
}

// collected is the project's collection of real articles; it is outside the repository.
func collected(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("OPENLEARN_DATA")
	if dir == "" {
		tb.Skip("OPENLEARN_DATA is not set: no collection of real articles to read")
	}
	return filepath.Join(dir, "data", "news", "articles.jsonl")
}

func TestRunReadsCollectedArticles(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(collected(t))
	if err != nil {
		t.Fatal(err)
	}
	var m memory
	s, err := Run(t.Context(), bytes.NewReader(data), &m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	NewMeter(&report, "articles.jsonl", false, time.Now).Done(s)
	t.Log(report.String())
	dated := 0
	for _, r := range m.records {
		checkRecord(t, r)
		if r.PublishedAt != nil {
			dated++
		}
	}
	// Counted by other means. The collection grows and shrinks, but a quarter of it always has dates.
	lines := int64(bytes.Count(data, []byte("\n")))
	if int64(s.Lines) != lines || s.Rejects[NoTitle] != 61 || s.Rejects[DuplicateURL] != 2 || int64(s.Inserted) != lines-63 || dated < s.Inserted/4 {
		t.Errorf("summary %+v, %d with a date", s, dated)
	}
}

func BenchmarkRun(b *testing.B) {
	data, err := os.ReadFile(collected(b))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	n := 0
	for b.Loop() {
		s, err := Run(b.Context(), bytes.NewReader(data), sinkFunc(func(_ context.Context, r []Record) (int, error) { return len(r), nil }), Options{})
		if err != nil {
			b.Fatal(err)
		}
		n += s.Records
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "articles/s")
}

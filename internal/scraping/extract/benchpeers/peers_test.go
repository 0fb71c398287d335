// Package benchpeers scores the extractor beside other libraries, in one run on the same pages. It prints the tables that are
// in docs/benchmarks.md: `make eval-extraction`.
package benchpeers

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	readability "codeberg.org/readeck/go-readability/v2"
	distiller "github.com/markusmobius/go-domdistiller"
	trafilatura "github.com/markusmobius/go-trafilatura"

	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/extract/evaluation"
)

func ours(page string, u *url.URL) evaluation.Result {
	a, err := extract.Extract(page, extract.Hints{URL: u, Zone: time.UTC})
	if err != nil {
		return evaluation.Result{}
	}
	return evaluation.Result{Title: a.Title, Subtitle: a.Subtitle, Text: a.Text, Author: a.Author, Published: a.PublishedAt}
}

// byTrafilatura looks for dates the fast way: the other tries every language on every line, and takes seconds a page.
func byTrafilatura(page string, u *url.URL) evaluation.Result {
	r, err := trafilatura.Extract(strings.NewReader(page), trafilatura.Options{OriginalURL: u, EnableFallback: true, ExcludeComments: true, HtmlDateMode: trafilatura.Fast})
	if err != nil {
		return evaluation.Result{}
	}
	out := evaluation.Result{Title: r.Metadata.Title, Subtitle: r.Metadata.Description, Text: r.ContentText, Author: strings.ReplaceAll(r.Metadata.Author, ";", ",")}
	if !r.Metadata.Date.IsZero() {
		out.Published = &r.Metadata.Date
	}
	return out
}

func byReadability(page string, u *url.URL) evaluation.Result {
	a, err := readability.FromReader(strings.NewReader(page), u)
	if err != nil {
		return evaluation.Result{}
	}
	var text strings.Builder
	_ = a.RenderText(&text) // an article without a node has no text
	out := evaluation.Result{Title: a.Title(), Subtitle: a.Excerpt(), Text: text.String(), Author: a.Byline()}
	if at, err := a.PublishedTime(); err == nil && !at.IsZero() {
		out.Published = &at
	}
	return out
}

func byDistiller(page string, u *url.URL) evaluation.Result {
	r, err := distiller.ApplyForReader(strings.NewReader(page), &distiller.Options{OriginalURL: u, SkipPagination: true})
	if err != nil {
		return evaluation.Result{}
	}
	out := evaluation.Result{Title: r.Title, Subtitle: r.MarkupInfo.Description, Text: r.Text, Author: r.MarkupInfo.Author}
	if at, err := time.Parse(time.RFC3339, r.MarkupInfo.Article.PublishedTime); err == nil {
		out.Published = &at
	}
	return out
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// repeats is how often each page is read, for the sake of the processor time.
const repeats = 2

// run scores an extractor on every page, one after another on one core. A peer that panics has read nothing.
func run(t *testing.T, pages []evaluation.Page, extractor evaluation.Extractor) (evaluation.Summary, []time.Duration, float64) {
	t.Helper()
	var scores []evaluation.Score
	var took []time.Duration
	var bytes uint64
	for _, p := range pages {
		raw, err := p.HTML()
		if err != nil {
			t.Fatal(err)
		}
		page := extract.Decode(raw, "")
		u, err := url.Parse(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		var got evaluation.Result
		best := time.Hour
		for range repeats { // of several, the least disturbed
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := cpu()
			func() {
				defer func() { _ = recover() }()
				got = extractor(page, u)
			}()
			best = min(best, cpu()-start)
			runtime.ReadMemStats(&after)
			bytes += after.TotalAlloc - before.TotalAlloc
		}
		took = append(took, best)
		scores = append(scores, evaluation.Rate(p, page, got))
	}
	slices.Sort(took)
	return evaluation.Summarize(scores), took, float64(bytes) / float64(repeats*len(pages))
}

func TestTable(t *testing.T) { //nolint:paralleltest // it measures the process
	root := os.Getenv("OPENLEARN_DATA")
	if root == "" {
		t.Skip("OPENLEARN_DATA is not set: the recorded pages are not here")
	}
	pages, err := evaluation.Load(filepath.Join(root, "data", "extraction"))
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() { // every fourth page, for a first look
		var some []evaluation.Page
		for i := 0; i < len(pages); i += 4 {
			some = append(some, pages[i])
		}
		pages = some
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	type row struct {
		name  string
		cells []string
	}
	var rows []row
	for _, peer := range []struct {
		name      string
		extractor evaluation.Extractor
	}{{"OpenLearn", ours}, {"go-trafilatura 1.12", byTrafilatura}, {"go-readability 2.1", byReadability}, {"go-domdistiller 1.0", byDistiller}} {
		s, took, bytes := run(t, pages, peer.extractor)
		mean := time.Duration(0)
		for _, d := range took {
			mean += d
		}
		mean /= time.Duration(len(took))
		f, w := s.Fields[evaluation.Fundus], s.Fields[evaluation.WCXB]
		r := row{name: peer.name}
		for _, v := range []float64{
			s.BodyF1[evaluation.AEB], s.BodyF1[evaluation.WCXB], s.BodyF1[evaluation.Fundus], s.SnippetF1, s.Wanted, s.Clean,
			f.Title, w.Title, f.OwnHeadline, f.Day, f.DayWrong, f.Author, f.AuthorApart, w.AuthorApart,
		} {
			r.cells = append(r.cells, fmt.Sprintf("%.3f", v))
		}
		ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
		r.cells = append(r.cells, ms(mean), ms(took[len(took)*95/100]), fmt.Sprintf("%.2f MB", bytes/1e6))
		rows = append(rows, r)
	}
	labels := []string{
		"article-extraction-benchmark, 4-gram F1", "WCXB articles, word F1", "Fundus pages, word F1", "WCXB snippets, F1", "of the wanted present", "of the unwanted absent",
		"title equal, Fundus", "title equal, WCXB", "title equal to one of the page's headlines", "day right, Fundus", "day wrong, Fundus", "author, Fundus", "author, self-signed pages apart, Fundus", "author, self-signed pages apart, WCXB",
		"CPU a page, one core, mean", "CPU a page, 95 %", "memory allocated a page",
	}
	counts := map[string]int{}
	for _, p := range pages {
		counts[p.Set]++
	}
	fmt.Printf("%d pages of article-extraction-benchmark, %d of WCXB, %d of Fundus; %s\n\n| measure |", counts[evaluation.AEB], counts[evaluation.WCXB], counts[evaluation.Fundus], runtime.Version())
	for _, r := range rows {
		fmt.Printf(" %s |", r.name)
	}
	fmt.Println("\n|---|" + strings.Repeat("---|", len(rows)))
	for i, label := range labels {
		fmt.Printf("| %s |", label)
		for _, r := range rows {
			fmt.Printf(" %s |", r.cells[i])
		}
		fmt.Println()
	}
}

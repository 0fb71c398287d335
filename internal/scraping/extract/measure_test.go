package extract

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"openlearn/internal/scraping/extract/evaluation"
	"openlearn/internal/scraping/source"
	"openlearn/internal/testkit/bounds"
)

// The recorded pages belong to their publishers and are not part of the project: these measurements run where
// OPENLEARN_DATA points to them.
func extractionData(t *testing.T) string {
	t.Helper()
	root := os.Getenv("OPENLEARN_DATA")
	if root == "" {
		t.Skip("OPENLEARN_DATA is not set: the recorded pages are not here")
	}
	return filepath.Join(root, "data", "extraction")
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return Decode(raw, "")
}

// inParallel runs f for 0..n-1 on as many goroutines as there are processors.
func inParallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// sample thins a list of pages under the race detector, which makes each ten times slower. slack is how far a figure for
// the sample may then be below the figure for all pages.
func sample[T any](all []T) (pages []T, slack float64) {
	if !bounds.Race {
		return all, 0
	}
	for i := 0; i < len(all); i += 5 {
		pages = append(pages, all[i])
	}
	return pages, 0.06
}

// extractText returns the body whatever else the page lacks: a benchmark's page may have no title.
func extractText(page string, u *url.URL) string {
	a, err := Extract(page, Hints{URL: u})
	if err != nil && !errors.Is(err, NoText) {
		return ""
	}
	return a.Text
}

func TestMeasureBodies(t *testing.T) {
	t.Parallel()
	dir := extractionData(t)
	var truth map[string]struct{ ArticleBody, URL string }
	readJSON(t, filepath.Join(dir, "aeb", "ground-truth.json"), &truth)
	ids := make([]string, 0, len(truth))
	for id := range truth {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	ids, slack := sample(ids)
	ps, rs := make([]float64, len(ids)), make([]float64, len(ids))
	took := make([]time.Duration, len(ids))
	inParallel(len(ids), func(i int) {
		u, _ := url.Parse(truth[ids[i]].URL)
		page := readPage(t, filepath.Join(dir, "aeb", "html", ids[i]+".html.gz"))
		start := time.Now()
		text := extractText(page, u)
		took[i] = time.Since(start)
		ps[i], rs[i] = evaluation.Overlap(evaluation.Shingles(text), evaluation.Shingles(truth[ids[i]].ArticleBody))
	})
	for i, id := range ids {
		if evaluation.F1of(ps[i], rs[i]) < 0.75 {
			t.Logf("  %.8s p %.2f r %.2f %s", id, ps[i], rs[i], truth[id].URL)
		}
	}
	slices.Sort(took)
	p, r := mean(ps), mean(rs)
	t.Logf("article-extraction-benchmark, %d pages: 4-gram F1 %.4f (precision %.4f, recall %.4f); %v a page at the median, %v at most", len(ids), evaluation.F1of(p, r), p, r, took[len(took)/2], took[len(took)-1])
	if floor := 0.965 - slack; evaluation.F1of(p, r) < floor {
		t.Errorf("4-gram F1 %.4f, want %.3f", evaluation.F1of(p, r), floor)
	}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func TestMeasureWCXB(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(extractionData(t), "wcxb")
	paths, err := filepath.Glob(filepath.Join(dir, "truth", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no truth: %v", err)
	}
	paths, slack := sample(paths)
	f1s := make([]float64, len(paths))
	inParallel(len(paths), func(i int) {
		var truth struct {
			URL   string
			Truth struct {
				Main string `json:"main_content"`
			} `json:"ground_truth"`
		}
		readJSON(t, paths[i], &truth)
		u, _ := url.Parse(truth.URL)
		id := strings.TrimSuffix(filepath.Base(paths[i]), ".json")
		text := extractText(readPage(t, filepath.Join(dir, "html", id+".html.gz")), u)
		p, r := evaluation.Overlap(evaluation.BagOfWords(text), evaluation.BagOfWords(truth.Truth.Main))
		f1s[i] = evaluation.F1of(p, r)
	})
	low := 0
	for _, v := range f1s {
		if v < 0.5 {
			low++
		}
	}
	t.Logf("WCXB, %d pages: word F1 %.4f, %d pages under 0.5", len(paths), mean(f1s), low)
	if floor := 0.95 - slack; mean(f1s) < floor {
		t.Errorf("word F1 %.4f, want %.3f", mean(f1s), floor)
	}
}

// fundusPage is one recorded page with its labels, made by people and parsers.
type fundusPage struct {
	publisher, path string
	Authors         []string
	Published       string `json:"publishing_date"`
	Title           string
	Body            struct {
		Summary  []string
		Sections []struct{ Headline, Paragraphs []string }
	}
	Topics []string
}

// fundusPages pairs a publisher's entries V1, V1_1, V1_2 … with its files in the order of their days.
func fundusPages(t *testing.T, dir string) []fundusPage {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no truth: %v", err)
	}
	var out []fundusPage
	for _, path := range paths {
		var entries map[string]fundusPage
		readJSON(t, path, &entries)
		files, err := filepath.Glob(strings.TrimSuffix(path, ".json") + "_[0-9]*.html.gz")
		if err != nil {
			t.Fatal(err)
		}
		sort.Strings(files)
		keys := make([]string, 0, len(entries))
		for k := range entries {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		if len(keys) != len(files) {
			t.Logf("  %s: %d entries, %d files", path, len(keys), len(files))
			continue
		}
		for i, k := range keys {
			e := entries[k]
			e.publisher, e.path = strings.TrimSuffix(filepath.Base(path), ".json"), files[i]
			out = append(out, e)
		}
	}
	return out
}

func TestMeasureFields(t *testing.T) {
	t.Parallel()
	pages, slack := sample(fundusPages(t, filepath.Join(extractionData(t), "fundus")))
	var mu sync.Mutex
	var title, date, dateNone, dateWrong, author, authorNone, dates, authors int
	var f1s []float64
	var log []string
	inParallel(len(pages), func(i int) {
		p := pages[i]
		a, err := Extract(readPage(t, p.path), Hints{URL: &url.URL{Scheme: "https", Host: "www." + strings.ToLower(p.publisher) + ".example", Path: "/"}, Zone: time.UTC})
		mu.Lock()
		defer mu.Unlock()
		miss := func(what string, got, want any) {
			log = append(log, strings.Join([]string{filepath.Base(p.path), what, shown(got), "want", shown(want)}, " "))
		}
		if err != nil {
			miss("extract", err.Error(), "")
		}
		if sameName(a.Title, p.Title) {
			title++
		} else {
			miss("title", a.Title, p.Title)
		}
		if p.Published != "" {
			dates++
			want, perr := time.Parse("2006-01-02 15:04:05Z07:00", p.Published)
			if perr != nil { // the label has no zone: it is the page's local time, whose zone is unknown here too
				want, perr = time.Parse(time.DateTime, p.Published)
			}
			if perr != nil {
				t.Errorf("%s: %v", p.path, perr)
			}
			switch {
			case a.PublishedAt == nil:
				dateNone++
				miss("date", "none", p.Published)
			case a.PublishedAt.In(want.Location()).Format(time.DateOnly) == want.Format(time.DateOnly):
				date++
			default:
				dateWrong++
				miss("date", a.PublishedAt.Format(time.RFC3339), p.Published)
			}
		}
		if len(p.Authors) > 0 {
			authors++
			switch {
			case a.Author == "":
				authorNone++
				miss("author", "none", strings.Join(p.Authors, ", "))
			case sameName(a.Author, strings.Join(p.Authors, ", ")):
				author++
			default:
				miss("author", a.Author, strings.Join(p.Authors, ", "))
			}
		}
		var body []string
		body = append(body, p.Body.Summary...)
		for _, s := range p.Body.Sections {
			body = append(body, s.Headline...)
			body = append(body, s.Paragraphs...)
		}
		pr, re := evaluation.Overlap(evaluation.BagOfWords(a.Text), evaluation.BagOfWords(strings.Join(body, "\n")))
		f1s = append(f1s, evaluation.F1of(pr, re))
		if evaluation.F1of(pr, re) < 0.7 {
			miss("body", evaluation.F1of(pr, re), len(strings.Join(body, " ")))
		}
	})
	sort.Strings(log)
	for _, l := range log {
		t.Log("  " + l)
	}
	n := float64(len(pages))
	t.Logf("fundus, %d pages: title %.3f, date %.3f (none %d, wrong %d of %d), author %.3f (none %d of %d), body word F1 %.4f",
		len(pages), float64(title)/n, float64(date)/float64(dates), dateNone, dateWrong, dates, float64(author)/float64(authors), authorNone, authors, mean(f1s))
	for what, v := range map[string][2]float64{
		"title": {float64(title) / n, 0.85}, "date": {float64(date) / float64(dates), 0.96}, "author": {float64(author) / float64(authors), 0.77},
	} {
		if v[0] < v[1]-2*slack { // a field of twenty pages moves in steps of 0.05
			t.Errorf("%s: %.3f, want %.2f", what, v[0], v[1])
		}
	}
}

func sameName(a, b string) bool { return source.Fold(a) == source.Fold(b) }

func shown(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if len(raw) > 160 {
		raw = raw[:160]
	}
	return string(raw)
}

// Package evaluation scores an extractor of articles on recorded pages whose right answers are known. The pages belong to
// their publishers and are not part of the project: they are read from a directory (see Load).
package evaluation

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// The sets of pages, with the publishers of their labels.
const (
	AEB    = "aeb"    // scrapinghub/article-extraction-benchmark: bodies
	WCXB   = "wcxb"   // Murrough-Foley/web-content-extraction-benchmark, articles: bodies, snippets, title, author, day
	Fundus = "fundus" // flairNLP/fundus, news of many countries: bodies, title, author, day
)

// A Page is one recorded page and its labels. Fields that nobody labelled are empty.
type Page struct {
	Set, ID, URL string
	file         string

	Body          string
	With, Without []string // snippets that the text must contain, and must not contain
	Title         string
	Authors       []string
	Day           string // YYYY-MM-DD in the page's own zone
	At            string // the moment, if the label has one
}

// HTML reads the page's bytes.
func (p Page) HTML() ([]byte, error) {
	f, err := os.Open(p.file)
	if err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	defer func() { _ = f.Close() }() // opened for reading only
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("evaluation: %s: %w", p.file, err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("evaluation: %s: %w", p.file, err)
	}
	return raw, nil
}

// Load lists the pages under dir, which holds a directory for each set, in the same order every time.
func Load(dir string) ([]Page, error) {
	var pages []Page
	for _, read := range []func(string) ([]Page, error){loadAEB, loadWCXB, loadFundus} {
		set, err := read(dir)
		if err != nil {
			return nil, err
		}
		pages = append(pages, set...)
	}
	return pages, nil
}

func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("evaluation: %s: %w", path, err)
	}
	return nil
}

func loadAEB(dir string) ([]Page, error) {
	var truth map[string]struct{ ArticleBody, URL string }
	if err := readJSON(filepath.Join(dir, AEB, "ground-truth.json"), &truth); err != nil {
		return nil, err
	}
	pages := make([]Page, 0, len(truth))
	for id, t := range truth {
		pages = append(pages, Page{Set: AEB, ID: id, URL: t.URL, Body: t.ArticleBody, file: filepath.Join(dir, AEB, "html", id+".html.gz")})
	}
	sort.Slice(pages, func(i, j int) bool { return pages[i].ID < pages[j].ID })
	return pages, nil
}

func loadWCXB(dir string) ([]Page, error) {
	paths, err := filepath.Glob(filepath.Join(dir, WCXB, "truth", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	pages := make([]Page, 0, len(paths))
	for _, path := range paths {
		var t struct {
			URL   string
			Truth struct {
				Title, Author string
				Day           string `json:"publish_date"`
				Body          string `json:"main_content"`
				With, Without []string
			} `json:"ground_truth"`
		}
		if err := readJSON(path, &t); err != nil {
			return nil, err
		}
		id := strings.TrimSuffix(filepath.Base(path), ".json")
		p := Page{
			Set: WCXB, ID: id, URL: t.URL, Body: t.Truth.Body, With: t.Truth.With, Without: t.Truth.Without, Title: t.Truth.Title, Day: t.Truth.Day,
			file: filepath.Join(dir, WCXB, "html", id+".html.gz"),
		}
		if t.Truth.Author != "" {
			p.Authors = []string{t.Truth.Author}
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// loadFundus pairs a publisher's entries V1, V1_1, V1_2 … with its files in the order of their days.
func loadFundus(dir string) ([]Page, error) {
	paths, err := filepath.Glob(filepath.Join(dir, Fundus, "*", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	var pages []Page
	for _, path := range paths {
		var entries map[string]struct {
			Authors   []string
			Published string `json:"publishing_date"`
			Title     string
			Body      struct {
				Summary  []string
				Sections []struct{ Headline, Paragraphs []string }
			}
		}
		if err := readJSON(path, &entries); err != nil {
			return nil, err
		}
		publisher := strings.TrimSuffix(path, ".json")
		files, err := filepath.Glob(publisher + "_[0-9]*.html.gz")
		if err != nil {
			return nil, fmt.Errorf("evaluation: %w", err)
		}
		sort.Strings(files)
		keys := make([]string, 0, len(entries))
		for k := range entries {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		if len(keys) != len(files) { // which entry belongs to which file is not known
			continue
		}
		for i, k := range keys {
			e := entries[k]
			body := e.Body.Summary
			for _, s := range e.Body.Sections {
				body = append(append(body, s.Headline...), s.Paragraphs...)
			}
			host := "www." + strings.ToLower(filepath.Base(publisher)) + ".example"
			pages = append(pages, Page{
				Set: Fundus, ID: strings.TrimSuffix(filepath.Base(files[i]), ".html.gz"), URL: (&url.URL{Scheme: "https", Host: host, Path: "/"}).String(),
				Body: strings.Join(body, "\n"), Title: e.Title, Authors: e.Authors, Day: dayOf(e.Published), At: e.Published, file: files[i],
			})
		}
	}
	return pages, nil
}

// dayOf is the calendar day of a label's moment in the zone that it is written in.
func dayOf(at string) string {
	if len(at) < len(time.DateOnly) {
		return ""
	}
	return at[:len(time.DateOnly)]
}

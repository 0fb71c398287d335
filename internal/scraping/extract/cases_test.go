package extract

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"openlearn/internal/newsdate"
	"openlearn/internal/scraping/source"
)

// pageCase is a page with the result that it must give.
type pageCase struct {
	ID, Kind, Input, URL string
	Want                 struct {
		Contains, Lacks, Once []string
		ParagraphsMin         int `json:"paragraphs_min"`
		Title, Author         *string
		Subtitle, Language    *string
		Published, Updated    *string
		PublishedDay          *string `json:"published_day"`
		UpdatedDay            *string `json:"updated_day"`
		Refused               bool
	}
}

// TestCasesSeenInTheWild runs the reference cases of pages if they are available.
func TestCasesSeenInTheWild(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(extractionData(t), "cases")
	f, err := os.Open(filepath.Join(dir, "cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	pages := 0
	for lines.Scan() {
		var c pageCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind != "page" {
			continue
		}
		pages++
		raw, err := os.ReadFile(filepath.Join(dir, c.Input))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			c.check(t, raw)
		})
	}
	if err := lines.Err(); err != nil || pages == 0 {
		t.Fatalf("%d cases, %v", pages, err)
	}
}

func (c pageCase) check(t *testing.T, raw []byte) {
	t.Helper()
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	site := source.Source{BaseURL: u.Scheme + "://" + u.Host}.Site()
	a, err := Extract(Decode(raw, "text/html"), Hints{URL: u, Language: "es", Site: &site})
	if c.Want.Refused {
		var kind Refusal
		if !errors.As(err, &kind) || kind == NoText {
			t.Errorf("not refused with a kind: %v, %+v", err, a)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	text := source.Collapse(a.Text)
	for _, s := range c.Want.Contains {
		if !strings.Contains(text, s) {
			t.Errorf("the text lacks %q", s)
		}
	}
	for _, s := range c.Want.Lacks {
		if strings.Contains(text, s) {
			t.Errorf("the text holds %q", s)
		}
	}
	for _, s := range c.Want.Once {
		if n := strings.Count(text, s); n != 1 {
			t.Errorf("the text holds %q %d times", s, n)
		}
	}
	if n := strings.Count(a.Text, "\n\n") + 1; n < c.Want.ParagraphsMin {
		t.Errorf("%d paragraphs, want %d", n, c.Want.ParagraphsMin)
	}
	moment := func(at *time.Time, layout string) string {
		if at == nil {
			return ""
		}
		if layout == time.DateOnly {
			return at.In(newsdate.Bogota()).Format(layout)
		}
		return at.Format(layout)
	}
	for _, f := range []struct {
		name, got string
		want      *string
	}{
		{"title", a.Title, c.Want.Title},
		{"subtitle", a.Subtitle, c.Want.Subtitle},
		{"author", a.Author, c.Want.Author},
		{"language", a.Language, c.Want.Language},
		{"published", moment(a.PublishedAt, time.RFC3339), c.Want.Published},
		{"updated", moment(a.UpdatedAt, time.RFC3339), c.Want.Updated},
		{"published day", moment(a.PublishedAt, time.DateOnly), c.Want.PublishedDay},
		{"updated day", moment(a.UpdatedAt, time.DateOnly), c.Want.UpdatedDay},
	} {
		if f.want != nil && f.got != *f.want {
			t.Errorf("%s: %q, want %q", f.name, f.got, *f.want)
		}
	}
}

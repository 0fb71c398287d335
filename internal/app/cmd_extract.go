package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/robots"
	"openlearn/internal/scraping/source"
)

// mostPageBytes bounds a page, and a line with one in it.
const mostPageBytes = 16 << 20

func extractFlags(fs *flag.FlagSet) {
	fs.String("url", "", "where the page was found: links are resolved against it, and the newspaper's name is its host's")
	fs.Bool("jsonl", false, `FILE holds a page a line: {"id": …, "url": "…", "html": "…"}; each gives a line with its id`)
	fs.String("content-type", "", "the Content-Type that the page came with")
}

// articleJSON is an article on one line.
type articleJSON struct {
	ID        json.RawMessage `json:"id,omitempty"`
	URL       string          `json:"url"`
	Source    string          `json:"source,omitempty"`
	Title     string          `json:"title"`
	Subtitle  string          `json:"subtitle"`
	Text      string          `json:"text"`
	Author    string          `json:"author"`
	Category  string          `json:"category"`
	Published *time.Time      `json:"published"`
	Updated   *time.Time      `json:"updated"`
	Tags      []string        `json:"tags"`
	Image     string          `json:"image"`
	Paywall   bool            `json:"paywall"`
	Language  string          `json:"language"`
}

func articleLine(a extract.Article) articleJSON {
	return articleJSON{
		URL: a.URL, Source: a.Source, Title: a.Title, Subtitle: a.Subtitle, Text: a.Text, Author: a.Author, Category: a.Category,
		Published: a.PublishedAt, Updated: a.UpdatedAt, Tags: append([]string{}, a.Tags...), Image: a.Image, Paywall: a.Paywall, Language: a.Language,
	}
}

// refusedJSON is a page that is not an article.
type refusedJSON struct {
	ID      json.RawMessage `json:"id,omitempty"`
	URL     string          `json:"url"`
	Refused string          `json:"refused"`
	Detail  string          `json:"detail"`
}

func runExtract(ctx context.Context, c *call) (err error) {
	if len(c.args) != 1 {
		return usageError{"extract: expected one FILE, or - for standard input"}
	}
	in, err := openInput(c.args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	sources, err := source.Load("")
	if err != nil {
		return err
	}
	if c.flags.Lookup("jsonl").Value.String() == "true" {
		return extractLines(ctx, c.stdout, in, sources)
	}
	page, err := io.ReadAll(io.LimitReader(in, mostPageBytes))
	if err != nil {
		return err
	}
	line, refused := extractPage(sources, c.flags.Lookup("url").Value.String(), c.flags.Lookup("content-type").Value.String(), page, nil)
	printJSON(c.stdout, line)
	return refused
}

func openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(name)
}

// extractPage returns the line for one page, and the refusal if it is not an article.
func extractPage(sources *source.Catalogue, address, contentType string, page []byte, id json.RawMessage) (line any, refused error) {
	u, err := url.Parse(address)
	if err != nil {
		err = fmt.Errorf("--url: %w", err)
		return refusedJSON{id, address, "url", err.Error()}, err
	}
	hints := extract.Hints{URL: u, Language: "es"}
	if u.Host != "" {
		s := source.Source{BaseURL: u.Scheme + "://" + u.Host}
		for _, known := range sources.All() {
			if known.Site().Accepts(u) {
				s = known
				hints.Source, hints.Language = s.Name, s.Language
				break
			}
		}
		site := s.Site()
		hints.Site = &site
	}
	a, err := extract.Extract(extract.Decode(page, contentType), hints)
	if err != nil {
		kind := "unreadable"
		var refusal extract.Refusal
		if errors.As(err, &refusal) {
			kind = string(refusal)
		}
		return refusedJSON{id, address, kind, err.Error()}, err
	}
	out := articleLine(a)
	out.ID = id
	return out, nil
}

func extractLines(ctx context.Context, w io.Writer, in io.Reader, sources *source.Catalogue) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), mostPageBytes)
	for n := 1; lines.Scan(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var page struct {
			ID          json.RawMessage `json:"id"`
			URL         string          `json:"url"`
			HTML        string          `json:"html"`
			ContentType string          `json:"content_type"`
		}
		if err := json.Unmarshal(lines.Bytes(), &page); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		line, _ := extractPage(sources, page.URL, page.ContentType, []byte(page.HTML), page.ID) // the line says what was refused
		printJSON(w, line)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read pages: %w", err)
	}
	return nil
}

func robotsFlags(fs *flag.FlagSet) {
	fs.String("agent", "OpenLearnBot", "the robot that asks; what follows its first letters does not count")
}

func runRobots(_ context.Context, c *call) (err error) {
	if len(c.args) < 2 {
		return usageError{"robots: expected a FILE (or - for standard input) and one PATH or more"}
	}
	in, err := openInput(c.args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	body, err := io.ReadAll(io.LimitReader(in, robots.MaxBytes))
	if err != nil {
		return err
	}
	rules := robots.Parse(body, robots.ProductToken(c.flags.Lookup("agent").Value.String()))
	for _, path := range c.args[1:] {
		u, err := url.Parse(path)
		if err != nil { // a path that no URL can have is requested as it stands
			u = &url.URL{Opaque: path}
		}
		verdict, allowed := "deny", rules.Allowed(u)
		if allowed {
			verdict = "allow"
		}
		if err := c.result(map[string]any{"path": path, "allowed": allowed}, "%s\n", verdict); err != nil {
			return err
		}
	}
	return nil
}

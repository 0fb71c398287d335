package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"openlearn/internal/articles"
	"openlearn/internal/articles/importer"
	"openlearn/internal/articles/limits"
	"openlearn/internal/outbox"
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/extract"
)

// Domains do not know each other; this file adapts their types to each other.

// archiveFigures gives scraping the archive's figures.
type archiveFigures struct{ articles *articles.Service }

func (a archiveFigures) Figures(ctx context.Context, since time.Time) (scraping.Figures, error) {
	c, err := a.articles.Counts(ctx, since)
	if err != nil {
		return scraping.Figures{}, err
	}
	out := scraping.Figures{Total: c.Total, Recent: c.Recent, LastScrape: c.LastScrape, BySource: []scraping.SourceCount{}}
	for _, s := range c.BySource {
		out.BySource = append(out.BySource, scraping.SourceCount{Source: s.Source, Count: s.Count})
	}
	return out, nil
}

// kept handles the outcome of a command's write, whose invalidation nobody waits for: the write is stored, and if caches could
// not be told, that is counted and reported at the end.
func (c *core) kept(pending bool, err error) error {
	if pending {
		c.untold.Add(1)
	}
	if errors.Is(err, outbox.ErrUnconfirmed) {
		return nil
	}
	return err
}

// sayUntold reports for how many of a command's writes the invalidation is pending.
func (c *core) sayUntold(w io.Writer) {
	if n := c.untold.Load(); n > 0 {
		fmt.Fprintf(w, "stored, with the invalidation of %d writes pending: Redis could not be told. Instances read from PostgreSQL until it can.\n", n)
	}
}

// scrapeSink stores what a scrape found.
type scrapeSink struct{ core *core }

func (s scrapeSink) Save(ctx context.Context, found []extract.Article) ([]scraping.Verdict, error) {
	batch := make([]articles.Article, 0, len(found))
	for _, f := range found {
		batch = append(batch, articles.Article{
			Source: f.Source, SourceURL: f.URL, Title: f.Title, Subtitle: notEmpty(cut(f.Subtitle, limits.Subtitle)), Content: f.Text,
			Author: notEmpty(cut(f.Author, limits.Author)), Category: notEmpty(cut(f.Category, limits.Category)), PublishedDate: f.PublishedAt,
			Tags: f.Tags, IsPaywall: &f.Paywall, ModifiedDate: f.UpdatedAt, Image: fits(f.Image, limits.Image), Language: fits(f.Language, limits.Language),
		})
	}
	saved, pending, err := s.core.Articles.Save(ctx, batch)
	if err = s.core.kept(pending, err); err != nil {
		return nil, err
	}
	out := make([]scraping.Verdict, len(saved))
	for i, v := range saved {
		out[i] = scraping.Verdict{Outcome: scraping.Outcome(v.Outcome), Reason: v.Reason}
	}
	return out, nil
}

// fits returns s if it has at most n characters, else nil: half an address is useless.
func fits(s string, n int) *string {
	if utf8.RuneCountInString(s) > n {
		return nil
	}
	return notEmpty(s)
}

// importSink stores the records of a file, each batch over several connections: nearly all of the time goes into the
// full-text index, which one connection fills on one core.
type importSink struct{ core *core }

const importConnections = 4

func (s importSink) Save(ctx context.Context, records []importer.Record) ([]bool, error) {
	batch := make([]articles.Article, 0, len(records))
	for _, r := range records {
		batch = append(batch, articles.Article{
			Source: r.Source, SourceURL: r.URL, Title: r.Title, Content: r.Content, Category: r.Category, Author: r.Author, PublishedDate: r.PublishedAt,
			ModifiedDate: r.ModifiedAt, ScrapedAt: r.StoredAt, Subtitle: r.Subtitle, Image: r.Image, Language: r.Language, Tags: r.Tags,
			DifficultyScore: r.Difficulty, IsPaywall: r.IsPaywall, Entities: r.Entities, ExtraMetadata: r.Metadata,
		})
	}
	group, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	isNew := map[string]bool{} // by address
	for part := range slices.Chunk(batch, (len(batch)+importConnections-1)/importConnections) {
		group.Go(func() error {
			stored, pending, err := s.core.Articles.Insert(ctx, part)
			mu.Lock()
			for i := range stored {
				isNew[stored[i].SourceURL] = true
			}
			mu.Unlock()
			return s.core.kept(pending, err)
		})
	}
	err := group.Wait()
	inserted := make([]bool, len(records))
	for i := range records {
		inserted[i] = isNew[records[i].URL]
	}
	return inserted, err
}

// cut shortens s to n characters, at a comma if it has one: authors are a list.
func cut(s string, n int) string {
	rs := []rune(s)
	if len(rs) <= n {
		return s
	}
	s = string(rs[:n])
	if i := strings.LastIndex(s, ", "); i > 0 {
		return s[:i]
	}
	return s
}

func notEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

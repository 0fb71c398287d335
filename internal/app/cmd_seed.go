package app

import (
	"context"
	"flag"
	"fmt"
	"time"

	"openlearn/internal/articles"
	"openlearn/internal/sample"
)

// The sample is the same every time, everywhere: it has a fixed seed and reference time.
const (
	sampleSeed    = 1
	sampleBatch   = 500
	sampleDefault = 1000
)

var sampleReference = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

func seedFlags(fs *flag.FlagSet) {
	fs.Int("articles", sampleDefault, "how many articles there shall be")
}

func runSeed(ctx context.Context, c *call) error {
	n := c.flags.Lookup("articles").Value.(flag.Getter).Get().(int)
	if n < 1 || n > 5_000_000 {
		return usageError{"seed: --articles: expected 1 to 5000000"}
	}
	return withCore(ctx, c, func(core *core) error {
		start := time.Now()
		stored, err := core.seed(ctx, n)
		if err != nil {
			return err
		}
		if err := core.analyseWaiting(ctx, c.stderr); err != nil {
			return err
		}
		took := time.Since(start).Round(time.Millisecond)
		return c.result(map[string]any{"stored": stored, "existing": n - stored, "seconds": took.Seconds()}, "%d articles stored, %d were there already (%s)\n", stored, n-stored, took)
	})
}

// seed stores the first n articles of the sample, and returns how many were new. They wait to be analysed.
func (c *core) seed(ctx context.Context, n int) (stored int, err error) {
	gen, err := sample.New(sampleSeed, sampleReference)
	if err != nil {
		return 0, err
	}
	batch := make([]sample.Article, 0, sampleBatch)
	flush := func() error {
		k, err := c.seedBatch(ctx, batch)
		stored += k
		batch = batch[:0]
		return err
	}
	for art := range gen.Articles(n) {
		if batch = append(batch, art); len(batch) == sampleBatch {
			if err := flush(); err != nil {
				return stored, err
			}
		}
	}
	return stored, flush()
}

func (c *core) seedBatch(ctx context.Context, batch []sample.Article) (int, error) {
	rows := make([]articles.Article, 0, len(batch))
	for i := range batch {
		s := &batch[i]
		rows = append(rows, articles.Article{
			Source: s.Source, SourceURL: s.SourceURL, Category: &s.Category, Title: s.Title, Subtitle: s.Subtitle, Content: s.Content,
			Author: s.Author, PublishedDate: s.PublishedAt, ScrapedAt: &s.ScrapedAt, Tags: s.Tags, IsPaywall: &s.IsPaywall,
		})
	}
	stored, pending, err := c.Articles.Insert(ctx, rows)
	if err := c.kept(pending, err); err != nil {
		return 0, fmt.Errorf("seed: %w", err)
	}
	return len(stored), nil
}

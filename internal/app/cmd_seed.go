package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"time"

	"openlearn/internal/analysis"
	"openlearn/internal/articles"
	"openlearn/internal/sample"
)

// The sample is the same every time, everywhere: same seed, same moment.
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
		_, err = fmt.Fprintf(c.stdout, "%d articles stored, %d were there already (%s)\n", stored, n-stored, time.Since(start).Round(time.Millisecond))
		return err
	})
}

// seed stores the first n articles of the sample with their analyses, and returns how many were new.
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
	byURL := make(map[string]*sample.Article, len(batch))
	for i := range batch {
		s := &batch[i]
		byURL[s.SourceURL] = s
		entities, err := json.Marshal(s.Entities)
		if err != nil {
			return 0, fmt.Errorf("seed: entities of %s: %w", s.SourceURL, err)
		}
		rows = append(rows, articles.Article{
			Source: s.Source, SourceURL: s.SourceURL, Category: &s.Category, Title: s.Title, Subtitle: s.Subtitle, Content: s.Content,
			Author: s.Author, PublishedDate: s.PublishedAt, ScrapedAt: &s.ScrapedAt, Entities: entities, Tags: s.Tags,
			DifficultyScore: &s.DifficultyScore, IsPaywall: &s.IsPaywall,
		})
	}
	stored, pending, err := c.Articles.Insert(ctx, rows)
	if err := c.kept(pending, err); err != nil {
		return 0, fmt.Errorf("seed: %w", err)
	}
	var analyses []analysis.Analysis
	for _, art := range stored {
		if an := byURL[art.SourceURL].Analysis; an != nil {
			row, err := analysisRow(art.ID, an)
			if err != nil {
				return 0, err
			}
			analyses = append(analyses, row)
		}
	}
	if err := c.kept(c.Analysis.Insert(ctx, analyses)); err != nil {
		return 0, fmt.Errorf("seed: %w", err)
	}
	return len(stored), nil
}

func analysisRow(articleID int64, an *sample.Analysis) (analysis.Analysis, error) {
	entities := make([]analysis.Entity, 0, len(an.Entities))
	for _, e := range an.Entities {
		entities = append(entities, analysis.Entity{Text: e.Text, Type: e.Type})
	}
	topics := make([]analysis.Topic, 0, len(an.Topics))
	for _, t := range an.Topics {
		topics = append(topics, analysis.Topic{Topic: t.Topic, Confidence: t.Confidence})
	}
	e, err := json.Marshal(entities)
	if err != nil {
		return analysis.Analysis{}, fmt.Errorf("seed: analysis of article %d: %w", articleID, err)
	}
	t, err := json.Marshal(topics)
	if err != nil {
		return analysis.Analysis{}, fmt.Errorf("seed: analysis of article %d: %w", articleID, err)
	}
	return analysis.Analysis{
		ContentID: articleID, Entities: e, Topics: t, Summary: &an.Summary, SentimentScore: &an.SentimentScore,
		SentimentLabel: &an.SentimentLabel, ProcessedAt: &an.ProcessedAt, ModelVersion: &an.ModelVersion,
	}, nil
}

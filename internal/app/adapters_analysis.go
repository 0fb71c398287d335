package app

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"openlearn/internal/analysis"
	"openlearn/internal/articles"
)

// analysedArchive adapts the archive for the analyses.
type analysedArchive struct{ articles *articles.Service }

func (a analysedArchive) Texts(ctx context.Context, ids []int64) ([]analysis.Text, error) {
	found, err := a.articles.Texts(ctx, ids)
	out := make([]analysis.Text, len(found))
	for i, t := range found {
		out[i] = analysis.Text{ID: t.ID, Title: t.Title, Content: t.Content, Published: t.Date}
	}
	return out, err
}

func (a analysedArchive) Lock(ctx context.Context, tx *gorm.DB, ids []int64) error {
	return a.articles.Lock(ctx, tx, ids)
}

func (a analysedArchive) Apply(ctx context.Context, tx *gorm.DB, found []analysis.Finding) error {
	out := make([]articles.Found, len(found))
	for i, f := range found {
		out[i] = articles.Found{ID: f.ID, Difficulty: f.After.Difficulty, DifficultyBefore: f.Before.Difficulty}
		for _, c := range []struct {
			from any
			none bool
			to   *json.RawMessage
		}{
			{f.After.Entities, f.After.Entities == nil, &out[i].Entities},
			{f.Before.Entities, f.Before.Entities == nil, &out[i].EntitiesBefore},
			{f.After.Tags, f.After.Tags == nil, &out[i].Tags},
			{f.Before.Tags, f.Before.Tags == nil, &out[i].TagsBefore},
		} {
			if c.none {
				continue
			}
			b, err := json.Marshal(c.from)
			if err != nil {
				return fmt.Errorf("encode what was found of article %d: %w", f.ID, err)
			}
			*c.to = b
		}
	}
	return a.articles.Apply(ctx, tx, out)
}

func (a analysedArchive) Cards(ctx context.Context, ids []int64) ([]analysis.Card, error) {
	found, err := a.articles.Many(ctx, ids)
	out := make([]analysis.Card, len(found))
	for i := range found {
		f := &found[i]
		out[i] = analysis.Card{
			ID: f.ID, Source: f.Source, SourceURL: f.SourceURL, Title: f.Title, Category: f.Category, PublishedDate: f.PublishedDate, Difficulty: f.DifficultyScore,
		}
	}
	return out, err
}

func (a analysedArchive) TextDeps(id int64) []string { return a.articles.Deps(id) }

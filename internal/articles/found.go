package articles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// What an analysis reads from articles, and what it finds for their own columns.

// Text is the input of an article's analysis.
type Text struct {
	ID      int64
	Title   string
	Content string
	Date    *time.Time // see Article.Date
}

// Texts reads the texts of these articles from the database; those that do not exist are left out.
func (s *Service) Texts(ctx context.Context, ids []int64) ([]Text, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var out []Text
	err := s.store.db.WithContext(ctx).Model(&Article{}).Select("id, title, content, least(published_date, scraped_at) AS date").Where("id IN ?", ids).Order("id").Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("texts of %d articles: %w", len(ids), err)
	}
	return out, nil
}

// Lock keeps others from changing these articles until the transaction ends.
func (s *Service) Lock(ctx context.Context, tx *gorm.DB, ids []int64) error {
	var locked []int64
	err := tx.WithContext(ctx).Model(&Article{}).Select("id").Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Where("id IN ?", ids).Order("id").Scan(&locked).Error
	if err != nil {
		return fmt.Errorf("lock %d articles: %w", len(ids), err)
	}
	return nil
}

// Found is what an analysis found for an article's own columns, and what it had found before. A column that is empty or
// holds the earlier finding gets the new one; a column that somebody else has filled stays.
type Found struct {
	ID               int64           `json:"id"`
	Difficulty       *float64        `json:"difficulty"`
	DifficultyBefore *float64        `json:"difficulty_before"`
	Entities         json.RawMessage `json:"entities"`
	EntitiesBefore   json.RawMessage `json:"entities_before"`
	Tags             json.RawMessage `json:"tags"`
	TagsBefore       json.RawMessage `json:"tags_before"`
}

// Apply writes findings to the articles' columns, in the transaction that holds their locks.
func (s *Service) Apply(ctx context.Context, tx *gorm.DB, found []Found) error {
	if len(found) == 0 {
		return nil
	}
	list, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("encode what was found of %d articles: %w", len(found), err)
	}
	if err := tx.WithContext(ctx).Exec(applyFound, string(list)).Error; err != nil {
		return fmt.Errorf("give %d articles what was found: %w", len(found), err)
	}
	return nil
}

const applyFound = `
WITH given AS (
    SELECT c.id,
        CASE WHEN c.difficulty_score IS NULL OR c.difficulty_score = f.difficulty_before THEN f.difficulty ELSE c.difficulty_score END AS difficulty,
        CASE WHEN c.colombian_entities IS NULL OR c.colombian_entities = f.entities_before THEN f.entities ELSE c.colombian_entities END AS entities,
        CASE WHEN coalesce(c.tags, '[]') = '[]' OR c.tags = f.tags_before THEN f.tags ELSE c.tags END AS tags
    FROM json_to_recordset(?::json) AS f(id bigint, difficulty float8, difficulty_before float8, entities jsonb, entities_before jsonb, tags jsonb, tags_before jsonb)
    JOIN scraped_content AS c ON c.id = f.id
)
UPDATE scraped_content AS c SET difficulty_score = g.difficulty, colombian_entities = g.entities, tags = g.tags, analysed_at = now()
FROM given AS g
WHERE c.id = g.id AND (c.difficulty_score, c.colombian_entities, c.tags) IS DISTINCT FROM (g.difficulty, g.entities, g.tags)`

// Many reads several articles through the cache; those that do not exist are left out.
func (s *Service) Many(ctx context.Context, ids []int64) ([]Article, error) {
	out := make([]Article, 0, len(ids))
	for i, r := range s.cached.article.GetMany(ctx, ids) {
		switch {
		case errors.Is(r.Err, ErrNotFound):
		case r.Err != nil:
			return nil, fmt.Errorf("article %d: %w", ids[i], r.Err)
		default:
			out = append(out, r.Value)
		}
	}
	return slices.Clip(out), nil
}

// Deps returns the dependencies of a value made from one article.
func (s *Service) Deps(id int64) []string { return []string{ArticleDep(id), Table} }

package analysis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Store holds every query on content_analysis.
type Store struct{ db *gorm.DB }

// NewStore reads and writes through db.
func NewStore(db *gorm.DB) *Store { return &Store{db} }

// Detail is an analysis with the beginning of the text it is about.
type Detail struct {
	Analysis
	Preview string `json:"preview"`
}

// previewRunes is how much of a text previews show, plus one so that a cut can be seen.
const previewRunes = 200

// Get reads one analysis, ErrNotFound if there is none.
func (s *Store) Get(ctx context.Context, id int64) (Detail, error) {
	var d Detail
	err := s.db.WithContext(ctx).Table("content_analysis AS a").
		Select("a.*, left(c.content, ?) AS preview", previewRunes+1).
		Joins("JOIN scraped_content c ON c.id = a.content_id").Where("a.id = ?", id).Take(&d).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return d, fmt.Errorf("get %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return d, fmt.Errorf("get analysis %d: %w", id, err)
	}
	return d, nil
}

// Row is an analysis in listings.
type Row struct {
	ID             int64      `json:"id"`
	ContentID      int64      `json:"content_id"`
	Preview        string     `json:"preview"`
	SentimentScore *float64   `json:"sentiment_score"`
	SentimentLabel *string    `json:"sentiment_label"`
	Topics         int        `json:"topics"`
	Entities       int        `json:"entities"`
	ProcessedAt    *time.Time `json:"processed_at"`
}

// Page reads the analyses [offset, offset+limit), newest first, and the number of all.
func (s *Store) Page(ctx context.Context, offset, limit int) (rows []Row, total int64, err error) {
	if err := s.db.WithContext(ctx).Model(&Analysis{}).Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("count analyses: %w", err)
	}
	if int64(offset) >= total {
		return nil, total, nil
	}
	if err := s.pageQuery(ctx, offset, limit).Scan(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("list analyses (offset %d, limit %d): %w", offset, limit, err)
	}
	return rows, total, nil
}

func (s *Store) pageQuery(ctx context.Context, offset, limit int) *gorm.DB {
	const newest = "coalesce(processed_at, '-infinity'::timestamptz) DESC, id DESC"
	ids := s.db.Model(&Analysis{}).Select("id").Order(newest).Limit(limit).Offset(offset)
	return s.db.WithContext(ctx).Table("content_analysis AS a").
		Select("a.id, a.content_id, left(c.content, ?) AS preview, a.sentiment_score, a.sentiment_label, a.processed_at, "+
			"CASE jsonb_typeof(a.topics) WHEN 'array' THEN jsonb_array_length(a.topics) ELSE 0 END AS topics, "+
			"CASE jsonb_typeof(a.entities) WHEN 'array' THEN jsonb_array_length(a.entities) ELSE 0 END AS entities", previewRunes+1).
		Joins("JOIN scraped_content c ON c.id = a.content_id").Where("a.id IN (?)", ids).
		Order("coalesce(a.processed_at, '-infinity'::timestamptz) DESC, a.id DESC")
}

// Statistics are the figures over all analyses.
type Statistics struct {
	Total            int64            `json:"total"`
	AverageSentiment *float64         `json:"average_sentiment"`
	EntityTypes      map[string]int64 `json:"entity_types"`
	Last             *time.Time       `json:"last"`
}

// Statistics reads the figures over all analyses.
func (s *Store) Statistics(ctx context.Context) (Statistics, error) {
	var out Statistics
	db := s.db.WithContext(ctx)
	err := db.Model(&Analysis{}).Select("count(*) AS total, avg(sentiment_score) AS average_sentiment, max(processed_at) AS last").
		Row().Scan(&out.Total, &out.AverageSentiment, &out.Last)
	if err != nil {
		return out, fmt.Errorf("analysis totals: %w", err)
	}
	var types []struct {
		Type  string
		Count int64
	}
	err = db.Raw(`SELECT e ->> 'type' AS type, count(*) AS count
		FROM content_analysis, jsonb_array_elements(CASE jsonb_typeof(entities) WHEN 'array' THEN entities ELSE '[]' END) AS e
		WHERE jsonb_typeof(e) = 'object' AND e ->> 'type' IS NOT NULL GROUP BY 1`).Scan(&types).Error
	if err != nil {
		return out, fmt.Errorf("analysis entity types: %w", err)
	}
	out.EntityTypes = make(map[string]int64, len(types))
	for _, t := range types {
		out.EntityTypes[t.Type] = t.Count
	}
	return out, nil
}

// Insert stores analyses in one statement and fills in their ids.
func (s *Store) Insert(ctx context.Context, batch []Analysis) error {
	if len(batch) == 0 {
		return nil
	}
	if err := s.db.WithContext(ctx).Create(&batch).Error; err != nil {
		return fmt.Errorf("insert %d analyses: %w", len(batch), err)
	}
	return nil
}

package analysis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Store holds every query on this domain's tables.
type Store struct{ db *gorm.DB }

// NewStore makes a Store on db.
func NewStore(db *gorm.DB) *Store { return &Store{db} }

// Get reads one analysis, ErrNotFound if there is none.
func (s *Store) Get(ctx context.Context, id int64) (Analysis, error) {
	var a Analysis
	err := s.db.WithContext(ctx).Where("id = ?", id).Take(&a).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return a, fmt.Errorf("get %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return a, fmt.Errorf("get analysis %d: %w", id, err)
	}
	return a, nil
}

// Row is an analysis in listings.
type Row struct {
	ID             int64      `json:"id"`
	ContentID      int64      `json:"content_id"`
	Preview        *string    `json:"preview"`
	SentimentScore *float64   `json:"sentiment_score"`
	SentimentLabel *string    `json:"sentiment_label"`
	Topics         int        `json:"topics"`
	Entities       int        `json:"entities"`
	ProcessedAt    *time.Time `json:"processed_at"`
}

// Page reads the analyses [offset, offset+limit), newest first, and their total number. article 0 means all articles.
func (s *Store) Page(ctx context.Context, article int64, offset, limit int) (rows []Row, total int64, err error) {
	if article != 0 {
		err = s.db.WithContext(ctx).Model(&Analysis{}).Where("content_id = ?", article).Count(&total).Error
	} else {
		err = s.db.WithContext(ctx).Raw("SELECT coalesce((SELECT count FROM analysis_figures WHERE figure = 'analyses'), 0)").Scan(&total).Error
	}
	if err != nil {
		return nil, 0, fmt.Errorf("count analyses: %w", err)
	}
	if int64(offset) >= total {
		return nil, total, nil
	}
	if err := s.pageQuery(ctx, article, offset, limit).Scan(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("list analyses (offset %d, limit %d): %w", offset, limit, err)
	}
	return rows, total, nil
}

func (s *Store) pageQuery(ctx context.Context, article int64, offset, limit int) *gorm.DB {
	const newest = "coalesce(processed_at, '-infinity'::timestamptz) DESC, id DESC"
	ids := s.db.Model(&Analysis{}).Select("id").Order(newest).Limit(limit).Offset(offset)
	if article != 0 {
		ids = ids.Where("content_id = ?", article)
	}
	return s.db.WithContext(ctx).Model(&Analysis{}).
		Select("id, content_id, preview, sentiment_score, sentiment_label, processed_at, "+
			"CASE jsonb_typeof(topics) WHEN 'array' THEN jsonb_array_length(topics) ELSE 0 END AS topics, "+
			"CASE jsonb_typeof(entities) WHEN 'array' THEN jsonb_array_length(entities) ELSE 0 END AS entities").
		Where("id IN (?)", ids).Order(newest)
}

// Statistics are the figures over all analyses.
type Statistics struct {
	Total            int64            `json:"total"`
	AverageSentiment *float64         `json:"average_sentiment"`
	EntityTypes      map[string]int64 `json:"entity_types"`
	Topics           map[string]int64 `json:"topics"`
	Sentiments       map[string]int64 `json:"sentiments"`
	Levels           map[string]int64 `json:"levels"`
	Last             *time.Time       `json:"last"`
}

// Statistics reads the figures over all analyses: a few rows that are updated with every change.
func (s *Store) Statistics(ctx context.Context) (Statistics, error) {
	out := Statistics{EntityTypes: map[string]int64{}, Topics: map[string]int64{}, Sentiments: map[string]int64{}, Levels: map[string]int64{}}
	var rows []struct {
		Figure, Name string
		Count        int64
		Total        float64
	}
	db := s.db.WithContext(ctx)
	if err := db.Raw("SELECT figure, name, count, total FROM analysis_figures WHERE count > 0").Scan(&rows).Error; err != nil {
		return out, fmt.Errorf("analysis figures: %w", err)
	}
	by := map[string]map[string]int64{"entity": out.EntityTypes, "topic": out.Topics, "sentiment": out.Sentiments, "level": out.Levels}
	for _, r := range rows {
		switch r.Figure {
		case "analyses":
			out.Total = r.Count
		case "scored":
			out.AverageSentiment = ref(round(r.Total/float64(r.Count), 6))
		default:
			if m := by[r.Figure]; m != nil {
				m[r.Name] = r.Count
			}
		}
	}
	err := db.Raw("SELECT processed_at FROM content_analysis ORDER BY coalesce(processed_at, '-infinity'::timestamptz) DESC, id DESC LIMIT 1").Scan(&out.Last).Error
	if err != nil {
		return out, fmt.Errorf("the last analysis: %w", err)
	}
	return out, nil
}

// Package analysis puts the Spanish NLP engine (analysis/nlp) to use: it analyses texts on request, keeps an analysis of
// every article of the archive, and answers from these analyses what articles are about.
package analysis

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/cache"
)

// ErrNotFound is the error of reading an analysis that does not exist. Like an answer, it is cached, but briefly.
var ErrNotFound = fmt.Errorf("analysis: %w", cache.ErrNotFound)

// Archive provides the articles. They belong to another domain; package app connects the two.
type Archive interface {
	// Texts reads the articles with these ids from the database; those that do not exist are left out.
	Texts(ctx context.Context, ids []int64) ([]Text, error)
	// Lock keeps others from changing these articles until the transaction ends.
	Lock(ctx context.Context, tx *gorm.DB, ids []int64) error
	// Apply writes findings to the articles' own columns, in the transaction that stores the analyses.
	Apply(ctx context.Context, tx *gorm.DB, found []Finding) error
	// Cards returns the articles with these ids as lists show them; those that do not exist are left out.
	Cards(ctx context.Context, ids []int64) ([]Card, error)
	// TextDeps lists the dependencies of a value that was computed from this article's text.
	TextDeps(id int64) []string
}

// Text is an article to analyse.
type Text struct {
	ID             int64
	Title, Content string
	Published      *time.Time
}

// Card is an article in the list of related ones.
type Card struct {
	ID            int64      `json:"id"`
	Source        string     `json:"source"`
	SourceURL     string     `json:"source_url"`
	Title         string     `json:"title"`
	Category      *string    `json:"category"`
	PublishedDate *time.Time `json:"published_date"`
	Difficulty    *float64   `json:"difficulty_score"`
}

// Finding is what the engine found for an article's own columns, and what it had found before: only earlier findings may be
// replaced. Values that a writer supplied stay.
type Finding struct {
	ID            int64
	Before, After Found
}

// Found are values for an article's own columns; nil means none.
type Found struct {
	Difficulty *float64            `json:"difficulty,omitempty"`
	Entities   map[string][]string `json:"entities,omitempty"`
	Tags       []string            `json:"tags,omitempty"`
}

// Analysis is one row of content_analysis. Nil means NULL: not analysed.
type Analysis struct {
	ID                  int64           `json:"id" gorm:"primaryKey"`
	ContentID           int64           `json:"content_id"`
	Entities            json.RawMessage `json:"entities" gorm:"serializer:jsonb"`
	SentimentScore      *float64        `json:"sentiment_score"`
	SentimentLabel      *string         `json:"sentiment_label"`
	Subjectivity        *float64        `json:"subjectivity"`
	SentimentConfidence *float64        `json:"sentiment_confidence"`
	KeyPhrases          json.RawMessage `json:"key_phrases" gorm:"serializer:jsonb"`
	Topics              json.RawMessage `json:"topics" gorm:"serializer:jsonb"`
	Difficulty          json.RawMessage `json:"difficulty" gorm:"serializer:jsonb"`
	Summary             *string         `json:"summary"`
	Preview             *string         `json:"preview"`
	Language            *string         `json:"language"`
	ProcessedAt         *time.Time      `json:"processed_at"`
	ProcessingTimeMS    *int            `json:"processing_time_ms" gorm:"column:processing_time_ms"`
	ModelVersion        *string         `json:"model_version"`
	ContentHash         *string         `json:"content_hash"`
}

// TableName is the table's name in the original.
func (Analysis) TableName() string { return "content_analysis" }

// decodeList reads a jsonb list; anything but a list of T (in rows that other programs wrote) counts as empty.
func decodeList[T any](raw json.RawMessage) []T {
	out := []T{}
	if len(raw) == 0 || json.Unmarshal(raw, &out) != nil || out == nil {
		return []T{}
	}
	return out
}

// decodeObject reads a jsonb object; anything but a T counts as absent.
func decodeObject[T any](raw json.RawMessage) *T {
	var out *T
	if len(raw) == 0 || json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

// preview returns the beginning of a text, with an ellipsis if it was cut.
func preview(s string) string {
	if rs := []rune(s); len(rs) > previewRunes {
		return string(rs[:previewRunes]) + "..."
	}
	return s
}

// previewRunes is the length of a preview in runes.
const previewRunes = 200

// Package analysis serves what is known of articles beyond their text: entities, sentiment and topics, as stored in
// content_analysis.
package analysis

import (
	"encoding/json"
	"fmt"
	"time"

	"openlearn/internal/cache"
)

// ErrNotFound is what reading an analysis that does not exist gives. It is cached, briefly, like an answer.
var ErrNotFound = fmt.Errorf("analysis: %w", cache.ErrNotFound)

// Analysis is one row of content_analysis with the text it is about. Nil means NULL: not analysed.
type Analysis struct {
	ID               int64           `json:"id" gorm:"primaryKey"`
	ContentID        int64           `json:"content_id"`
	Entities         json.RawMessage `json:"entities" gorm:"serializer:jsonb"`
	SentimentScore   *float64        `json:"sentiment_score"`
	SentimentLabel   *string         `json:"sentiment_label"`
	Topics           json.RawMessage `json:"topics" gorm:"serializer:jsonb"`
	Summary          *string         `json:"summary"`
	ProcessedAt      *time.Time      `json:"processed_at"`
	ProcessingTimeMS *int            `json:"processing_time_ms" gorm:"column:processing_time_ms"`
	ModelVersion     *string         `json:"model_version"`
}

// TableName is the original's.
func (Analysis) TableName() string { return "content_analysis" }

// Entity is something named in a text.
type Entity struct {
	Text       string   `json:"text"`
	Type       string   `json:"type"`
	Confidence *float64 `json:"confidence"`
}

// Topic is what a text is about.
type Topic struct {
	Topic      string  `json:"topic"`
	Confidence float64 `json:"confidence"`
}

// decodeList reads a jsonb list; what is no list of T (rows of other hands) counts as empty.
func decodeList[T any](raw json.RawMessage) []T {
	out := []T{}
	if len(raw) == 0 || json.Unmarshal(raw, &out) != nil || out == nil {
		return []T{}
	}
	return out
}

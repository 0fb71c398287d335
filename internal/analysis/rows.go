package analysis

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// analysisRow is a row of content_analysis as saveRows takes it.
type analysisRow struct {
	ContentID           int64       `json:"content_id"`
	ContentHash         string      `json:"content_hash"`
	Preview             string      `json:"preview"`
	Language            string      `json:"language"`
	Entities            []Entity    `json:"entities"`
	SentimentScore      *float64    `json:"sentiment_score"`
	SentimentLabel      *string     `json:"sentiment_label"`
	Subjectivity        *float64    `json:"subjectivity"`
	SentimentConfidence *float64    `json:"sentiment_confidence"`
	KeyPhrases          []string    `json:"key_phrases"`
	Topics              []Topic     `json:"topics"`
	Difficulty          *Difficulty `json:"difficulty"`
	Summary             *string     `json:"summary"`
	Words               []string    `json:"words"`
	Found               Found       `json:"found"`
	ProcessingTimeMS    int64       `json:"processing_time_ms"`
	ModelVersion        string      `json:"model_version"`
}

func rowOf(f *findings, model string) analysisRow {
	r := analysisRow{
		ContentID: f.ContentID, ContentHash: f.Hash, Preview: f.Preview, Language: f.Language, Found: f.Found,
		ProcessingTimeMS: f.Took.Milliseconds(), ModelVersion: model, Words: []string{},
	}
	if !f.Spanish {
		return r
	}
	r.Entities, r.KeyPhrases, r.Topics, r.Difficulty, r.Summary = f.Entities, f.Gist.KeyPhrases, f.Topics, &f.Hard, &f.Gist.Summary
	r.SentimentScore, r.SentimentLabel = &f.Sentiment.Polarity, &f.Sentiment.Classification
	r.Subjectivity, r.SentimentConfidence = f.Sentiment.Subjectivity, f.Sentiment.Confidence
	for i := range f.Words {
		r.Words = append(r.Words, wordKey(&f.Words[i]))
	}
	return r
}

// saveRows stores analyses in one statement, each replacing its article's last one.
func (s *Store) saveRows(ctx context.Context, rows []analysisRow) error {
	if len(rows) == 0 {
		return nil
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode %d analyses: %w", len(rows), err)
	}
	if err := s.db.WithContext(ctx).Exec(upsertAnalyses, string(list)).Error; err != nil {
		return fmt.Errorf("store %d analyses: %w", len(rows), err)
	}
	return nil
}

const upsertAnalyses = `
INSERT INTO content_analysis (content_id, content_hash, preview, language, entities, sentiment_score, sentiment_label, subjectivity,
    sentiment_confidence, key_phrases, topics, difficulty, summary, words, found, processing_time_ms, model_version, processed_at)
SELECT content_id, content_hash, preview, language, entities, sentiment_score, sentiment_label, subjectivity,
    sentiment_confidence, key_phrases, topics, difficulty, summary, words, found, processing_time_ms, model_version, now()
FROM json_to_recordset(?::json) AS r(content_id bigint, content_hash text, preview text, language text, entities jsonb,
    sentiment_score float8, sentiment_label text, subjectivity float8, sentiment_confidence float8, key_phrases jsonb, topics jsonb,
    difficulty jsonb, summary text, words text[], found jsonb, processing_time_ms integer, model_version text)
ORDER BY content_id
ON CONFLICT (content_id) DO UPDATE SET content_hash = excluded.content_hash, preview = excluded.preview, language = excluded.language,
    entities = excluded.entities, sentiment_score = excluded.sentiment_score, sentiment_label = excluded.sentiment_label,
    subjectivity = excluded.subjectivity, sentiment_confidence = excluded.sentiment_confidence, key_phrases = excluded.key_phrases,
    topics = excluded.topics, difficulty = excluded.difficulty, summary = excluded.summary, words = excluded.words,
    found = excluded.found, processing_time_ms = excluded.processing_time_ms, model_version = excluded.model_version,
    processed_at = excluded.processed_at`

// The outbox names up to 500 rows of a statement, and thereby what to invalidate. So statements have no more rows.
const (
	mostRows  = 480
	mostOfOne = mostNames*(1+mostAliases) + mostTopics + mostTerms // rows of an article in article_names
)

// saveNames replaces the rows of these articles in article_names; those in again already had some.
func (s *Store) saveNames(ctx context.Context, again []int64, names []nameRow) error {
	for ids := range slices.Chunk(again, mostRows/mostOfOne) {
		if err := s.db.WithContext(ctx).Exec("DELETE FROM article_names WHERE content_id IN ?", ids).Error; err != nil {
			return fmt.Errorf("replace names of %d articles: %w", len(ids), err)
		}
	}
	for rows := range slices.Chunk(names, mostRows) {
		list, err := json.Marshal(rows)
		if err != nil {
			return fmt.Errorf("encode %d names: %w", len(rows), err)
		}
		err = s.db.WithContext(ctx).Exec(`INSERT INTO article_names (content_id, type, key, entity, name, class, mentions, weight, polarity, day)
			SELECT content_id, type, key, entity, name, class, mentions, weight, polarity, day
			FROM json_to_recordset(?::json) AS r(content_id bigint, type text, key text, entity text, name text, class text, mentions integer, weight real, polarity real, day date)
			ORDER BY type, key, content_id`, string(list)).Error
		if err != nil {
			return fmt.Errorf("store %d names: %w", len(rows), err)
		}
	}
	return nil
}

// wordRow is a row of vocabulary_words without its count, which a trigger maintains.
type wordRow struct {
	Word      string  `json:"word"`
	Lemma     string  `json:"lemma"`
	UPOS      string  `json:"upos"`
	Level     string  `json:"level"`
	Band      int     `json:"band"`
	Colombian bool    `json:"colombian"`
	Meaning   *string `json:"meaning"`
	Example   string  `json:"example"`
	ContentID int64   `json:"content_id"`
}

func wordKey(w *Word) string { return w.Lemma + "/" + w.UPOS }

func wordRowOf(w *Word, article int64) wordRow {
	r := wordRow{Word: wordKey(w), Lemma: w.Lemma, UPOS: w.UPOS, Level: w.Level, Band: w.Band, Colombian: w.Colombian, Example: w.Example, ContentID: article}
	if w.Meaning != "" {
		r.Meaning = &w.Meaning
	}
	return r
}

// saveWords makes sure that the vocabulary has these words, each with an example.
func (s *Store) saveWords(ctx context.Context, words map[string]wordRow) error {
	if len(words) == 0 {
		return nil
	}
	rows := make([]wordRow, 0, len(words))
	for _, word := range slices.Sorted(maps.Keys(words)) {
		rows = append(rows, words[word])
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode %d words: %w", len(rows), err)
	}
	err = s.db.WithContext(ctx).Exec(`INSERT INTO vocabulary_words AS v (word, lemma, upos, level, band, colombian, meaning, example, content_id)
		SELECT word, lemma, upos, level, band, colombian, meaning, example, content_id
		FROM json_to_recordset(?::json) AS r(word text, lemma text, upos text, level text, band smallint, colombian boolean, meaning text, example text, content_id bigint)
		ORDER BY word
		ON CONFLICT (word) DO UPDATE SET level = excluded.level, band = excluded.band, colombian = excluded.colombian, meaning = excluded.meaning,
			example = excluded.example, content_id = excluded.content_id
		WHERE v.example IS NULL OR v.content_id = excluded.content_id OR v.level <> excluded.level`, string(list)).Error
	if err != nil {
		return fmt.Errorf("store %d words: %w", len(rows), err)
	}
	return nil
}

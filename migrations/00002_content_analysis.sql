-- +goose Up
CREATE TABLE content_analysis (
    id                  bigserial PRIMARY KEY,
    content_id          bigint NOT NULL REFERENCES scraped_content (id) ON DELETE CASCADE,
    entities            jsonb,
    sentiment_score     double precision,
    sentiment_label     varchar(20),
    key_phrases         jsonb,
    topics              jsonb,
    summary             text,
    colombian_slang     jsonb,
    regional_variations jsonb,
    processed_at        timestamptz DEFAULT now(),
    processing_time_ms  integer,
    model_version       varchar(50),
    CHECK (sentiment_score > '-infinity' AND sentiment_score < 'infinity'),
    CHECK (processed_at BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59Z')
);
CREATE INDEX content_analysis_content_id ON content_analysis (content_id);
CREATE INDEX content_analysis_processed_at ON content_analysis ((coalesce(processed_at, '-infinity'::timestamptz)) DESC, id DESC);

-- +goose Down
DROP TABLE content_analysis;

-- +goose Up
-- Entities are found by how any word of their names begins.
DROP INDEX analysis_names_prefix;
CREATE INDEX analysis_names_words ON analysis_names USING gin (to_tsvector('simple'::regconfig, key));

-- +goose Down
DROP INDEX analysis_names_words;
CREATE INDEX analysis_names_prefix ON analysis_names (key text_pattern_ops);

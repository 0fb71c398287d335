-- +goose Up

-- The beginning of a text, as long as any listing shows of it and a character more, by which a cut is noticed. It lies in the
-- row: the whole text lies elsewhere (TOAST), and fetching twenty of those was a third of what a page cost.
ALTER TABLE scraped_content
    ADD COLUMN opening text GENERATED ALWAYS AS (left(content, 501)) STORED,
    ALTER COLUMN opening SET STORAGE MAIN;

-- +goose Down
ALTER TABLE scraped_content DROP COLUMN opening;

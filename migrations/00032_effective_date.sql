-- +goose Up

-- An article's date, where one is needed: when it was published, else when it was stored, and never later than that (a date
-- in the future is a newspaper's mistake, or an embargo that its own page did not keep). LEAST ignores NULL; who has neither
-- date comes last. All listings have one order, read forwards and backwards. (A change of this expression is one of
-- articles.effectiveDate, too.)
CREATE INDEX scraped_content_date ON scraped_content ((coalesce(least(published_date, scraped_at), '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_source_date ON scraped_content (source, (coalesce(least(published_date, scraped_at), '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_category_date ON scraped_content (category, (coalesce(least(published_date, scraped_at), '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_author_date ON scraped_content (author, (coalesce(least(published_date, scraped_at), '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_hardest ON scraped_content ((coalesce(difficulty_score, '-infinity'::float8)) DESC, id DESC);
CREATE INDEX scraped_content_changed ON scraped_content ((coalesce(greatest(updated_at, analysed_at), scraped_at, '-infinity'::timestamptz)));
DROP INDEX scraped_content_undated_first, scraped_content_undated_last, scraped_content_source, scraped_content_source_first,
    scraped_content_category, scraped_content_category_first, scraped_content_author;

-- The archive's name, for identifiers that must outlive its address and its server (feeds). It is made
-- when it is first asked for, so that a copy of the data alone can be restored.
CREATE TABLE archive_identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id  uuid NOT NULL DEFAULT gen_random_uuid()
);

-- +goose Down

DROP TABLE archive_identity;
CREATE INDEX scraped_content_undated_first ON scraped_content ((coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_undated_last ON scraped_content ((coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_source ON scraped_content (source, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_source_first ON scraped_content (source, (coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_category ON scraped_content (category, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_category_first ON scraped_content (category, (coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_author ON scraped_content (author, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
DROP INDEX scraped_content_date, scraped_content_source_date, scraped_content_category_date, scraped_content_author_date, scraped_content_hardest,
    scraped_content_changed;

-- +goose Up

-- What the page says of itself beside its text, which revision of the article the row is, and which articles tell the same
-- story: a wire story stands in several newspapers, and each keeps its own.
ALTER TABLE scraped_content
    ADD COLUMN modified_date   timestamptz CHECK (modified_date BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59Z'),
    ADD COLUMN image           varchar(2000),
    ADD COLUMN language        varchar(35),
    ADD COLUMN revision        integer NOT NULL DEFAULT 1,
    -- The lowest id of the articles that tell the story when it was found; NULL: nobody else tells it.
    ADD COLUMN duplicate_group bigint,
    -- MinHash of the text (64 values), and its bands: texts that share a band may be near duplicates.
    ADD COLUMN minhash         integer[],
    ADD COLUMN minhash_bands   integer[];

ALTER TABLE scraped_content DROP CONSTRAINT scraped_content_content_hash_key;
CREATE INDEX scraped_content_hash ON scraped_content (content_hash);
CREATE INDEX scraped_content_duplicates ON scraped_content (duplicate_group, id) WHERE duplicate_group IS NOT NULL;
CREATE INDEX scraped_content_bands ON scraped_content USING gin (minhash_bands);

-- What an article said before each change.
CREATE TABLE article_revisions (
    article_id     bigint NOT NULL REFERENCES scraped_content (id) ON DELETE CASCADE,
    revision       integer NOT NULL,
    title          varchar(500) NOT NULL,
    subtitle       text,
    content        text NOT NULL,
    author         varchar(200),
    published_date timestamptz,
    modified_date  timestamptz,
    content_hash   varchar(64),
    updated_at     timestamptz, -- when it became this
    PRIMARY KEY (article_id, revision)
);

-- +goose Down
DROP TABLE article_revisions;
-- Of several articles with one text the first stays, as the constraint wants it.
DELETE FROM scraped_content AS later USING scraped_content AS first
    WHERE later.content_hash = first.content_hash AND later.id > first.id;
DROP INDEX scraped_content_bands;
DROP INDEX scraped_content_duplicates;
DROP INDEX scraped_content_hash;
ALTER TABLE scraped_content ADD CONSTRAINT scraped_content_content_hash_key UNIQUE (content_hash);
ALTER TABLE scraped_content
    DROP COLUMN minhash_bands,
    DROP COLUMN minhash,
    DROP COLUMN duplicate_group,
    DROP COLUMN revision,
    DROP COLUMN language,
    DROP COLUMN image,
    DROP COLUMN modified_date;

-- +goose Up

-- What a search looks in: the stems of the text as written, which join inflections ("educación", "educaciones"), and the
-- same stems without accents, which join spellings ("ñandú", "nandu"). The stems are folded, not the text: stemming after
-- folding would lose inflections, since the stemmer knows "-ación" and not "-acion". (Searches do their part by trying
-- the accents that may have been left out.) translate() and not the unaccent extension: a generated column needs an
-- immutable function. No more text than this is indexed, because a tsvector holds 1 MB at most.
-- +goose StatementBegin
CREATE FUNCTION spanish_vector(title text, subtitle text, content text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
DECLARE
    written tsvector := to_tsvector('spanish'::regconfig, CASE WHEN octet_length(content) > 250000 THEN left(content, 250000) ELSE content END);
BEGIN
    IF subtitle <> '' THEN
        written := setweight(to_tsvector('spanish'::regconfig, left(subtitle, 10000)), 'B') || written;
    END IF;
    written := setweight(to_tsvector('spanish'::regconfig, title), 'A') || written;
    -- Only stems with a letter beyond ASCII can change; imports spend most of their time here.
    RETURN written || array_to_tsvector(ARRAY(
        SELECT translate(stem, 'áéíóúüñ', 'aeiouun') FROM unnest(tsvector_to_array(written)) AS stem WHERE octet_length(stem) > length(stem)));
END
$$;
-- +goose StatementEnd

CREATE TABLE scraped_content (
    id                 bigserial PRIMARY KEY,
    source             varchar(100) NOT NULL,
    source_url         varchar(500) NOT NULL UNIQUE,
    category           varchar(50),
    title              varchar(500) NOT NULL,
    subtitle           text,
    content            text NOT NULL,
    author             varchar(200),
    word_count         integer,
    published_date     timestamptz,
    scraped_at         timestamptz DEFAULT now(),
    updated_at         timestamptz DEFAULT now(),
    content_hash       varchar(64) UNIQUE,
    colombian_entities jsonb,
    tags               jsonb,
    extra_metadata     jsonb,
    difficulty_score   double precision,
    is_paywall         boolean,
    -- entity_names: every string of colombian_entities, whether it is {"type": ["name"]} or ["name"]
    -- What the API can print: JSON knows no NaN, RFC 3339 no year 10000.
    CHECK (difficulty_score > '-infinity' AND difficulty_score < 'infinity'),
    CHECK (published_date BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59Z'),
    CHECK (scraped_at BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59Z'),
    CHECK (updated_at BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59Z'),
    entity_names       jsonb GENERATED ALWAYS AS
        (jsonb_path_query_array(colombian_entities, '$.** ? (@.type() == "string")')) STORED,
    search             tsvector GENERATED ALWAYS AS (spanish_vector(title, subtitle, content)) STORED
);

-- Half the time of pglz for texts of this size. A server built without lz4 keeps pglz.
-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE scraped_content ALTER COLUMN content SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'lz4 is not available: texts are compressed with pglz';
END
$$;
-- +goose StatementEnd

-- Listings: undated rows first (what the original API shows) and undated rows last (the article API). The coalesced
-- expressions make keyset conditions plain row comparisons, which an index can answer and which never meet a NULL.
CREATE INDEX scraped_content_undated_first ON scraped_content ((coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_undated_last ON scraped_content ((coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_source ON scraped_content (source, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_source_first ON scraped_content (source, (coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_category ON scraped_content (category, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_category_first ON scraped_content (category, (coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_author ON scraped_content (author, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_difficulty ON scraped_content ((coalesce(difficulty_score, 'infinity'::float8)), id);
CREATE INDEX scraped_content_tags ON scraped_content USING gin (tags jsonb_path_ops);
CREATE INDEX scraped_content_entities ON scraped_content USING gin (entity_names jsonb_path_ops);
CREATE INDEX scraped_content_search ON scraped_content USING gin (search);

-- +goose Down
DROP TABLE scraped_content;
DROP FUNCTION spanish_vector(text, text, text);

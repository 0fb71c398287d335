-- +goose Up

-- Readers write "educacion" for "educación". Folding lower-cases and drops accents; translate() rather than the unaccent
-- extension because a generated column needs an immutable function, and because it behaves alike under every locale.
-- +goose StatementBegin
CREATE FUNCTION spanish_fold(t text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$
SELECT lower(translate(t,
    'áàâäãéèêëíìîïóòôöõúùûüñçÁÀÂÄÃÉÈÊËÍÌÎÏÓÒÔÖÕÚÙÛÜÑÇ',
    'aaaaaeeeeiiiiooooouuuuncAAAAAEEEEIIIIOOOOOUUUUNC'))
$$;
-- +goose StatementEnd

-- lower() leaves accented capitals alone under the C locale.
-- +goose StatementBegin
CREATE FUNCTION spanish_lower(t text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT lower(translate(t, 'ÁÉÍÓÚÜÑ', 'áéíóúüñ')) $$;
-- +goose StatementEnd

-- Two vectors in one: stems of the text as written (inflections) and stems of the folded text (unaccented spellings).
-- Stemming after folding alone would lose inflections, since the Spanish stemmer knows "-ación" and not "-acion".
-- +goose StatementBegin
CREATE FUNCTION spanish_vector(title text, subtitle text, content text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
SELECT setweight(to_tsvector('spanish'::regconfig, spanish_lower(coalesce(title, ''))), 'A')
    || setweight(to_tsvector('spanish'::regconfig, spanish_lower(coalesce(subtitle, ''))), 'B')
    || setweight(to_tsvector('spanish'::regconfig, spanish_lower(left(content, 250000))), 'D')
    || setweight(to_tsvector('spanish'::regconfig, spanish_fold(coalesce(title, ''))), 'A')
    || setweight(to_tsvector('spanish'::regconfig, spanish_fold(coalesce(subtitle, ''))), 'B')
    || setweight(to_tsvector('spanish'::regconfig, spanish_fold(left(content, 250000))), 'D')
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
    -- every string of colombian_entities, whether it is {"type": ["name"]} or ["name"]
    entity_names       jsonb GENERATED ALWAYS AS
        (jsonb_path_query_array(colombian_entities, '$.** ? (@.type() == "string")')) STORED,
    search             tsvector GENERATED ALWAYS AS (spanish_vector(title, subtitle, content)) STORED
);

-- Listings: undated rows first (what the original API shows) and undated rows last (the article API). The coalesced
-- expressions make keyset conditions plain row comparisons, which an index can answer and which never meet a NULL.
CREATE INDEX scraped_content_undated_first ON scraped_content ((coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_undated_last ON scraped_content ((coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_source ON scraped_content (source, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_source_first ON scraped_content (source, (coalesce(published_date, 'infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_category ON scraped_content (category, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_author ON scraped_content (author, (coalesce(published_date, '-infinity'::timestamptz)) DESC, id DESC);
CREATE INDEX scraped_content_difficulty ON scraped_content ((coalesce(difficulty_score, 'infinity'::float8)), id);
CREATE INDEX scraped_content_scraped_at ON scraped_content (scraped_at);
CREATE INDEX scraped_content_tags ON scraped_content USING gin (tags jsonb_path_ops);
CREATE INDEX scraped_content_entities ON scraped_content USING gin (entity_names jsonb_path_ops);
CREATE INDEX scraped_content_search ON scraped_content USING gin (search);

-- +goose Down
DROP TABLE scraped_content;
DROP FUNCTION spanish_vector(text, text, text);
DROP FUNCTION spanish_lower(text);
DROP FUNCTION spanish_fold(text);

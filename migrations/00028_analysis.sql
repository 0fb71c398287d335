-- +goose Up

-- An analysis is that of one article's text as it was: what it was made of, by which models, and what it found. An article has
-- one; of several that other programs left the newest stays.
ALTER TABLE scraped_content ADD COLUMN analysed_at timestamptz; -- when the engine last changed what the row shows

CREATE TEMP TABLE kept_analysis AS SELECT DISTINCT ON (content_id) * FROM content_analysis ORDER BY content_id, processed_at DESC NULLS LAST, id DESC;
DELETE FROM content_analysis;
DROP INDEX content_analysis_content_id;
ALTER TABLE content_analysis
    ADD COLUMN content_hash         varchar(64), -- of what was analysed
    ADD COLUMN preview              text,        -- how it began
    ADD COLUMN language             varchar(10),
    ADD COLUMN subjectivity         double precision,
    ADD COLUMN sentiment_confidence double precision,
    ADD COLUMN difficulty           jsonb,       -- {score, cefr_level, reading_time, flesch_score}
    ADD COLUMN words                text[],      -- the words for learners, as in vocabulary_words
    ADD COLUMN found                jsonb;       -- what the article's own columns were given
CREATE UNIQUE INDEX content_analysis_content_id ON content_analysis (content_id);

-- What has to be analysed: new articles, and those whose text changed, whoever changed it. mark changes with each change, so
-- that a slow analysis of an older text neither replaces a newer one nor takes its place here. No foreign keys: they would keep
-- the articles from being truncated.
CREATE TABLE analysis_pending (
    content_id bigint PRIMARY KEY,
    mark       bigserial,
    priority   smallint NOT NULL DEFAULT 0, -- 0: news, 1: what is done again
    since      timestamptz NOT NULL DEFAULT now(),
    failures   smallint NOT NULL DEFAULT 0,
    retry_at   timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX analysis_pending_order ON analysis_pending (priority, since, content_id);
INSERT INTO analysis_pending (content_id, priority) SELECT id, 1 FROM scraped_content;

-- +goose StatementBegin
CREATE FUNCTION analysis_is_pending() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO analysis_pending (content_id) SELECT id FROM new_rows ORDER BY id
        ON CONFLICT (content_id) DO UPDATE SET mark = excluded.mark, failures = 0, retry_at = '-infinity';
    ELSIF TG_OP = 'UPDATE' THEN
        -- Whoever takes away what the engine found gets it anew. EXECUTE: a plan kept from a change of one row would take for ever
        -- with ten thousand.
        EXECUTE $q$
            INSERT INTO analysis_pending (content_id)
            SELECT n.id FROM new_rows AS n JOIN old_rows AS o USING (id)
            WHERE (n.title, n.content, n.published_date) IS DISTINCT FROM (o.title, o.content, o.published_date)
                OR n.difficulty_score IS NULL AND o.difficulty_score IS NOT NULL
                OR n.colombian_entities IS NULL AND o.colombian_entities IS NOT NULL
            ORDER BY n.id
            ON CONFLICT (content_id) DO UPDATE SET mark = excluded.mark, failures = 0, retry_at = '-infinity', priority = 0
            $q$;
    ELSE
        DELETE FROM analysis_pending WHERE content_id IN (SELECT id FROM old_rows);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER pending_insert AFTER INSERT ON scraped_content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION analysis_is_pending();
CREATE TRIGGER pending_update AFTER UPDATE ON scraped_content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION analysis_is_pending();
CREATE TRIGGER pending_delete AFTER DELETE ON scraped_content REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION analysis_is_pending();

-- Who and what articles are about: entities (PER, LOC, ORG, MISC), topics, and the terms that tell them from others.
CREATE TABLE article_names (
    content_id bigint NOT NULL,
    type       varchar(10) NOT NULL,
    key        varchar(200) NOT NULL, -- of entities: a name in lower case without accents
    entity     varchar(200) NOT NULL, -- the key that the entity has everywhere; where key is another, the text calls it so
    name       varchar(200) NOT NULL,
    class      varchar(40),
    mentions   integer NOT NULL,
    weight     real,                  -- of topics
    polarity   real,                  -- how the entity fares in it; of topics: the article's
    day        date,                  -- of publication, in Colombia; NULL: not known
    PRIMARY KEY (content_id, type, key)
);
CREATE INDEX article_names_days ON article_names (key, day DESC NULLS LAST, content_id DESC) INCLUDE (type, mentions, polarity);

-- How many articles have each: kept with every change of article_names.
CREATE TABLE analysis_names (
    type     varchar(10) NOT NULL,
    key      varchar(200) NOT NULL,
    entity   varchar(200) NOT NULL,
    name     varchar(200) NOT NULL,
    class    varchar(40),
    articles bigint NOT NULL,
    mentions bigint NOT NULL,
    PRIMARY KEY (type, key)
);
CREATE INDEX analysis_names_prefix ON analysis_names (key text_pattern_ops);

-- +goose StatementBegin
CREATE FUNCTION count_names() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(31362879360824686); -- one at a time: names and words of two transactions overlap in any order
    IF TG_OP = 'INSERT' THEN
        INSERT INTO analysis_names AS n (type, key, entity, name, class, articles, mentions)
        SELECT type, key, min(entity), min(name), min(class), count(*), sum(mentions) FROM new_rows GROUP BY type, key ORDER BY type, key
        ON CONFLICT (type, key) DO UPDATE SET articles = n.articles + excluded.articles, mentions = n.mentions + excluded.mentions,
            class = coalesce(n.class, excluded.class);
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE analysis_names AS n SET articles = n.articles - gone.articles, mentions = n.mentions - gone.mentions
        FROM (SELECT type, key, count(*) AS articles, sum(mentions) AS mentions FROM old_rows GROUP BY type, key) AS gone
        WHERE n.type = gone.type AND n.key = gone.key;
        DELETE FROM analysis_names AS n USING old_rows AS o WHERE n.type = o.type AND n.key = o.key AND n.articles <= 0;
    ELSE
        DELETE FROM analysis_names;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER count_insert AFTER INSERT ON article_names REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_names();
CREATE TRIGGER count_delete AFTER DELETE ON article_names REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_names();
CREATE TRIGGER count_truncate AFTER TRUNCATE ON article_names FOR EACH STATEMENT EXECUTE FUNCTION count_names();

-- The words that articles use, for learners: written by the analyses, counted with every change of them.
CREATE TABLE vocabulary_words (
    word       varchar(60) PRIMARY KEY, -- lemma/UPOS
    lemma      varchar(50) NOT NULL,
    upos       varchar(5) NOT NULL,
    level      varchar(2) NOT NULL,
    band       smallint NOT NULL,
    colombian  boolean NOT NULL,
    meaning    text,
    example    text,
    content_id bigint,                  -- whose sentence the example is
    articles   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX vocabulary_words_level ON vocabulary_words (level);

-- The figures over all analyses.
CREATE TABLE analysis_figures (
    figure text NOT NULL, -- analyses, sentiment (by class), entity (by type), topic, level
    name   text NOT NULL,
    count  bigint NOT NULL,
    total  numeric NOT NULL, -- of analyses: the sum of sentiment_score
    PRIMARY KEY (figure, name)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION count_analyses() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    changed text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_advisory_xact_lock(31362879360824686);
        DELETE FROM analysis_figures;
        DELETE FROM vocabulary_words;
        DELETE FROM article_names;
        RETURN NULL;
    END IF;
    -- Each deleted article is a statement here, most of them of none.
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM pg_advisory_xact_lock(31362879360824686);
    changed := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM new_rows'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM old_rows'
        ELSE 'SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows'
    END;
    EXECUTE format($q$
        WITH changed AS (%s), part AS (
            SELECT 'analyses' AS figure, '' AS name, sign, 0::numeric AS total FROM changed
            UNION ALL SELECT 'scored', '', sign, sign * round(sentiment_score::numeric, 6) FROM changed WHERE sentiment_score IS NOT NULL
            UNION ALL SELECT 'sentiment', sentiment_label, sign, 0 FROM changed WHERE sentiment_label IS NOT NULL
            UNION ALL SELECT 'level', difficulty ->> 'cefr_level', sign, 0 FROM changed WHERE difficulty ->> 'cefr_level' IS NOT NULL
            UNION ALL SELECT 'entity', e ->> 'type', sign, 0
                FROM changed, jsonb_array_elements(CASE jsonb_typeof(entities) WHEN 'array' THEN entities ELSE '[]' END) AS e
                WHERE jsonb_typeof(e) = 'object' AND e ->> 'type' IS NOT NULL
            UNION ALL SELECT 'topic', e ->> 'topic', sign, 0
                FROM changed, jsonb_array_elements(CASE jsonb_typeof(topics) WHEN 'array' THEN topics ELSE '[]' END) AS e
                WHERE jsonb_typeof(e) = 'object' AND e ->> 'topic' IS NOT NULL
        )
        INSERT INTO analysis_figures AS f (figure, name, count, total)
        SELECT figure, name, sum(sign), sum(total) FROM part GROUP BY figure, name HAVING sum(sign) <> 0 OR sum(total) <> 0 ORDER BY figure, name
        ON CONFLICT (figure, name) DO UPDATE SET count = f.count + excluded.count, total = f.total + excluded.total
        $q$, changed);
    EXECUTE format($q$
        UPDATE vocabulary_words AS v SET articles = v.articles + delta.n
        FROM (SELECT word, sum(sign) AS n FROM (%s) AS changed, unnest(words) AS word GROUP BY word HAVING sum(sign) <> 0) AS delta
        WHERE v.word = delta.word
        $q$, changed);
    IF TG_OP = 'DELETE' THEN
        DELETE FROM article_names WHERE content_id IN (SELECT content_id FROM old_rows);
        UPDATE vocabulary_words AS v SET example = NULL, content_id = NULL
        FROM (SELECT content_id, unnest(words) AS word FROM old_rows) AS gone WHERE v.word = gone.word AND v.content_id = gone.content_id;
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE vocabulary_words AS v SET example = NULL, content_id = NULL
        FROM (SELECT content_id, unnest(words) AS word FROM old_rows EXCEPT SELECT content_id, unnest(words) FROM new_rows) AS gone
        WHERE v.word = gone.word AND v.content_id = gone.content_id;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER count_insert AFTER INSERT ON content_analysis REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_analyses();
CREATE TRIGGER count_update AFTER UPDATE ON content_analysis REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_analyses();
CREATE TRIGGER count_delete AFTER DELETE ON content_analysis REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_analyses();
CREATE TRIGGER count_truncate AFTER TRUNCATE ON content_analysis FOR EACH STATEMENT EXECUTE FUNCTION count_analyses();

-- What was there comes back through the triggers, which count it.
INSERT INTO content_analysis (id, content_id, entities, sentiment_score, sentiment_label, key_phrases, topics, summary, colombian_slang,
    regional_variations, processed_at, processing_time_ms, model_version, preview)
SELECT k.id, k.content_id, k.entities, k.sentiment_score, k.sentiment_label, k.key_phrases, k.topics, k.summary, k.colombian_slang,
    k.regional_variations, k.processed_at, k.processing_time_ms, k.model_version, left(c.content, 201)
FROM kept_analysis AS k JOIN scraped_content AS c ON c.id = k.content_id;
DROP TABLE kept_analysis;

SELECT record_changes_of('article_names', 'content_id', 'key');

-- +goose Down
DROP TRIGGER count_truncate ON content_analysis;
DROP TRIGGER count_delete ON content_analysis;
DROP TRIGGER count_update ON content_analysis;
DROP TRIGGER count_insert ON content_analysis;
DROP FUNCTION count_analyses();
DROP TABLE analysis_figures, vocabulary_words, analysis_names, article_names;
DROP FUNCTION count_names();
DROP TRIGGER pending_delete ON scraped_content;
DROP TRIGGER pending_update ON scraped_content;
DROP TRIGGER pending_insert ON scraped_content;
DROP FUNCTION analysis_is_pending();
DROP TABLE analysis_pending;
DROP INDEX content_analysis_content_id;
ALTER TABLE content_analysis
    DROP COLUMN found,
    DROP COLUMN words,
    DROP COLUMN difficulty,
    DROP COLUMN sentiment_confidence,
    DROP COLUMN subjectivity,
    DROP COLUMN language,
    DROP COLUMN preview,
    DROP COLUMN content_hash;
CREATE INDEX content_analysis_content_id ON content_analysis (content_id);
ALTER TABLE scraped_content DROP COLUMN analysed_at;

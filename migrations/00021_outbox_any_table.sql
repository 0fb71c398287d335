-- +goose Up

-- Any table may be recorded: its key is one column, of numbers or text, and the values of any other columns name the labels
-- that its rows bear. What is pending now stays so.
ALTER TABLE cache_outbox
    ALTER COLUMN keys TYPE text[] USING keys::text[],
    ADD COLUMN labels jsonb; -- {column: [value, …]}; NULL: not known, or too many
UPDATE cache_outbox SET labels = jsonb_build_object('source', to_jsonb(sources)) WHERE sources IS NOT NULL;
ALTER TABLE cache_outbox DROP COLUMN sources;

-- A statement trigger: one fact per statement, however many rows. Up to 500 rows are named, old and new alike, since a row
-- that moves from one source to another concerns both, and one that is inserted may be remembered as missing.
-- TG_ARGV[0] is the key's column, the rest are those of labels.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION record_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    most          CONSTANT integer := 500;
    changed       text;
    total         bigint;
    change_keys   text[];
    change_labels jsonb;
BEGIN
    IF TG_OP <> 'TRUNCATE' THEN
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %s LIMIT %s) AS r', CASE TG_OP WHEN 'DELETE' THEN 'old_rows' ELSE 'new_rows' END, most + 1) INTO total;
        IF total = 0 THEN
            RETURN NULL;
        END IF;
        IF total <= most THEN
            changed := CASE TG_OP
                WHEN 'INSERT' THEN 'new_rows'
                WHEN 'DELETE' THEN 'old_rows'
                ELSE (SELECT format('(SELECT %1$s FROM old_rows UNION ALL SELECT %1$s FROM new_rows)', string_agg(format('%I', c), ', '))
                      FROM (SELECT DISTINCT c FROM unnest(TG_ARGV) AS c) AS each)
            END;
            EXECUTE format('SELECT array_agg(DISTINCT %I::text), jsonb_build_object(%s) FROM %s AS r', TG_ARGV[0],
                (SELECT string_agg(format('%1$L, coalesce(jsonb_agg(DISTINCT %1$I::text) FILTER (WHERE %1$I IS NOT NULL), ''[]'')', c), ', ')
                 FROM unnest(TG_ARGV) WITH ORDINALITY AS arg(c, at) WHERE at > 1), changed)
                INTO change_keys, change_labels;
        END IF;
    END IF;
    INSERT INTO cache_outbox (region, table_name, operation, keys, labels)
    SELECT name, TG_TABLE_NAME, TG_OP, change_keys, change_labels FROM cache_region;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Records every change of a table from now on: its key column, and the columns whose values are labels.
-- +goose StatementBegin
CREATE FUNCTION record_changes_of(changed regclass, key_column text, VARIADIC label_columns text[] DEFAULT '{}') RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    missing   text;
    arguments text;
BEGIN
    SELECT c INTO missing FROM unnest(key_column || label_columns) AS c
    WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = changed AND attname = c AND attnum > 0 AND NOT attisdropped);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'table % has no column %', changed, missing;
    END IF;
    SELECT string_agg(quote_literal(c), ', ' ORDER BY at) INTO arguments FROM unnest(key_column || label_columns) WITH ORDINALITY AS arg(c, at);
    EXECUTE format('CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', changed, arguments);
    EXECUTE format('CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', changed, arguments);
    EXECUTE format('CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', changed, arguments);
    EXECUTE format('CREATE OR REPLACE TRIGGER record_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', changed, arguments);
END
$$;
-- +goose StatementEnd

SELECT record_changes_of('scraped_content', 'id', 'source');
SELECT record_changes_of('content_analysis', 'id');
SELECT record_changes_of('article_revisions', 'article_id'); -- by the article that they are of

-- +goose Down
DROP TRIGGER record_truncate ON article_revisions;
DROP TRIGGER record_delete ON article_revisions;
DROP TRIGGER record_update ON article_revisions;
DROP TRIGGER record_insert ON article_revisions;
DROP FUNCTION record_changes_of(regclass, text, text[]);

ALTER TABLE cache_outbox ADD COLUMN sources text[];
UPDATE cache_outbox SET sources = ARRAY(SELECT jsonb_array_elements_text(labels -> 'source')) WHERE labels ? 'source';
-- Only the tables that the older release knows, whose keys are numbers.
DELETE FROM cache_outbox WHERE table_name NOT IN ('scraped_content', 'content_analysis');
ALTER TABLE cache_outbox
    DROP COLUMN labels,
    ALTER COLUMN keys TYPE bigint[] USING keys::bigint[];

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION record_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    most    CONSTANT integer := 500;
    changed text;
    named   bigint[];
    origins text[];
    total   bigint;
BEGIN
    IF TG_OP <> 'TRUNCATE' THEN
        changed := CASE TG_OP
            WHEN 'INSERT' THEN 'new_rows'
            WHEN 'DELETE' THEN 'old_rows'
        END;
        IF TG_OP = 'UPDATE' THEN
            SELECT count(*) INTO total FROM (SELECT FROM new_rows LIMIT most + 1) AS r;
        ELSE
            EXECUTE format('SELECT count(*) FROM (SELECT FROM %I LIMIT %s) AS r', changed, most + 1) INTO total;
        END IF;
        IF total = 0 THEN
            RETURN NULL;
        END IF;
        IF total <= most THEN
            IF TG_OP = 'UPDATE' THEN
                SELECT array_agg(DISTINCT id) INTO named FROM (SELECT id FROM old_rows UNION ALL SELECT id FROM new_rows) AS r;
            ELSE
                EXECUTE format('SELECT array_agg(id) FROM %I', changed) INTO named;
            END IF;
            IF TG_NARGS > 0 AND TG_OP = 'UPDATE' THEN
                EXECUTE format('SELECT array_agg(DISTINCT s) FROM (SELECT %1$I AS s FROM old_rows UNION ALL SELECT %1$I FROM new_rows) AS r', TG_ARGV[0]) INTO origins;
            ELSIF TG_NARGS > 0 THEN
                EXECUTE format('SELECT array_agg(DISTINCT %I) FROM %I', TG_ARGV[0], changed) INTO origins;
            END IF;
        END IF;
    END IF;
    INSERT INTO cache_outbox (region, table_name, operation, keys, sources)
    SELECT name, TG_TABLE_NAME, TG_OP, named, origins FROM cache_region;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON scraped_content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change('source');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON scraped_content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change('source');
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON scraped_content REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change('source');
CREATE OR REPLACE TRIGGER record_truncate AFTER TRUNCATE ON scraped_content FOR EACH STATEMENT EXECUTE FUNCTION record_change();
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON content_analysis REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON content_analysis REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON content_analysis REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change();
CREATE OR REPLACE TRIGGER record_truncate AFTER TRUNCATE ON content_analysis FOR EACH STATEMENT EXECUTE FUNCTION record_change();

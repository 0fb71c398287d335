-- +goose Up

-- Invalidations ride in the transaction of the write: whoever changes a row, in the service or in psql, leaves a fact
-- here, and every instance's relay turns facts into invalidations (internal/outbox).
CREATE TABLE cache_region (name text PRIMARY KEY);
INSERT INTO cache_region VALUES ('default');

-- Which database this is. Caches outlive databases: one that is made anew must not be mistaken for the one that they mirror.
CREATE TABLE cache_database (id uuid NOT NULL DEFAULT gen_random_uuid());
INSERT INTO cache_database DEFAULT VALUES;

CREATE TABLE cache_outbox (
    id          bigserial PRIMARY KEY,
    region      text NOT NULL,
    tx          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    table_name  text NOT NULL,
    operation   text NOT NULL,
    keys        bigint[],  -- NULL: too many to name, the whole table
    sources     text[],    -- NULL: not known, or too many
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX cache_outbox_tx ON cache_outbox (tx);
CREATE INDEX cache_outbox_region ON cache_outbox (region, id);

-- A statement trigger: one fact per statement, however many rows. Up to 500 rows are named, old and new alike, since a
-- row that moves from one source to another concerns both, and one that is inserted may be remembered as missing.
-- TG_ARGV[0] is the column that holds the source, if any.
-- +goose StatementBegin
CREATE FUNCTION record_change() RETURNS trigger
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

CREATE TRIGGER record_insert AFTER INSERT ON scraped_content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change('source');
CREATE TRIGGER record_update AFTER UPDATE ON scraped_content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change('source');
CREATE TRIGGER record_delete AFTER DELETE ON scraped_content REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change('source');
CREATE TRIGGER record_truncate AFTER TRUNCATE ON scraped_content FOR EACH STATEMENT EXECUTE FUNCTION record_change();

CREATE TRIGGER record_insert AFTER INSERT ON content_analysis REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change();
CREATE TRIGGER record_update AFTER UPDATE ON content_analysis REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change();
CREATE TRIGGER record_delete AFTER DELETE ON content_analysis REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION record_change();
CREATE TRIGGER record_truncate AFTER TRUNCATE ON content_analysis FOR EACH STATEMENT EXECUTE FUNCTION record_change();

-- +goose Down
DROP TRIGGER record_truncate ON content_analysis;
DROP TRIGGER record_delete ON content_analysis;
DROP TRIGGER record_update ON content_analysis;
DROP TRIGGER record_insert ON content_analysis;
DROP TRIGGER record_truncate ON scraped_content;
DROP TRIGGER record_delete ON scraped_content;
DROP TRIGGER record_update ON scraped_content;
DROP TRIGGER record_insert ON scraped_content;
DROP FUNCTION record_change();
DROP TABLE cache_outbox;
DROP TABLE cache_database;
DROP TABLE cache_region;

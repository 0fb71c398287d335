-- +goose Up

-- The stems of an article, without accents, each with a letter for how much it weighs: what ts_rank_cd counts for it, 1 for each time
-- in the title, 0.4 in the subtitle, 0.1 in the text. Stems that the text says once are left out. So a search for a common word ranks
-- only the articles in which it weighs most (internal/articles has the same list of weights).
-- +goose StatementBegin
CREATE FUNCTION weighed(v tsvector) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(array_to_tsvector(array_agg(stem || chr(64 + width_bucket(weight + 0.01,
        ARRAY[0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.5, 3.0])))), ''::tsvector)
    FROM (SELECT translate(lexeme, 'áéíóúüñ', 'aeiouun') AS stem,
                 sum(0.1 * coalesce(cardinality(positions), 1) + 0.9 * coalesce(cardinality(array_positions(weights, 'A')), 0)
                     + 0.3 * coalesce(cardinality(array_positions(weights, 'B')), 0)) AS weight
          FROM unnest(v) GROUP BY 1) AS stems
    WHERE weight > 0.19
$$;
-- +goose StatementEnd
CREATE INDEX scraped_content_weighed ON scraped_content USING gin (weighed(search));
DROP INDEX scraped_content_prominent;
DROP FUNCTION prominent(tsvector);

-- Ranking decompresses a vector for each match: with lz4 in less time. This holds for those stored from now on.
-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE scraped_content ALTER COLUMN search SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'lz4 is not available: vectors are compressed with pglz';
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE scraped_content ALTER COLUMN search SET COMPRESSION default;
-- +goose StatementBegin
CREATE FUNCTION prominent(v tsvector) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(array_to_tsvector(array_agg(lexeme)), ''::tsvector) FROM unnest(v)
    WHERE cardinality(positions) >= 3 OR 'A' = ANY (weights) OR 'B' = ANY (weights)
$$;
-- +goose StatementEnd
CREATE INDEX scraped_content_prominent ON scraped_content USING gin (prominent(search));
DROP INDEX scraped_content_weighed;
DROP FUNCTION weighed(tsvector);

-- +goose Up

-- The stems that an article is about: those of its title and subtitle, and those it says at least three times. Ranking reads a
-- vector as large as the text for each match, and a common word is in thousands; the first places go to these.
-- +goose StatementBegin
CREATE FUNCTION prominent(v tsvector) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(array_to_tsvector(array_agg(lexeme)), ''::tsvector) FROM unnest(v)
    WHERE cardinality(positions) >= 3 OR 'A' = ANY (weights) OR 'B' = ANY (weights)
$$;
-- +goose StatementEnd
CREATE INDEX scraped_content_prominent ON scraped_content USING gin (prominent(search));

-- +goose Down
DROP INDEX scraped_content_prominent;
DROP FUNCTION prominent(tsvector);

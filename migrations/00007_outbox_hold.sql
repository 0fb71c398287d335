-- +goose Up

-- held_until: somebody has the fact in hand (the writer, from before its commit; a relay, while it applies it), and others
-- leave it alone until then. refused: it could not be applied, so entries may not be served, however young it is.
ALTER TABLE cache_outbox
    ADD COLUMN held_until timestamptz,
    ADD COLUMN refused    boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE cache_outbox
    DROP COLUMN held_until,
    DROP COLUMN refused;

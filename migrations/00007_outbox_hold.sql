-- +goose Up

-- held_until: somebody has the fact in hand (the writer, from before its commit; a relay, while it applies it), and others
-- leave it alone until then. refused: it could not be applied, so entries may not be served, however young it is.
ALTER TABLE cache_outbox
    ADD COLUMN held_until timestamptz,
    ADD COLUMN refused    boolean NOT NULL DEFAULT false;

-- A writer reads its own facts back. By an index of the transaction alone the planner, who has no figures of a table that is
-- nearly always empty, combines it with the one of regions, and walks whatever vacuum has not yet removed.
DROP INDEX cache_outbox_tx;
CREATE INDEX cache_outbox_tx ON cache_outbox (tx, region);

-- Each row lives for a moment and is written twice: room on its page for the second time, and vacuum by number of rows.
ALTER TABLE cache_outbox SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- +goose Down
ALTER TABLE cache_outbox RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
DROP INDEX cache_outbox_tx;
CREATE INDEX cache_outbox_tx ON cache_outbox (tx);
ALTER TABLE cache_outbox
    DROP COLUMN held_until,
    DROP COLUMN refused;

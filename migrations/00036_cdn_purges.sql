-- +goose Up

-- A region may belong to a reader other than the relays of caches: one that tells others of changes (a CDN). It says when it
-- last read, and from which transaction on every change is recorded for it.
ALTER TABLE cache_region
    ADD COLUMN read_at  timestamptz, -- NULL: a region of caches, which never ends by itself
    ADD COLUMN since_tx xid8;

-- What a CDN is still to be told: to let go of what it holds under these tags. Each is delivered twice, the second time for
-- what was on its way to the CDN while the first arrived.
CREATE TABLE cdn_purges (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tags       text[] NOT NULL,
    everything boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL,  -- the oldest change in it
    delivered  integer NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    held_until timestamptz            -- an instance has it in hand until then
);
CREATE INDEX cdn_purges_due ON cdn_purges (due_at);
-- Each row lives for seconds and is written four times.
ALTER TABLE cdn_purges SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- +goose Down
DROP TABLE cdn_purges;
DELETE FROM cache_outbox WHERE region IN (SELECT name FROM cache_region WHERE read_at IS NOT NULL);
DELETE FROM cache_region WHERE read_at IS NOT NULL;
ALTER TABLE cache_region
    DROP COLUMN since_tx,
    DROP COLUMN read_at;

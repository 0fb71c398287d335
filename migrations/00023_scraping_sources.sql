-- +goose Up

-- How gathering goes, by source of the catalogue: what operators see, and when the next pass is due. A row is there from the
-- first look at which sources are due.
CREATE TABLE scraping_sources (
    id           text PRIMARY KEY,
    created_at   timestamptz NOT NULL DEFAULT now(), -- passes are made since
    paused_at    timestamptz,              -- NULL: passes are made
    pause_reason text,
    next_at      timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,              -- the last pass
    ended_at     timestamptz,
    succeeded_at timestamptz,              -- the end of the last pass that did not fail
    newest_at    timestamptz,              -- the date of the newest article that was announced
    stored_at    timestamptz,              -- when an article was last stored or revised
    failures     integer NOT NULL DEFAULT 0, -- passes that failed, in a row
    failure      text,                     -- why the last one did
    report       jsonb,                    -- of the last pass
    stored       bigint NOT NULL DEFAULT 0, -- articles, over all passes
    revised      bigint NOT NULL DEFAULT 0
);
SELECT record_changes_of('scraping_sources', 'id');

-- Who makes a pass over a source now: there is one at a time over all processes. A lease that is not renewed ends by itself.
-- It is a table of its own because renewals change nothing that anyone is shown.
CREATE TABLE scraping_leases (
    id     text PRIMARY KEY,
    holder text NOT NULL,
    until  timestamptz NOT NULL
);

-- +goose Down
DROP TABLE scraping_leases;
DROP TABLE scraping_sources;

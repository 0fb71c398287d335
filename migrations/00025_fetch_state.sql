-- +goose Up

-- What all instances know of the addresses where sources announce their articles.
CREATE TABLE scrape_entries (
    source_id     varchar(100) NOT NULL,
    url           varchar(2048) NOT NULL,
    kind          varchar(20) NOT NULL,
    state         varchar(20) NOT NULL,            -- what the last answer was
    reason        varchar(40) NOT NULL DEFAULT '', -- of a failure
    detail        text NOT NULL DEFAULT '',
    failures      integer NOT NULL DEFAULT 0,      -- in a row
    -- Verbatim, of the last sound document; bytes, since servers send anything.
    etag          bytea NOT NULL DEFAULT '',
    last_modified bytea NOT NULL DEFAULT '',
    announced     jsonb,                           -- by the last sound document: "not modified" announces it again
    items         integer NOT NULL DEFAULT 0,
    newest        timestamptz,                     -- the newest article's date
    moved_to      varchar(2048) NOT NULL DEFAULT '',
    checked_at    timestamptz NOT NULL,
    worked_at     timestamptz,
    whole_at      timestamptz,                     -- when it was last asked without validators
    next_check    timestamptz NOT NULL,
    PRIMARY KEY (source_id, url)
);
CREATE INDEX scrape_entries_checked ON scrape_entries (checked_at);

-- And of hosts: scheme, host and port, as robots.txt counts for these.
CREATE TABLE scrape_hosts (
    authority      varchar(300) PRIMARY KEY,
    robots_answer  varchar(20) NOT NULL DEFAULT '', -- read, missing or unreachable; '': not asked yet
    robots_body    bytea,                           -- of the last reading that succeeded
    robots_read_at timestamptz,
    robots_until   timestamptz,                     -- until when it counts
    robots_detail  text NOT NULL DEFAULT '',
    blocked_rule   text,                            -- the rule that last forbade an address
    blocked_url    text,
    blocked_at     timestamptz
);

-- +goose Down
DROP TABLE scrape_hosts;
DROP TABLE scrape_entries;

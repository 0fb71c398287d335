-- +goose Up

-- Who invalidated or warmed what through the admin API. A row is written before the operation and completed after it, so
-- one that stays 'begun' is an operation whose process died.
CREATE TABLE cache_audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    took       interval,
    actor      text NOT NULL,
    remote     text NOT NULL,
    request_id text NOT NULL,
    operation  text NOT NULL,
    target     jsonb NOT NULL,
    state      text NOT NULL DEFAULT 'begun' CHECK (state IN ('begun', 'done', 'failed')),
    keys       integer,
    layers     jsonb,
    error      text
);

-- +goose Down
DROP TABLE cache_audit;

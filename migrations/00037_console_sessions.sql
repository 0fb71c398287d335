-- +goose Up

-- Logins to the console with the admin key. The hash is of the token under the key: a new key ends them all.
CREATE TABLE console_sessions (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE console_sessions;

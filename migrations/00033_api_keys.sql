-- +goose Up

-- Keys of machines. The keys themselves are kept nowhere: they are 256 random bits, so their SHA-256 is enough.
CREATE TABLE api_keys (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    role       text NOT NULL CHECK (role IN ('learner', 'analyst', 'admin')),
    hash       bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    hint       text NOT NULL, -- how the key begins, to tell keys apart
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,   -- NULL: never
    revoked_at timestamptz
);
SELECT record_changes_of('api_keys', 'id');

-- When keys were last used: a table of its own, since using a key changes nothing that it depends on.
CREATE TABLE api_key_uses (
    key_id  bigint PRIMARY KEY REFERENCES api_keys ON DELETE CASCADE,
    used_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE api_key_uses;
DROP TABLE api_keys;

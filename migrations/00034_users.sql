-- +goose Up

-- The original's columns and, below them, ours. Role and state of an account are read from here with every request, through a
-- cache whose entries these triggers end.
CREATE TABLE users (
    id                       serial PRIMARY KEY,
    email                    varchar(255) NOT NULL,
    username                 varchar(100),
    password_hash            varchar(255) NOT NULL,
    full_name                varchar(200),
    role                     varchar(50) NOT NULL DEFAULT 'learner' CHECK (role IN ('learner', 'analyst', 'admin')),
    spanish_level            varchar(20),
    learning_goals           jsonb,
    interests                jsonb,
    avatar_url               varchar(500),
    avatar_metadata          jsonb,
    timezone                 varchar(100),
    language                 varchar(10),
    preferred_regions        jsonb,
    preferred_sources        jsonb,
    preferred_categories     jsonb,
    refresh_token            varchar(500), -- never filled: see refresh_tokens
    refresh_token_expires_at timestamptz,
    is_active                boolean NOT NULL DEFAULT true,
    last_login               timestamptz,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    last_active              timestamptz,

    email_verified_at        timestamptz,
    -- What two spellings of an address have in common. The service stores addresses in ASCII, so this is their case folding.
    email_key                text NOT NULL GENERATED ALWAYS AS (lower(normalize(email, NFKC) COLLATE "C")) STORED UNIQUE
);
CREATE UNIQUE INDEX users_username ON users (lower(username));
-- Requests that ask for mail name an address by this, so that no queue keeps addresses of strangers.
CREATE UNIQUE INDEX users_email_hash ON users (sha256(replace(email_key, '\', '\\')::bytea)); -- convert_to() is not immutable
SELECT record_changes_of('users', 'id');

-- A login, and all refresh tokens that follow from it. Rows change when one begins or ends, and not with each refresh.
CREATE TABLE user_sessions (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    integer NOT NULL REFERENCES users ON DELETE CASCADE,
    family     bytea NOT NULL, -- the secret that makes a token's successor from the token
    agent      text,
    address    text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    end_reason text
);
CREATE INDEX user_sessions_user ON user_sessions (user_id);
CREATE INDEX user_sessions_expires ON user_sessions (expires_at);
SELECT record_changes_of('user_sessions', 'user_id');

CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY, -- SHA-256 of the token
    session_id uuid NOT NULL REFERENCES user_sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Tokens that mails carry, each good for one use.
CREATE TABLE mail_tokens (
    hash       bytea PRIMARY KEY,
    user_id    integer NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose    text NOT NULL CHECK (purpose IN ('reset', 'verify')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX mail_tokens_user ON mail_tokens (user_id, purpose);

-- Devices on which the owner of an account has logged in: others' failures do not keep them out.
CREATE TABLE user_devices (
    hash         bytea NOT NULL,
    user_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (hash, user_id)
);
CREATE INDEX user_devices_user ON user_devices (user_id);

-- Attempts within a time, by the hash of what they are counted by. Losing them in a crash costs nothing.
CREATE UNLOGGED TABLE auth_attempts (
    key   bytea PRIMARY KEY,
    count integer NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX auth_attempts_until ON auth_attempts (until);

-- Keys that sign access tokens, where AUTH_JWT_KEYS names none.
CREATE TABLE auth_keys (
    id         text PRIMARY KEY,
    secret     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_preferences (
    user_id    integer PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    profile    jsonb NOT NULL, -- about the person: never cached
    settings   jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
SELECT record_changes_of('user_preferences', 'user_id');

CREATE TABLE user_avatars (
    user_id    integer PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    name       text NOT NULL UNIQUE,
    media_type text NOT NULL,
    width      integer NOT NULL,
    height     integer NOT NULL,
    data       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE user_avatars, user_preferences, auth_keys, auth_attempts, user_devices, mail_tokens, refresh_tokens, user_sessions, users;

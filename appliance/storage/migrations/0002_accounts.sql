-- People, their groups, and every kind of credential.
--
-- No row-level security here: these tables are what decides whose eyes a request has, so they are read before anybody
-- has any. Only the gateway's accounts room reads them; the worker may look up a person's role and groups, nothing
-- else. Of every credential only a SHA-256 is kept (the secrets are 256 random bits, so no slow hash is needed);
-- passwords are argon2id.
CREATE TABLE users (
    id                   uuid PRIMARY KEY DEFAULT uuidv7(),
    email                text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_key            text NOT NULL UNIQUE,  -- NFKC and case folded: what is compared
    name                 text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    role                 text NOT NULL CHECK (role IN ('admin', 'user', 'auditor')),
    password_hash        text,                  -- NULL until the invitation is accepted
    password_changed_at  timestamptz,
    is_suspended         boolean NOT NULL DEFAULT false,
    language             text CHECK (language IN ('en', 'es')),
    created_at           timestamptz NOT NULL DEFAULT now(),
    last_login_at        timestamptz
);

CREATE TABLE groups (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_key    text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE group_members (
    group_id  uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id   uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_of_user ON group_members (user_id);

CREATE TABLE sessions (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash    bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    user_agent    text NOT NULL DEFAULT '',
    address       text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,         -- moves with every use, never beyond ends_at
    ends_at       timestamptz NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id, last_used_at DESC);
CREATE INDEX sessions_expired ON sessions (expires_at);

CREATE TABLE api_keys (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    prefix        text NOT NULL,
    secret_hash   bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    models        text[],                       -- NULL: all that the owner may use
    routes        text[],                       -- NULL: all; otherwise path prefixes
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz
);
CREATE INDEX api_keys_of_user ON api_keys (user_id, created_at DESC);

CREATE TABLE one_time_links (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    kind        text NOT NULL CHECK (kind IN ('invitation', 'password_reset')),
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash  bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    created_by  uuid,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX one_time_links_open ON one_time_links (user_id, kind) WHERE used_at IS NULL;

-- What was done to accounts, by whom. Written in the transaction that does it; nobody below the owner can change a row.
CREATE TABLE account_events (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at  timestamptz NOT NULL DEFAULT now(),
    actor_id     uuid,                          -- NULL: the operator at the machine, or nobody yet
    action       text NOT NULL,
    subject_id   uuid,
    detail       jsonb NOT NULL DEFAULT '{}',
    address      text NOT NULL DEFAULT ''
);
CREATE INDEX account_events_of_subject ON account_events (subject_id, id DESC);

GRANT SELECT, INSERT, UPDATE ON users TO appliance_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON groups, group_members, sessions, api_keys, one_time_links TO appliance_api;
GRANT SELECT, INSERT ON account_events TO appliance_api;
REVOKE UPDATE, DELETE ON account_events FROM appliance_maintenance;
GRANT SELECT (id, email, role, is_suspended, language) ON users TO appliance_worker;
GRANT SELECT ON groups, group_members TO appliance_worker;

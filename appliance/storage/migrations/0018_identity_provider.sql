-- Accounts that stand for somebody at the company's identity provider, and what it left with their sign-ins.
--
-- No row-level security, as with the accounts: read before anybody has eyes to see with. Tokens are sealed with a key
-- that is not in the database.
CREATE TABLE identity_links (
    issuer        text NOT NULL,
    subject       text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at     timestamptz NOT NULL DEFAULT now(),
    confirmed_at  timestamptz NOT NULL DEFAULT now(),
    keys_until    timestamptz,                  -- NULL: their API keys do not depend on the provider
    given_groups  uuid[] NOT NULL DEFAULT '{}', -- put into by the provider's word, and taken out by it
    PRIMARY KEY (issuer, subject),
    UNIQUE (user_id, issuer)
);

CREATE TABLE session_proofs (
    session_id        uuid PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    issuer            text NOT NULL,
    subject           text NOT NULL,
    provider_session  text NOT NULL DEFAULT '',
    id_token          bytea NOT NULL,
    refresh_token     bytea,
    next_check_at     timestamptz,              -- NULL: the provider cannot be asked again
    failing_since     timestamptz
);
CREATE INDEX session_proofs_due ON session_proofs (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX session_proofs_of_subject ON session_proofs (issuer, subject);
CREATE INDEX session_proofs_of_session ON session_proofs (issuer, provider_session) WHERE provider_session <> '';

GRANT SELECT, INSERT, UPDATE, DELETE ON identity_links, session_proofs TO appliance_api;

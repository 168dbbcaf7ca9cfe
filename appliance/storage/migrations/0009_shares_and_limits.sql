-- How people and groups share the engines, and the limits on top of that.
--
-- A weight is a part in comparison with others': 2 gets twice as much as 1 while both wait. A group without a weight takes
-- no part in sharing. A circle of groups is refused by who writes them (storage/accounts.py), under a lock of the table.
ALTER TABLE users
    ADD COLUMN weight double precision NOT NULL DEFAULT 1 CHECK (weight > 0 AND weight <= 1000);  -- NaN is above 1000

ALTER TABLE groups
    ADD COLUMN weight double precision CHECK (weight > 0 AND weight <= 1000),
    ADD COLUMN parent_id uuid REFERENCES groups (id) ON DELETE SET NULL CHECK (parent_id <> id);
CREATE INDEX groups_of_parent ON groups (parent_id) WHERE parent_id IS NOT NULL;

ALTER TABLE api_keys ADD COLUMN is_batch boolean NOT NULL DEFAULT false;  -- its requests let everybody else go first

-- A limit has one subject; without any it is everyone's, each for themselves. Groups and models are counted together.
CREATE TABLE limits (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id     uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id    uuid REFERENCES groups (id) ON DELETE CASCADE,
    key_id      uuid REFERENCES api_keys (id) ON DELETE CASCADE,
    model       text CHECK (length(model) BETWEEN 1 AND 200),
    kind        text NOT NULL CHECK (kind IN (
        'requests_per_minute', 'tokens_per_minute', 'tokens_per_day', 'tokens_per_month', 'concurrent_requests')),
    most        bigint NOT NULL CHECK (most > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_subject CHECK (num_nonnulls(user_id, group_id, key_id, model) <= 1),
    CONSTRAINT one_limit_of_a_kind UNIQUE NULLS NOT DISTINCT (user_id, group_id, key_id, model, kind)
);

-- No row-level security, as with the accounts: every gateway process reads all of it to decide whose turn it is.
GRANT SELECT, INSERT, UPDATE, DELETE ON limits TO appliance_api;

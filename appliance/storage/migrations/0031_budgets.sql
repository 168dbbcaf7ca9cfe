-- Budgets in money: what operators set, what people were warned of, and which calls went to a cloud.

CREATE TABLE budgets (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    subject_kind text NOT NULL CHECK (subject_kind IN ('organisation', 'everyone', 'user', 'group')),
    user_id      uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id     uuid REFERENCES groups (id) ON DELETE CASCADE,
    span         text NOT NULL CHECK (span IN ('day', 'month')),
    covers       text NOT NULL CHECK (covers IN ('cloud', 'all')),
    micros       bigint NOT NULL CHECK (micros BETWEEN 1 AND 1000000000000000),
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_subject CHECK (
        (subject_kind = 'user') = (user_id IS NOT NULL) AND (subject_kind = 'group') = (group_id IS NOT NULL)),
    CONSTRAINT one_budget_of_a_kind UNIQUE NULLS NOT DISTINCT (subject_kind, user_id, group_id, span, covers)
);

-- A level is told once in a window, whoever finds it reached, and after Valkey has forgotten it too.
CREATE TABLE budget_warnings (
    user_id    uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id   uuid REFERENCES groups (id) ON DELETE CASCADE,
    span       text NOT NULL CHECK (span IN ('day', 'month')),
    covers     text NOT NULL CHECK (covers IN ('cloud', 'all')),
    started_at timestamptz NOT NULL,
    level      smallint NOT NULL CHECK (level IN (50, 80, 100)),
    micros     bigint NOT NULL,
    spent      bigint NOT NULL,
    told_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT told_once UNIQUE NULLS NOT DISTINCT (started_at, span, covers, user_id, group_id, level, micros)
);
CREATE INDEX budget_warnings_told ON budget_warnings (told_at);

-- No row-level security, as with the limits: every gateway process reads all of it to decide what may be spent.
GRANT SELECT, INSERT, UPDATE, DELETE ON budgets, budget_warnings TO appliance_api;

-- What a budget for clouds has spent is found again in the ledger.
ALTER TABLE requests ADD COLUMN is_cloud boolean NOT NULL DEFAULT false;
CREATE INDEX requests_with_cost ON requests (started_at) INCLUDE (user_id, cost, is_cloud) WHERE cost > 0;

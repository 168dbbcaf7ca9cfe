-- Conversations, the turns in them, and what a page needs to draw a turn again.
--
-- turn_events keeps the latest state of each part of an answer (a block of text, the citations, the end), not every
-- intermediate state: replaying the rows above a sequence number brings any page up to date, because each event
-- replaces what its slot held. The full series lives in Valkey while the answer is being written.
CREATE TABLE conversations (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    title       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversations_of_user ON conversations (user_id, updated_at DESC);

CREATE TABLE turns (
    id               uuid PRIMARY KEY,
    conversation_id  uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    user_id          uuid NOT NULL,
    question         text NOT NULL,
    model            text NOT NULL,
    status           text NOT NULL CHECK (status IN ('running', 'done', 'stopped', 'failed', 'interrupted')),
    answer           text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    finished_at      timestamptz
);
CREATE INDEX turns_of_conversation ON turns (conversation_id, created_at);

CREATE TABLE turn_events (
    turn_id  uuid NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    user_id  uuid NOT NULL,
    kind     text NOT NULL,
    slot     integer NOT NULL,      -- the block's index; 0 where a kind has one state only
    seq      bigint NOT NULL,
    data     jsonb NOT NULL,
    PRIMARY KEY (turn_id, kind, slot)
);

ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;
ALTER TABLE turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE turns FORCE ROW LEVEL SECURITY;
ALTER TABLE turn_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE turn_events FORCE ROW LEVEL SECURITY;

-- Nobody else's conversations are visible, administrators' role included.
CREATE POLICY own_conversations ON conversations USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());
CREATE POLICY own_turns ON turns USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());
CREATE POLICY own_turn_events ON turn_events USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());

GRANT SELECT, INSERT, UPDATE, DELETE ON conversations, turns, turn_events TO appliance_api;

-- Responses that their owner can read again and go on from. A thread is a conversation: it is kept until nobody has gone
-- on with it for the retention's time, and everything in it goes with it.
--
-- body and input are json and not jsonb: they are handed out as they were written, and may hold \u0000.
CREATE TABLE response_threads (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    last_used_at  timestamptz NOT NULL,
    size_bytes    bigint NOT NULL
);
CREATE INDEX response_threads_of_user ON response_threads (user_id, last_used_at DESC);
CREATE INDEX response_threads_unused ON response_threads (last_used_at);

CREATE TABLE responses (
    id           uuid PRIMARY KEY,            -- time-ordered
    thread_id    uuid NOT NULL REFERENCES response_threads (id) ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    previous_id  uuid,                        -- may have been deleted since: then nobody can go on from here
    created_at   timestamptz NOT NULL,
    size_bytes   integer NOT NULL,
    input        json NOT NULL,               -- its own items; those before it stand in the responses before it
    body         json NOT NULL
);
CREATE INDEX responses_of_thread ON responses (thread_id);
CREATE INDEX responses_of_user ON responses (user_id);

ALTER TABLE response_threads ENABLE ROW LEVEL SECURITY;
ALTER TABLE response_threads FORCE ROW LEVEL SECURITY;
ALTER TABLE responses ENABLE ROW LEVEL SECURITY;
ALTER TABLE responses FORCE ROW LEVEL SECURITY;

-- Nobody else's are visible, administrators' role included.
CREATE POLICY own_response_threads ON response_threads TO appliance_api
    USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());
CREATE POLICY own_responses ON responses TO appliance_api
    USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());
-- The worker removes what is old, and what is too much, without seeing a word of it.
CREATE POLICY unused_response_threads ON response_threads FOR SELECT TO appliance_worker USING (true);
CREATE POLICY remove_response_threads ON response_threads FOR DELETE TO appliance_worker USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON response_threads, responses TO appliance_api;
GRANT SELECT, DELETE ON response_threads TO appliance_worker;

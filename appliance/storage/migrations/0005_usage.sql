-- One row a request that was let in: who asked what, who answered, what it used, how it ended.
--
-- The row is committed before the first byte of the answer leaves; its end follows in a batch. status 'started' with a
-- worker that has not been heard of is ended as 'unknown' by another. Prompts and answers are not kept here.
CREATE TABLE gateway_workers (
    id       uuid PRIMARY KEY,
    seen_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE requests (
    id                 uuid PRIMARY KEY,            -- ours, time-ordered
    request_id         text NOT NULL,               -- the caller's name for it (x-request-id), else the same as id
    part_of            uuid,                        -- the request on whose behalf it was made
    worker             uuid NOT NULL,
    user_id            uuid NOT NULL,
    key_id             uuid,
    model              text NOT NULL,               -- as asked for
    route              text NOT NULL,
    engine             text,
    started_at         timestamptz NOT NULL,
    status             text NOT NULL DEFAULT 'started' CHECK (status IN (
        'started', 'completed', 'client_gone', 'revoked', 'refused', 'failed', 'broken', 'unknown')),
    prompt_tokens      integer NOT NULL DEFAULT 0,
    completion_tokens  integer NOT NULL DEFAULT 0,
    cached_tokens      integer NOT NULL DEFAULT 0,
    is_estimated       boolean NOT NULL DEFAULT false,  -- the engine told no usage
    finish_reason      text,
    wait_ms            real,
    ttft_ms            real,                        -- to the first byte of the answer
    total_ms           real,
    error_code         text
);
CREATE INDEX requests_of_user ON requests (user_id, started_at DESC);
CREATE INDEX requests_by_time ON requests (started_at);
CREATE INDEX requests_by_request_id ON requests (request_id);
CREATE INDEX requests_open ON requests (worker) WHERE status = 'started';

ALTER TABLE requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE requests FORCE ROW LEVEL SECURITY;

-- People see their own, auditors and administrators all; the ledger writes with its own connections (app.role).
CREATE POLICY own_requests ON requests FOR SELECT
    USING (user_id = viewer_id() OR viewer_role() IN ('admin', 'auditor'));
CREATE POLICY ledger ON requests
    USING (viewer_role() = 'ledger') WITH CHECK (viewer_role() = 'ledger');

-- No DELETE for anybody but maintenance (retention).
GRANT SELECT, INSERT, UPDATE ON requests TO appliance_api, appliance_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway_workers TO appliance_api, appliance_worker;

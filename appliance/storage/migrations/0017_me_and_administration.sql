-- What people set for themselves, what was used by the hour, and what administrators look at.

-- How somebody wants the page and its answers. Their own words stand here, so nobody else reads them, administrators
-- included.
CREATE TABLE preferences (
    user_id        uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    theme          text NOT NULL DEFAULT 'system' CHECK (theme IN ('system', 'light', 'dark')),
    instructions   text NOT NULL DEFAULT '' CHECK (length(instructions) <= 4000),
    has_shortcuts  boolean NOT NULL DEFAULT true,
    updated_at     timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE preferences FORCE ROW LEVEL SECURITY;
CREATE POLICY own_preferences ON preferences
    USING (user_id = (SELECT viewer_id())) WITH CHECK (user_id = (SELECT viewer_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON preferences TO appliance_api;

-- Usage --------------------------------------------------------------------------------------------------------

-- The ledger by hour, person and model: a month of a company is read here in milliseconds. Written by the statement that
-- ends a request, so it is never behind. asked: what people asked; calls: what that made the engines do (a pipeline asks
-- one several times) and what was asked of them directly.
CREATE TABLE usage_hours (
    hour               timestamptz NOT NULL,
    user_id            uuid NOT NULL,
    model              text NOT NULL,
    asked              bigint NOT NULL DEFAULT 0,
    calls              bigint NOT NULL DEFAULT 0,
    failed             bigint NOT NULL DEFAULT 0,
    prompt_tokens      bigint NOT NULL DEFAULT 0,
    cached_tokens      bigint NOT NULL DEFAULT 0,
    completion_tokens  bigint NOT NULL DEFAULT 0,
    wait_ms            double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, hour, model)
);
CREATE INDEX usage_hours_by_time ON usage_hours (hour);
ALTER TABLE usage_hours ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_hours FORCE ROW LEVEL SECURITY;
CREATE POLICY read_usage_hours ON usage_hours FOR SELECT
    USING (user_id = (SELECT viewer_id()) OR (SELECT viewer_role()) IN ('admin', 'auditor'));
GRANT SELECT ON usage_hours TO appliance_api;

-- A row counts once it has ended. What it was before is taken off, so a row that ends twice ('unknown', and then its true
-- end) counts once. Sorted: two processes lock the same hours in the same order.
CREATE FUNCTION count_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO usage_hours AS u (hour, user_id, model, asked, calls, failed, prompt_tokens, cached_tokens,
                                  completion_tokens, wait_ms)
    SELECT date_trunc('hour', started_at, 'UTC'), user_id, model,
           coalesce(sum(sign) FILTER (WHERE part_of IS NULL), 0),
           coalesce(sum(sign) FILTER (WHERE engine IS NOT NULL), 0),
           coalesce(sum(sign) FILTER (WHERE status IN ('refused', 'failed', 'broken')), 0),
           sum(sign * prompt_tokens::bigint), sum(sign * cached_tokens::bigint), sum(sign * completion_tokens::bigint),
           sum(sign * coalesce(wait_ms, 0))
    FROM (SELECT 1 AS sign, * FROM now_rows UNION ALL SELECT -1, * FROM before_rows) change
    WHERE status <> 'started'
    GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
    ON CONFLICT (user_id, hour, model) DO UPDATE SET
        asked = u.asked + excluded.asked, calls = u.calls + excluded.calls, failed = u.failed + excluded.failed,
        prompt_tokens = u.prompt_tokens + excluded.prompt_tokens, cached_tokens = u.cached_tokens + excluded.cached_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens, wait_ms = u.wait_ms + excluded.wait_ms;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION count_usage() FROM PUBLIC;
CREATE TRIGGER count_usage AFTER UPDATE ON requests REFERENCING OLD TABLE AS before_rows NEW TABLE AS now_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_usage();

INSERT INTO usage_hours
SELECT date_trunc('hour', started_at, 'UTC'), user_id, model, count(*) FILTER (WHERE part_of IS NULL),
       count(*) FILTER (WHERE engine IS NOT NULL),
       count(*) FILTER (WHERE status IN ('refused', 'failed', 'broken')), sum(prompt_tokens), sum(cached_tokens),
       sum(completion_tokens), sum(coalesce(wait_ms, 0))
FROM requests WHERE status <> 'started' GROUP BY 1, 2, 3;

-- Audit --------------------------------------------------------------------------------------------------------

CREATE INDEX account_events_by_time ON account_events (happened_at DESC, id DESC);
CREATE INDEX account_events_of_actor ON account_events (actor_id, id DESC);
CREATE INDEX receipts_by_time ON receipts (happened_at DESC, id DESC);

-- Feedback -----------------------------------------------------------------------------------------------------

-- Whether who gave it lets administrators read the question and the answer. The texts stay where they are, in the
-- conversation: they go with it, and the moment it is deleted they are shown to nobody.
ALTER TABLE turn_feedback ADD COLUMN shares_text boolean NOT NULL DEFAULT false;

CREATE FUNCTION shared_turn_texts(turn_ids uuid[]) RETURNS TABLE (turn_id uuid, question text, answer text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.id, t.question, t.answer FROM turn_feedback f JOIN turns t ON t.id = f.turn_id
         JOIN conversations c ON c.id = t.conversation_id
    WHERE f.turn_id = ANY (turn_ids) AND c.deleted_at IS NULL
      AND (f.user_id = viewer_id() OR f.shares_text AND viewer_role() = 'admin')
$$;
REVOKE ALL ON FUNCTION shared_turn_texts(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shared_turn_texts(uuid[]) TO appliance_api;

-- What was not read --------------------------------------------------------------------------------------------

CREATE INDEX collection_files_failed ON collection_files (finished_at DESC) WHERE status = 'failed';

-- Documents of everybody that could not be read, for administrators: whose, why and when. Their names and their
-- collections' are looked up with the administrator's own eyes. Files of a chat are told to their person alone.
CREATE FUNCTION failed_documents(most integer)
RETURNS TABLE (collection_id uuid, file_id uuid, owner_id uuid, reason text, attempts integer, failed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT cf.collection_id, cf.file_id, cf.owner_id, cf.error_code, cf.attempts::integer,
           coalesce(cf.finished_at, cf.updated_at)
    FROM collection_files cf JOIN collections c ON c.id = cf.collection_id
    WHERE cf.status = 'failed' AND cf.superseded_by IS NULL AND c.conversation_id IS NULL AND viewer_role() = 'admin'
    ORDER BY cf.finished_at DESC NULLS LAST, cf.file_id LIMIT most
$$;
REVOKE ALL ON FUNCTION failed_documents(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION failed_documents(integer) TO appliance_api;

-- What may leave the box: marks on collections, what answers were made from, rules that narrow, and every decision.

-- Default: a collection stays. origins NULL: nobody knows what a text was made from, as of all that is older than this;
-- it stays then, and so does whatever goes on from it.
ALTER TABLE collections ADD COLUMN may_leave boolean NOT NULL DEFAULT false;
ALTER TABLE turns ADD COLUMN origins text[];
ALTER TABLE responses ADD COLUMN origins text[];
ALTER TABLE api_keys ADD COLUMN stays_local boolean NOT NULL DEFAULT false;  -- what is asked with it never leaves

-- A mark is set by mark_collection alone, and goes when a collection changes hands: it was given to somebody's documents.
CREATE FUNCTION guard_leaving_mark() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.owner_user_id, NEW.owner_group_id, NEW.is_public)
            IS DISTINCT FROM (OLD.owner_user_id, OLD.owner_group_id, OLD.is_public) THEN
        NEW.may_leave := false;
    ELSIF NEW.may_leave AND current_user IN ('appliance_api', 'appliance_worker')
            AND (TG_OP = 'INSERT' OR NOT OLD.may_leave) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a collection is marked with mark_collection only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_leaving_mark BEFORE INSERT OR UPDATE ON collections
    FOR EACH ROW EXECUTE FUNCTION guard_leaving_mark();

-- An administrator marks what is anybody's, a chat's own files excepted; whoever owns a collection may take its mark away.
-- Runs as the owner, because nobody may change a row that they do not see. outcome: marked, unknown, chat, administrators.
CREATE FUNCTION mark_collection(wanted uuid, may boolean)
RETURNS TABLE (outcome text, was boolean) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    held     collections%ROWTYPE;
    is_own   boolean;
    is_admin boolean := coalesce(viewer_role() = 'admin', false);
BEGIN
    SELECT * INTO held FROM collections c WHERE c.id = wanted FOR UPDATE;
    is_own := coalesce(held.owner_user_id = viewer_id(), false)
        OR coalesce(held.owner_group_id = ANY (viewer_group_ids()), false);
    IF held.id IS NULL OR NOT (is_own OR is_admin) THEN
        outcome := 'unknown';
    ELSIF held.conversation_id IS NOT NULL THEN
        outcome := CASE WHEN is_own THEN 'chat' ELSE 'unknown' END;
    ELSIF may AND NOT is_admin THEN
        outcome := 'administrators';
    ELSE
        UPDATE collections SET may_leave = may WHERE id = wanted;
        outcome := 'marked';
        was := held.may_leave;
    END IF;
    RETURN NEXT;
END $$;

-- What administrators choose from: what is a group's or everybody's, what is their own, and whatever is marked. An
-- auditor is told what is marked.
CREATE FUNCTION markable_collections()
RETURNS TABLE (id uuid, name text, owner_kind text, owner_name text, may_leave boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT c.id, c.name,
           CASE WHEN c.is_public THEN 'everybody' WHEN c.owner_group_id IS NULL THEN 'user' ELSE 'group' END,
           coalesce(u.email, g.name, ''), c.may_leave
    FROM collections c LEFT JOIN users u ON u.id = c.owner_user_id LEFT JOIN groups g ON g.id = c.owner_group_id
    WHERE c.conversation_id IS NULL
      AND (c.may_leave AND viewer_role() IN ('admin', 'auditor')
           OR viewer_role() = 'admin' AND (c.owner_user_id IS NULL OR c.owner_user_id = viewer_id()))
    ORDER BY NOT c.may_leave, c.name, c.id
    LIMIT 5000;
END;
REVOKE ALL ON FUNCTION mark_collection(uuid, boolean), markable_collections() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mark_collection(uuid, boolean), markable_collections() TO appliance_api;

-- What administrators narrowed beside the operator's file, which alone permits; no row: nothing. for_some_people, for_some_models: only
-- those of leaving_rules may; the flags stand here so that nobody is let out when the last one of a list is deleted.
CREATE TABLE leaving_policy (
    the_only_one     boolean PRIMARY KEY DEFAULT true CHECK (the_only_one),
    at_most          text CHECK (at_most IN ('never', 'local_down', 'queue')),   -- NULL: as the file says
    queue_s          real CHECK (queue_s >= 0),
    vetoes           boolean NOT NULL DEFAULT false,                             -- personal data: also where the file redacts
    for_some_people  boolean NOT NULL DEFAULT false,
    for_some_models  boolean NOT NULL DEFAULT false
);
CREATE TABLE leaving_rules (
    id        uuid PRIMARY KEY DEFAULT uuidv7(),
    effect    text NOT NULL CHECK (effect IN ('stays', 'only')),
    user_id   uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id  uuid REFERENCES groups (id) ON DELETE CASCADE,
    model     text CHECK (octet_length(model) BETWEEN 1 AND 400),
    CONSTRAINT one_leaving_subject CHECK (num_nonnulls(user_id, group_id, model) = 1),
    CONSTRAINT one_leaving_rule UNIQUE NULLS NOT DISTINCT (effect, user_id, group_id, model)
);
CREATE INDEX leaving_rules_of_user ON leaving_rules (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX leaving_rules_of_group ON leaving_rules (group_id) WHERE group_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON leaving_policy TO appliance_api;
GRANT SELECT, INSERT, DELETE ON leaving_rules TO appliance_api;

-- Every decision, with its reason and no word of the request. One to leave is committed before the first byte is sent.
-- Ids of people, not names: who is deleted leaves an id that says nothing.
CREATE TABLE leaving_decisions (
    id           uuid PRIMARY KEY,             -- the permit's; time-ordered
    happened_at  timestamptz NOT NULL,
    user_id      uuid NOT NULL,
    key_id       uuid,
    request_id   text NOT NULL DEFAULT '',
    model        text NOT NULL,
    reason       text NOT NULL,
    waited_s     real NOT NULL DEFAULT 0,
    leaves       boolean NOT NULL,
    code         text NOT NULL,                -- 'leaves', or why it stayed
    why          text NOT NULL,
    origins      text[],                       -- NULL: unknown
    redactions   integer NOT NULL DEFAULT 0
);
CREATE INDEX leaving_decisions_by_time ON leaving_decisions (happened_at DESC, id DESC);
CREATE INDEX leaving_decisions_left ON leaving_decisions (happened_at DESC, id DESC) WHERE leaves;
CREATE INDEX leaving_decisions_of_user ON leaving_decisions (user_id, happened_at DESC);
ALTER TABLE leaving_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE leaving_decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY read_leaving_decisions ON leaving_decisions FOR SELECT TO appliance_api USING (
    user_id = (SELECT viewer_id()) OR (SELECT viewer_role()) IN ('admin', 'auditor'));
CREATE POLICY add_leaving_decisions ON leaving_decisions FOR INSERT TO appliance_api WITH CHECK (true);
-- What stayed is let go of after a while; what left is never deleted below the owner.
CREATE POLICY find_old_stays ON leaving_decisions FOR SELECT TO appliance_worker USING (NOT leaves);
CREATE POLICY remove_old_stays ON leaving_decisions FOR DELETE TO appliance_worker USING (NOT leaves);
GRANT SELECT, INSERT ON leaving_decisions TO appliance_api;
GRANT SELECT, DELETE ON leaving_decisions TO appliance_worker;
REVOKE UPDATE, DELETE ON leaving_decisions FROM appliance_maintenance;

-- Collections that change hands, and what receipts of conversations have to tell.

-- Whoever owns a collection gives it away, and an administrator gives what is anybody's to somebody else: never to
-- themselves, because a gift to oneself would be a way to read. Runs as the owner, because nobody may write a row that
-- they do not see afterwards. outcome: given, unknown (also for what is not to be seen), chat, own, reading.
CREATE FUNCTION give_collection(wanted uuid, to_user uuid, to_group uuid)
RETURNS TABLE (outcome text, from_user uuid, from_group uuid) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    held   collections%ROWTYPE;
    is_own boolean;
BEGIN
    SELECT * INTO held FROM collections c WHERE c.id = wanted FOR UPDATE;
    is_own := coalesce(held.owner_user_id = viewer_id(), false)
        OR coalesce(held.owner_group_id = ANY (viewer_group_ids()), false)
        OR coalesce(held.is_public AND viewer_role() = 'admin', false);
    IF held.id IS NULL OR NOT (is_own OR coalesce(viewer_role() = 'admin', false)) THEN
        outcome := 'unknown';
    ELSIF held.conversation_id IS NOT NULL THEN
        outcome := CASE WHEN is_own THEN 'chat' ELSE 'unknown' END;
    ELSIF NOT is_own AND (coalesce(to_user = viewer_id(), false) OR coalesce(to_group = ANY (viewer_group_ids()), false)
                          OR num_nonnulls(to_user, to_group) = 0) THEN
        outcome := 'own';
    ELSIF EXISTS (SELECT 1 FROM collection_files cf WHERE cf.collection_id = wanted AND cf.status = 'in_progress') THEN
        outcome := 'reading';  -- it is read with its uploader's rights, who may be about to lose them
    ELSE
        UPDATE collections SET owner_user_id = to_user, owner_group_id = to_group,
            is_public = num_nonnulls(to_user, to_group) = 0, last_active_at = now() WHERE id = wanted;
        DELETE FROM collection_shares s WHERE s.collection_id = wanted AND (s.user_id = to_user OR s.group_id = to_group);
        UPDATE collection_shares SET may_write = may_write WHERE collection_id = wanted;  -- its trigger notes the owner
        outcome := 'given';
        from_user := held.owner_user_id;
        from_group := held.owner_group_id;
    END IF;
    RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION give_collection(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION give_collection(uuid, uuid, uuid) TO appliance_api;

-- What Valkey let go of when a conversation was hidden, for the receipt that is written two minutes later.
ALTER TABLE conversations
    ADD COLUMN memories_gone  integer NOT NULL DEFAULT 0,
    ADD COLUMN live_gone      integer NOT NULL DEFAULT 0;
GRANT SELECT (memories_gone, live_gone) ON conversations TO appliance_worker;

-- Conversations as people keep them: turns in a tree, marks, feedback, search, and a deletion that can be undone.

-- A turn goes on from previous_id (NULL: the conversation's first question); turns with the same one are versions of each
-- other. continues_id: the turn whose unfinished answer this one completed. No foreign keys among turns: they only ever go
-- with their conversation, and a cascade through the tree would look at every row for each.
ALTER TABLE turns
    ADD COLUMN previous_id        uuid,
    ADD COLUMN continues_id       uuid,
    ADD COLUMN collection_ids     uuid[],     -- what was to be searched; NULL: all that the asker saw
    ADD COLUMN language           text,
    ADD COLUMN first_token_ms     integer,
    ADD COLUMN total_ms           integer,
    ADD COLUMN prompt_tokens      integer,
    ADD COLUMN completion_tokens  integer,
    ADD COLUMN served_by          text,
    ADD COLUMN finish_reason      text,
    ADD COLUMN dropped_messages   integer NOT NULL DEFAULT 0,
    ADD COLUMN words              tsvector NOT NULL DEFAULT '';

-- deleted_at: hidden everywhere, and gone for good two minutes later. A temporary one is never listed and goes after an
-- hour of silence. read_at, answered_at: an answer that ended after its person last looked is unread.
ALTER TABLE conversations
    ADD COLUMN current_turn_id  uuid,         -- the end of the path that is shown
    ADD COLUMN is_pinned        boolean NOT NULL DEFAULT false,
    ADD COLUMN is_archived      boolean NOT NULL DEFAULT false,
    ADD COLUMN is_temporary     boolean NOT NULL DEFAULT false,
    ADD COLUMN read_at          timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN answered_at      timestamptz,
    ADD COLUMN deleted_at       timestamptz;
CREATE INDEX conversations_to_remove ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX conversations_temporary ON conversations (updated_at) WHERE is_temporary;

-- What there was is a chain.
UPDATE turns t SET previous_id = chain.previous FROM (
    SELECT id, lag(id) OVER (PARTITION BY conversation_id ORDER BY created_at, id) AS previous FROM turns) chain
WHERE chain.id = t.id AND chain.previous IS NOT NULL;
UPDATE conversations c SET current_turn_id = (
    SELECT t.id FROM turns t WHERE t.conversation_id = c.id ORDER BY t.created_at DESC, t.id DESC LIMIT 1);
CREATE INDEX turns_after ON turns (conversation_id, previous_id, created_at);
CREATE INDEX turns_of_user ON turns (user_id);
CREATE INDEX turns_running ON turns (conversation_id) WHERE status = 'running';

-- Search ---------------------------------------------------------------------------------------------------

-- Without accents and capitals: "Nómina" is found by "nomina".
CREATE FUNCTION folded(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN lower(regexp_replace(normalize(said, NFKD), '[\u0300-\u036f]', '', 'g'));

-- The words of a text. As many characters as a tsvector holds for certain.
CREATE FUNCTION words_of(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN to_tsvector('pg_catalog.simple', regexp_replace(folded(left(said, 200000)), '[^[:alnum:]]+', ' ', 'g'));

-- All of the wanted words, each as the beginning of a word. NULL: there is no word in it.
CREATE FUNCTION wanted_words(said text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT to_tsquery('pg_catalog.simple', string_agg(word || ':*', ' & '))
        FROM regexp_split_to_table(folded(left(said, 500)), '[^[:alnum:]]+') word WHERE word <> '');

UPDATE turns SET words = words_of(question || ' ' || answer);
CREATE INDEX turns_words ON turns USING gin (words);
ALTER TABLE conversations ADD COLUMN title_words tsvector NOT NULL GENERATED ALWAYS AS (words_of(title)) STORED;

-- The viewer's turns with all of these words, newest first. Row-level security would read every turn of theirs instead of
-- the index, because matching words is not leak-proof; so this runs as the owner and names the viewer itself.
CREATE FUNCTION viewer_turns_with(wanted tsquery, most integer)
RETURNS TABLE (turn_id uuid, conversation_id uuid, relevance real) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    WITH found AS MATERIALIZED (
        SELECT t.id, t.conversation_id, t.created_at FROM turns t
        WHERE t.words @@ wanted AND t.user_id = viewer_id() ORDER BY t.created_at DESC LIMIT most)
    SELECT found.id, found.conversation_id, ts_rank(t.words, wanted) FROM found JOIN turns t ON t.id = found.id
$$;
REVOKE ALL ON FUNCTION viewer_turns_with(tsquery, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION viewer_turns_with(tsquery, integer) TO appliance_api;

-- Feedback -------------------------------------------------------------------------------------------------

-- What a person thought of an answer. Written for the administrators, who read it with the model's name and without the
-- conversation.
CREATE TABLE turn_feedback (
    turn_id     uuid PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
    user_id     uuid NOT NULL,
    rating      text NOT NULL CHECK (rating IN ('up', 'down')),
    reason      text CHECK (reason IN ('wrong', 'incomplete', 'not_in_sources', 'bad_citation', 'language', 'slow', 'other')),
    comment     text CHECK (length(comment) <= 4000),
    model       text NOT NULL,
    served_by   text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX turn_feedback_newest ON turn_feedback (created_at DESC);
CREATE INDEX turn_feedback_of_user ON turn_feedback (user_id);
ALTER TABLE turn_feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE turn_feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY own_feedback ON turn_feedback USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());
CREATE POLICY read_feedback ON turn_feedback FOR SELECT USING ((SELECT viewer_role()) = 'admin');
GRANT SELECT, INSERT, UPDATE, DELETE ON turn_feedback TO appliance_api;

-- Removal --------------------------------------------------------------------------------------------------

ALTER TABLE receipts DROP CONSTRAINT receipts_kind_check;
ALTER TABLE receipts ADD CONSTRAINT receipts_kind_check CHECK (kind IN ('file', 'collection', 'user', 'conversation'));

-- The worker removes what is over with its person's eyes, without reading a word of it.
CREATE POLICY conversations_that_are_over ON conversations FOR SELECT TO appliance_worker
    USING (deleted_at IS NOT NULL OR is_temporary);
GRANT SELECT (id, user_id, updated_at, is_temporary, deleted_at), DELETE ON conversations TO appliance_worker;
GRANT SELECT (id, user_id, conversation_id, status, created_at) ON turns TO appliance_worker;
GRANT SELECT (turn_id, user_id) ON turn_feedback TO appliance_worker;
GRANT SELECT, INSERT ON receipts TO appliance_worker;

-- What lies in a deleted chat is hidden with it, from its person too; the worker still reads documents into it, because
-- the chat may come back. '-infinity': it is being removed for good.
CREATE FUNCTION viewer_hidden_collections() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = public, pg_temp AS $$
    SELECT k.id FROM conversations c JOIN collections k ON k.conversation_id = c.id
    WHERE c.user_id = viewer_id() AND c.deleted_at > '-infinity'
$$;
REVOKE ALL ON FUNCTION viewer_hidden_collections() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION viewer_hidden_collections() TO appliance_api;
CREATE POLICY collections_of_kept_chats ON collections AS RESTRICTIVE FOR SELECT TO appliance_api
    USING (conversation_id IS NULL OR id <> ALL (ARRAY(SELECT viewer_hidden_collections())));
CREATE POLICY files_of_kept_chats ON files AS RESTRICTIVE FOR SELECT TO appliance_api
    USING (id <> ALL (ARRAY(SELECT cf.file_id FROM collection_files cf
                            WHERE cf.collection_id IN (SELECT viewer_hidden_collections()))));

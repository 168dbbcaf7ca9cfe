-- Declared pipelines: every content that was accepted, by whom, so that it can be compared and brought back.

-- via: the file was changed on the box, saved in the page or by a program, brought back, or came with the appliance.
CREATE TABLE pipeline_versions (
    name     text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,62}$'),
    number   integer NOT NULL CHECK (number > 0),
    hash     text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    content  text NOT NULL CHECK (octet_length(content) <= 65536),
    via      text NOT NULL CHECK (via IN ('file', 'page', 'rollback', 'shipped')),
    saved_by uuid REFERENCES users (id) ON DELETE SET NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, number)
);

-- No row-level security: every gateway process reads all of it, and it holds nobody's words but administrators'.
GRANT SELECT, INSERT ON pipeline_versions TO appliance_api;

-- What a pipeline may name, for the check when it is loaded: nobody asks then, so nobody's eyes could be used. Of
-- collections it says only which of the wanted names exist.
CREATE FUNCTION pipeline_surroundings(wanted_collections text[])
RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'collections', coalesce((SELECT jsonb_agg(DISTINCT c.name) FROM collections c
                                 WHERE c.conversation_id IS NULL AND c.name = ANY (wanted_collections)), '[]'),
        'groups', coalesce((SELECT jsonb_object_agg(g.name, g.id) FROM groups g), '{}'),
        'sources', coalesce((SELECT jsonb_agg(s.name) FROM data_sources s), '[]'),
        'questions', coalesce((SELECT jsonb_object_agg(q.name, q.asked) FROM (
            SELECT s.name, jsonb_agg(a.question) AS asked
            FROM saved_questions a JOIN data_sources s ON s.id = a.source_id GROUP BY s.name) q), '{}'));
END;
REVOKE ALL ON FUNCTION pipeline_surroundings(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pipeline_surroundings(text[]) TO appliance_api;

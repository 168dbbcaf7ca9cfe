-- MCP servers of others: where they are, what they offer and who approved it, who may have them called, who agreed to
-- which call, and every call that was made.

-- header_files: names of headers and the files with their secrets; never a secret. is_outside: as it was found when it
-- was added; a server that moves is refused. sees_documents: arguments made from documents or data may go there.
CREATE TABLE tool_servers (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    name            text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9-]{0,31}$'),
    url             text NOT NULL CHECK (char_length(url) <= 2000),
    is_outside      boolean NOT NULL,
    sees_documents  boolean NOT NULL DEFAULT false,
    header_files    jsonb NOT NULL DEFAULT '{}',
    is_paused       boolean NOT NULL DEFAULT false,
    problem         text NOT NULL DEFAULT '',
    left_out        text[] NOT NULL DEFAULT '{}',
    looked_at       timestamptz,
    created_by      uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- What it offers, as it was told last. approved: the fingerprint that an administrator agreed to; where the two differ
-- nobody can have the tool called. gone_at: it is no longer offered. is_read_only, is_preapproved: administrators' words.
CREATE TABLE server_tools (
    server_id       uuid NOT NULL REFERENCES tool_servers (id) ON DELETE CASCADE,
    name            text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    title           text NOT NULL,
    description     text NOT NULL,
    input_schema    jsonb NOT NULL,
    says_read_only  boolean NOT NULL,
    fingerprint     text NOT NULL,
    approved        text NOT NULL DEFAULT '',
    approved_by     uuid REFERENCES users (id) ON DELETE SET NULL,
    approved_at     timestamptz,
    is_preapproved  boolean NOT NULL DEFAULT false,
    gone_at         timestamptz,
    PRIMARY KEY (server_id, name)
);

-- Who may have it called. Neither a person nor a group: everybody.
CREATE TABLE tool_grants (
    server_id   uuid NOT NULL REFERENCES tool_servers (id) ON DELETE CASCADE,
    user_id     uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id    uuid REFERENCES groups (id) ON DELETE CASCADE,
    CONSTRAINT one_tool_grant_subject CHECK (num_nonnulls(user_id, group_id) <= 1),
    CONSTRAINT one_tool_grant_of_a_subject UNIQUE NULLS NOT DISTINCT (server_id, user_id, group_id)
);

-- What somebody said for good, about the tool as it was then (fingerprint).
CREATE TABLE tool_consents (
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server_id    uuid NOT NULL REFERENCES tool_servers (id) ON DELETE CASCADE,
    tool         text NOT NULL,
    answer       text NOT NULL CHECK (answer IN ('always', 'never')),
    fingerprint  text NOT NULL,
    answered_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, server_id, tool)
);

-- Every call, also those that were refused; sizes and a hash of the arguments, no words. server '': one of our own.
CREATE TABLE tool_calls (
    id               uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id          uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    happened_at      timestamptz NOT NULL DEFAULT now(),
    via              text NOT NULL,
    server           text NOT NULL DEFAULT '',
    tool             text NOT NULL,
    outcome          text NOT NULL,
    consent          text NOT NULL DEFAULT '',
    ms               integer NOT NULL,
    argument_bytes   integer NOT NULL,
    arguments_sha256 text NOT NULL,
    result_bytes     integer NOT NULL,
    request_id       text NOT NULL
);
CREATE INDEX tool_calls_by_time ON tool_calls (happened_at DESC, id DESC);
CREATE INDEX tool_calls_of_user ON tool_calls (user_id);

CREATE FUNCTION viewer_tool_servers() RETURNS SETOF uuid LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.server_id FROM tool_grants g
    WHERE g.user_id = viewer_id() OR g.group_id = ANY (viewer_group_ids())
       OR (g.user_id IS NULL AND g.group_id IS NULL AND viewer_id() IS NOT NULL);
END;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tool_servers', 'server_tools', 'tool_grants', 'tool_consents', 'tool_calls'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['tool_servers', 'server_tools', 'tool_grants'] LOOP
        EXECUTE format('CREATE POLICY manage_%s ON %I FOR ALL TO appliance_api '
                       'USING ((SELECT viewer_role()) = ''admin'')', name, name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO appliance_api', name);
    END LOOP;
END
$$;
CREATE POLICY use_tool_servers ON tool_servers FOR SELECT TO appliance_api
    USING (id IN (SELECT viewer_tool_servers()));
CREATE POLICY use_server_tools ON server_tools FOR SELECT TO appliance_api
    USING (server_id IN (SELECT viewer_tool_servers()));
CREATE POLICY read_own_tool_grants ON tool_grants FOR SELECT TO appliance_api USING (
    user_id = (SELECT viewer_id()) OR group_id = ANY ((SELECT viewer_group_ids())::uuid[])
    OR (user_id IS NULL AND group_id IS NULL AND (SELECT viewer_id()) IS NOT NULL));
CREATE POLICY own_tool_consents ON tool_consents TO appliance_api
    USING (user_id = (SELECT viewer_id())) WITH CHECK (user_id = (SELECT viewer_id()));
CREATE POLICY read_tool_calls ON tool_calls FOR SELECT TO appliance_api
    USING (user_id = (SELECT viewer_id()) OR (SELECT viewer_role()) IN ('admin', 'auditor'));
CREATE POLICY write_own_tool_calls ON tool_calls FOR INSERT TO appliance_api
    WITH CHECK (user_id = (SELECT viewer_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON tool_consents TO appliance_api;
GRANT SELECT, INSERT ON tool_calls TO appliance_api;

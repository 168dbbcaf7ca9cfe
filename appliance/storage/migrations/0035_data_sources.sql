-- The company's databases: how they are reached (no secret), what of them may be asked and by whom, what changed there.

-- settings: host, port, database, user and the path of the file with the password; never the password.
-- max_*: narrower than the configuration's; NULL: as there. writable_because: why an administrator accepted a role that
-- can do more than read; empty: it cannot. problem: code of what the last contact failed with; empty: it answered.
CREATE TABLE data_sources (
    id                uuid PRIMARY KEY DEFAULT uuidv7(),
    name              text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    name_key          text NOT NULL UNIQUE,
    kind              text NOT NULL CHECK (kind IN ('postgres', 'mysql', 'sqlserver', 'sqlite')),
    settings          jsonb NOT NULL,
    description       text NOT NULL DEFAULT '',
    max_rows          integer CHECK (max_rows > 0),
    max_mib           integer CHECK (max_mib > 0),
    max_seconds       double precision CHECK (max_seconds > 0),
    max_cost          double precision CHECK (max_cost > 0),
    is_paused         boolean NOT NULL DEFAULT false,
    writable_because  text NOT NULL DEFAULT '',
    role_report       jsonb,
    default_namespace text NOT NULL DEFAULT '',
    problem           text NOT NULL DEFAULT '',
    problem_detail    text NOT NULL DEFAULT '',
    checked_at        timestamptz,
    created_by        uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    changed_at        timestamptz NOT NULL DEFAULT now()
);

-- Everything that the role could read when somebody looked last; for administrators. fingerprint: of names and types.
CREATE TABLE data_schemas (
    source_id    uuid PRIMARY KEY REFERENCES data_sources (id) ON DELETE CASCADE,
    tables       jsonb NOT NULL,
    fingerprint  text NOT NULL,
    read_at      timestamptz NOT NULL
);

-- The chosen tables. columns: all that it had when it was chosen or looked through last, each with is_offered; a column
-- that came later is not among them, and so never offered by itself.
CREATE TABLE data_tables (
    source_id     uuid NOT NULL REFERENCES data_sources (id) ON DELETE CASCADE,
    namespace     text NOT NULL,
    name          text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('table', 'view')),
    description   text NOT NULL DEFAULT '',
    rows          bigint,
    primary_key   text[] NOT NULL DEFAULT '{}',
    foreign_keys  jsonb NOT NULL DEFAULT '[]',
    columns       jsonb NOT NULL,
    PRIMARY KEY (source_id, namespace, name)
);

-- What is not there as it was when it was chosen; replaced whenever the schema is read. column_name '': the table itself.
CREATE TABLE data_drift (
    source_id    uuid NOT NULL REFERENCES data_sources (id) ON DELETE CASCADE,
    namespace    text NOT NULL,
    table_name   text NOT NULL,
    column_name  text NOT NULL DEFAULT '',
    change       text NOT NULL CHECK (change IN ('table_gone', 'column_gone', 'type_changed', 'column_new')),
    was          text NOT NULL DEFAULT '',
    becomes      text NOT NULL DEFAULT '',
    found_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_id, namespace, table_name, column_name, change)
);

-- Who may ask. Neither a person nor a group: everybody.
CREATE TABLE data_grants (
    source_id   uuid NOT NULL REFERENCES data_sources (id) ON DELETE CASCADE,
    user_id     uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id    uuid REFERENCES groups (id) ON DELETE CASCADE,
    created_by  uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_grant_subject CHECK (num_nonnulls(user_id, group_id) <= 1),
    CONSTRAINT one_grant_of_a_subject UNIQUE NULLS NOT DISTINCT (source_id, user_id, group_id)
);
CREATE INDEX data_grants_of_user ON data_grants (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX data_grants_of_group ON data_grants (group_id) WHERE group_id IS NOT NULL;

-- What was granted to the viewer. An administrator sees every source, and yet asks only what was granted to them.
CREATE FUNCTION viewer_asked_sources() RETURNS SETOF uuid LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.source_id FROM data_grants g
    WHERE g.user_id = viewer_id() OR g.group_id = ANY (viewer_group_ids())
       OR (g.user_id IS NULL AND g.group_id IS NULL AND viewer_id() IS NOT NULL);
END;

DO $$
DECLARE
    name text;
    key text;
BEGIN
    FOREACH name IN ARRAY ARRAY['data_sources', 'data_schemas', 'data_tables', 'data_drift', 'data_grants'] LOOP
        key := CASE name WHEN 'data_sources' THEN 'id' ELSE 'source_id' END;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY manage_%s ON %I FOR ALL TO appliance_api '
                       'USING ((SELECT viewer_role()) = ''admin'')', name, name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO appliance_api', name);
        -- The worker reads schemas anew at night, whoever made the source; it gives nobody anything.
        EXECUTE format('CREATE POLICY follow_%s ON %I FOR ALL TO appliance_worker USING (true)', name, name);
        IF name IN ('data_sources', 'data_tables', 'data_drift') THEN
            EXECUTE format('CREATE POLICY ask_%s ON %I FOR SELECT TO appliance_api '
                           'USING (%I IN (SELECT viewer_asked_sources()))', name, name, key);
        END IF;
    END LOOP;
END
$$;
CREATE POLICY read_own_data_grants ON data_grants FOR SELECT TO appliance_api USING (
    user_id = (SELECT viewer_id()) OR group_id = ANY ((SELECT viewer_group_ids())::uuid[])
    OR (user_id IS NULL AND group_id IS NULL AND (SELECT viewer_id()) IS NOT NULL));
GRANT SELECT, UPDATE ON data_sources TO appliance_worker;
GRANT SELECT, INSERT, UPDATE ON data_schemas TO appliance_worker;
GRANT SELECT ON data_tables TO appliance_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON data_drift TO appliance_worker;
-- What drifted overnight stands in the audit.
GRANT INSERT ON account_events TO appliance_worker;

-- Extensions, and who may enter the schema. Each later file grants what its own tables allow.
--
-- Conventions: every table that holds people's things has row-level security ENABLEd and FORCEd. Policies read the viewer
-- through the functions below; an unset variable is NULL or empty, and so no row matches. api and worker get rights table
-- by table; maintenance bypasses row-level security but still needs its grants.
CREATE EXTENSION IF NOT EXISTS vector;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO appliance_api, appliance_worker, appliance_maintenance;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO appliance_maintenance;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES
    TO appliance_api, appliance_worker, appliance_maintenance;
GRANT SELECT ON schema_migrations TO appliance_api, appliance_worker, appliance_maintenance;

CREATE FUNCTION viewer_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.user_id', true), '')::uuid;

CREATE FUNCTION viewer_group_ids() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN coalesce(current_setting('app.group_ids', true), '') = '' THEN '{}'::uuid[]
            ELSE string_to_array(current_setting('app.group_ids', true), ',')::uuid[] END;

CREATE FUNCTION viewer_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.role', true), '');

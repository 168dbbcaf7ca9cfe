-- Generations of the index for caches beside it, shares of collections, and receipts of what was deleted.

-- Which state of a collection's index is the newest: caches of it compare numbers. No row-level security, because nothing
-- but numbers stands here; the row goes with the collection, and whoever holds something of it lets go of that.
CREATE TABLE index_generations (
    collection_id  uuid PRIMARY KEY,
    generation     bigint NOT NULL
);

-- Every change of an index begins by changing the collection's totals. Runs as the owner: no other role may count.
CREATE FUNCTION count_index_generation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM index_generations WHERE collection_id = OLD.collection_id;
    ELSE
        INSERT INTO index_generations AS g (collection_id, generation) VALUES (NEW.collection_id, 1)
        ON CONFLICT (collection_id) DO UPDATE SET generation = g.generation + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_index_generation AFTER INSERT OR UPDATE OR DELETE ON collection_totals
    FOR EACH ROW EXECUTE FUNCTION count_index_generation();
GRANT SELECT ON index_generations TO appliance_api, appliance_worker;

-- A share gives one person or one group a collection to read, or to read and write: to change what is in it, not the
-- collection itself. Whoever owns the collection gives and takes shares.
--
-- The owner is written down here again (by the trigger, from the collection as the sharing person sees it), so that the
-- policies of collections may ask this table without this table asking collections: no circle.
CREATE TABLE collection_shares (
    collection_id   uuid NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    user_id         uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id        uuid REFERENCES groups (id) ON DELETE CASCADE,
    may_write       boolean NOT NULL,
    created_by      uuid NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    owner_user_id   uuid,
    owner_group_id  uuid,
    is_public       boolean NOT NULL,
    CONSTRAINT one_subject CHECK (num_nonnulls(user_id, group_id) = 1),
    CONSTRAINT one_share_of_a_subject UNIQUE NULLS NOT DISTINCT (collection_id, user_id, group_id)
);
CREATE INDEX collection_shares_of_user ON collection_shares (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX collection_shares_of_group ON collection_shares (group_id) WHERE group_id IS NOT NULL;

CREATE FUNCTION note_owner_of_share() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    SELECT c.owner_user_id, c.owner_group_id, c.is_public
    INTO NEW.owner_user_id, NEW.owner_group_id, NEW.is_public
    FROM collections c WHERE c.id = NEW.collection_id;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'the collection is not to be seen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER note_owner_of_share BEFORE INSERT OR UPDATE ON collection_shares
    FOR EACH ROW EXECUTE FUNCTION note_owner_of_share();

ALTER TABLE collection_shares ENABLE ROW LEVEL SECURITY;
ALTER TABLE collection_shares FORCE ROW LEVEL SECURITY;
CREATE POLICY read_own_shares ON collection_shares FOR SELECT USING (
    user_id = (SELECT viewer_id()) OR group_id = ANY ((SELECT viewer_group_ids())::uuid[]));
CREATE POLICY give_shares ON collection_shares FOR ALL USING (
    owner_user_id = (SELECT viewer_id())
    OR owner_group_id = ANY ((SELECT viewer_group_ids())::uuid[])
    OR (is_public AND (SELECT viewer_role()) = 'admin'));
GRANT SELECT, INSERT, UPDATE, DELETE ON collection_shares TO appliance_api;
GRANT SELECT ON collection_shares TO appliance_worker;

-- Whether the collection is the viewer's own to change, share and delete.
CREATE FUNCTION viewer_owns_collection(wanted uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT 1 FROM collections c
    WHERE c.id = wanted
      AND (c.owner_user_id = viewer_id() OR c.owner_group_id = ANY (viewer_group_ids())
           OR (c.is_public AND viewer_role() = 'admin')));

-- What was shared with the viewer, or with a group of theirs, to be written.
CREATE FUNCTION viewer_writable_shares() RETURNS SETOF uuid LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT s.collection_id FROM collection_shares s
    WHERE s.may_write AND (s.user_id = viewer_id() OR s.group_id = ANY (viewer_group_ids()));
END;

CREATE OR REPLACE FUNCTION viewer_writes_collection(wanted uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN viewer_owns_collection(wanted) OR wanted IN (SELECT * FROM viewer_writable_shares());

DROP POLICY read_collections ON collections;
CREATE POLICY read_collections ON collections FOR SELECT USING (
    owner_user_id = (SELECT viewer_id())
    OR owner_group_id = ANY ((SELECT viewer_group_ids())::uuid[])
    OR (is_public AND (SELECT viewer_id()) IS NOT NULL)
    OR id IN (SELECT s.collection_id FROM collection_shares s
              WHERE s.user_id = viewer_id() OR s.group_id = ANY (viewer_group_ids())));

DO $$
DECLARE
    name text;
    writable text := '(collection_id IN (SELECT c.id FROM collections c WHERE c.owner_user_id = viewer_id() '
        'OR c.owner_group_id = ANY (viewer_group_ids()) OR (c.is_public AND viewer_role() = ''admin'')) '
        'OR collection_id IN (SELECT * FROM viewer_writable_shares()))';
BEGIN
    FOREACH name IN ARRAY ARRAY['pages', 'chunks', 'embeddings', 'postings', 'terms', 'collection_totals'] LOOP
        EXECUTE format('ALTER POLICY add_%s ON %I WITH CHECK (%s)', name, name, writable);
        EXECUTE format('ALTER POLICY change_%s ON %I USING (%s)', name, name, writable);
        EXECUTE format('ALTER POLICY remove_%s ON %I USING (%s)', name, name, writable);
    END LOOP;
END
$$;

-- What a deletion removed. Numbers and ids only: a receipt that kept names would keep what was to be forgotten. Read by
-- who deleted and by auditors; nobody below the owner can change one. deleted_by NULL: the operator at the machine.
CREATE TABLE receipts (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    happened_at  timestamptz NOT NULL DEFAULT now(),
    kind         text NOT NULL CHECK (kind IN ('file', 'collection', 'user')),
    subject_id   uuid NOT NULL,
    deleted_by   uuid,
    removed      jsonb NOT NULL
);
CREATE INDEX receipts_of_person ON receipts (deleted_by, id DESC);
ALTER TABLE receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY read_receipts ON receipts FOR SELECT USING (
    deleted_by = (SELECT viewer_id()) OR (SELECT viewer_role()) = 'auditor');
CREATE POLICY add_receipts ON receipts FOR INSERT WITH CHECK (deleted_by = (SELECT viewer_id()));
GRANT SELECT, INSERT ON receipts TO appliance_api, appliance_worker;  -- the worker removes what left a watched folder
REVOKE UPDATE, DELETE ON receipts FROM appliance_maintenance;

-- Runs of the canaries: how often somebody tried to reach what is not theirs, and how often they did.
CREATE TABLE canary_runs (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz NOT NULL,
    probes       integer NOT NULL,
    hits         integer NOT NULL,
    found        jsonb NOT NULL DEFAULT '[]'   -- route and role of each hit; no text
);
GRANT SELECT, INSERT ON canary_runs TO appliance_api;

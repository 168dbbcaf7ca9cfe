-- Files, the collections they are in, and how far each has been read.
--
-- A collection belongs to one person, to one group or to everybody. Reading: its person, the group's members, everybody.
-- Writing: its person, the group's members; only administrators where it is everybody's. A file belongs to who uploaded
-- it; others see it through the collections it is in. Nobody's eyes (no viewer) see nothing, public collections included.
--
-- Policies may not go in circles: files -> collection_files -> collections.
CREATE TABLE collections (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 512),
    description     text NOT NULL DEFAULT '' CHECK (length(description) <= 4096),
    owner_user_id   uuid,
    owner_group_id  uuid,
    is_public       boolean NOT NULL DEFAULT false,
    created_by      uuid NOT NULL,
    metadata        jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_active_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_owner CHECK (num_nonnulls(owner_user_id, owner_group_id) + is_public::int = 1)
);
CREATE INDEX collections_of_user ON collections (owner_user_id) WHERE owner_user_id IS NOT NULL;
CREATE INDEX collections_of_group ON collections (owner_group_id) WHERE owner_group_id IS NOT NULL;
CREATE INDEX collections_of_everybody ON collections (id) WHERE is_public;

-- Bytes lie once on disk, whoever uploaded them; refs counts the files that need them. A blob whose count has reached
-- zero is removed by who deletes its row while the row is locked (storage/blobs.py).
CREATE TABLE blobs (
    sha256      bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    size_bytes  bigint NOT NULL CHECK (size_bytes >= 0),
    refs        integer NOT NULL CHECK (refs >= 0)
);
CREATE INDEX blobs_unused ON blobs (sha256) WHERE refs = 0;

CREATE TABLE files (
    id          uuid PRIMARY KEY,
    owner_id    uuid NOT NULL,
    filename    text NOT NULL CHECK (octet_length(filename) BETWEEN 1 AND 255),
    media_type  text NOT NULL,
    size_bytes  bigint NOT NULL CHECK (size_bytes >= 0),
    sha256      bytea NOT NULL REFERENCES blobs (sha256),
    purpose     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (id, owner_id)
);
CREATE INDEX files_of_owner ON files (owner_id, created_at DESC, id DESC);
CREATE INDEX files_of_blob ON files (sha256);

-- One row a file and collection. owner_id is the file's owner (the foreign key sees to it), as whom the file is read.
CREATE TABLE collection_files (
    collection_id  uuid NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    file_id        uuid NOT NULL,
    owner_id       uuid NOT NULL,
    status         text NOT NULL DEFAULT 'in_progress'
                   CHECK (status IN ('in_progress', 'completed', 'failed', 'cancelled')),
    progress       real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    pages          integer NOT NULL DEFAULT 0,
    chunks         integer NOT NULL DEFAULT 0,
    error_code     text,
    error_message  text,
    attempts       integer NOT NULL DEFAULT 0,
    job_id         bigint,
    attributes     jsonb NOT NULL DEFAULT '{}',
    size_bytes     bigint NOT NULL,  -- the file's, here so that sums need not look at every file's rights
    added_at       timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, file_id),
    FOREIGN KEY (file_id, owner_id) REFERENCES files (id, owner_id) ON DELETE CASCADE
);
CREATE INDEX collection_files_of_file ON collection_files (file_id);
CREATE INDEX collection_files_in_order ON collection_files (collection_id, added_at DESC, file_id DESC);

CREATE TABLE file_batches (
    id             uuid PRIMARY KEY,
    collection_id  uuid NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    created_by     uuid NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    cancelled_at   timestamptz
);
CREATE INDEX file_batches_of_collection ON file_batches (collection_id);

CREATE TABLE file_batch_files (
    batch_id       uuid NOT NULL REFERENCES file_batches (id) ON DELETE CASCADE,
    collection_id  uuid NOT NULL,
    file_id        uuid NOT NULL,
    PRIMARY KEY (batch_id, file_id),
    FOREIGN KEY (collection_id, file_id) REFERENCES collection_files (collection_id, file_id) ON DELETE CASCADE
);
CREATE INDEX file_batch_files_of_file ON file_batch_files (collection_id, file_id);

-- Keeps blobs.refs true in the transaction that adds or forgets a file. Runs as the owner: no other role may count.
CREATE FUNCTION count_blob_reference() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO blobs AS b (sha256, size_bytes, refs) VALUES (NEW.sha256, NEW.size_bytes, 1)
        ON CONFLICT (sha256) DO UPDATE SET refs = b.refs + 1;
        RETURN NEW;
    END IF;
    UPDATE blobs SET refs = refs - 1 WHERE sha256 = OLD.sha256;
    RETURN NULL;
END $$;
CREATE TRIGGER count_blob_before_insert BEFORE INSERT ON files FOR EACH ROW EXECUTE FUNCTION count_blob_reference();
CREATE TRIGGER count_blob_after_delete AFTER DELETE ON files FOR EACH ROW EXECUTE FUNCTION count_blob_reference();

ALTER TABLE collections ENABLE ROW LEVEL SECURITY;
ALTER TABLE collections FORCE ROW LEVEL SECURITY;
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
ALTER TABLE files FORCE ROW LEVEL SECURITY;
ALTER TABLE collection_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE collection_files FORCE ROW LEVEL SECURITY;
ALTER TABLE file_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE file_batches FORCE ROW LEVEL SECURITY;
ALTER TABLE file_batch_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE file_batch_files FORCE ROW LEVEL SECURITY;

-- Whether the viewer may change what is in a collection. For policies of other tables too.
CREATE FUNCTION viewer_writes_collection(wanted uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT 1 FROM collections c
    WHERE c.id = wanted
      AND (c.owner_user_id = viewer_id() OR c.owner_group_id = ANY (viewer_group_ids())
           OR (c.is_public AND viewer_role() = 'admin')));

CREATE POLICY read_collections ON collections FOR SELECT USING (
    owner_user_id = (SELECT viewer_id())
    OR owner_group_id = ANY ((SELECT viewer_group_ids())::uuid[])
    OR (is_public AND (SELECT viewer_id()) IS NOT NULL));
CREATE POLICY write_collections ON collections FOR ALL USING (
    owner_user_id = (SELECT viewer_id())
    OR owner_group_id = ANY ((SELECT viewer_group_ids())::uuid[])
    OR (is_public AND (SELECT viewer_role()) = 'admin'));

CREATE POLICY read_collection_files ON collection_files FOR SELECT USING (
    owner_id = (SELECT viewer_id()) OR EXISTS (SELECT 1 FROM collections c WHERE c.id = collection_id));
CREATE POLICY add_collection_files ON collection_files FOR INSERT WITH CHECK (
    owner_id = (SELECT viewer_id()) AND viewer_writes_collection(collection_id));
CREATE POLICY change_collection_files ON collection_files FOR UPDATE USING (
    owner_id = (SELECT viewer_id()) OR viewer_writes_collection(collection_id));
CREATE POLICY remove_collection_files ON collection_files FOR DELETE USING (
    owner_id = (SELECT viewer_id()) OR viewer_writes_collection(collection_id));

CREATE POLICY read_files ON files FOR SELECT USING (
    owner_id = (SELECT viewer_id()) OR EXISTS (SELECT 1 FROM collection_files cf WHERE cf.file_id = files.id));
CREATE POLICY own_files ON files FOR ALL USING (owner_id = (SELECT viewer_id()));

CREATE POLICY read_file_batches ON file_batches FOR SELECT USING (
    EXISTS (SELECT 1 FROM collections c WHERE c.id = collection_id));
CREATE POLICY write_file_batches ON file_batches FOR ALL USING (viewer_writes_collection(collection_id));
CREATE POLICY read_file_batch_files ON file_batch_files FOR SELECT USING (
    EXISTS (SELECT 1 FROM collections c WHERE c.id = collection_id));
CREATE POLICY write_file_batch_files ON file_batch_files FOR ALL USING (viewer_writes_collection(collection_id));

GRANT SELECT, INSERT, UPDATE, DELETE ON collections, files, collection_files, file_batches, file_batch_files
    TO appliance_api;
GRANT SELECT ON collections, files, file_batches, file_batch_files TO appliance_worker;
GRANT SELECT, UPDATE ON collection_files TO appliance_worker;
GRANT SELECT, DELETE ON blobs TO appliance_api, appliance_worker;

-- Ingestion that can be watched, versions, and the same content twice.
--
-- finished_at: when reading ended, well or not; with started_at it tells the pages a second. duplicate_of: another file
-- of the collection with the same bytes, which is found in this one's place; this one has pages and no passages.
ALTER TABLE collection_files
    ADD COLUMN finished_at timestamptz,
    ADD COLUMN duplicate_of uuid;
CREATE INDEX collection_files_like ON collection_files (collection_id, duplicate_of) WHERE duplicate_of IS NOT NULL;

-- The old version is found until the new one is, so both stand here for a while; only one of them is current.
DROP INDEX collection_files_of_source;
CREATE UNIQUE INDEX collection_files_current ON collection_files (collection_id, source)
    WHERE source IS NOT NULL AND superseded_by IS NULL AND status = 'completed';
CREATE INDEX collection_files_of_source ON collection_files (collection_id, source) WHERE source IS NOT NULL;

-- The worker keeps folders in step and registers what lies inside of documents, with the owner's eyes.
GRANT INSERT, DELETE ON files, collection_files TO appliance_worker;
GRANT INSERT, UPDATE (last_active_at) ON collections TO appliance_worker;
-- When a document leaves, another one of the same content takes its passages over.
GRANT UPDATE (file_id) ON chunks TO appliance_api;

-- Versions whose place another one has taken, and with whose eyes they are removed when nobody needs them any more. No
-- row-level security: nothing but numbers stands here, and the worker has nobody's eyes until it has read them.
CREATE TABLE retired_versions (
    collection_id  uuid NOT NULL,
    file_id        uuid NOT NULL,
    owner_id       uuid NOT NULL,
    group_id       uuid,
    is_public      boolean NOT NULL,
    retired_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, file_id),
    FOREIGN KEY (collection_id, file_id) REFERENCES collection_files (collection_id, file_id) ON DELETE CASCADE
);
CREATE INDEX retired_versions_by_time ON retired_versions (retired_at);
GRANT SELECT, INSERT, DELETE ON retired_versions TO appliance_api, appliance_worker;

-- Where a passage stands in its document beyond a page's number, and documents inside of documents.
--
-- anchors: [[start, end, reference, [left, top, right, bottom] or null], …] in the order of the text, boxes in shares of
-- the page as it is shown. ref: of a passage, its anchors' references joined ("B2:F14").
ALTER TABLE pages
    ADD COLUMN unit text NOT NULL DEFAULT 'page' CHECK (unit IN ('page', 'sheet', 'slide')),
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN anchors jsonb NOT NULL DEFAULT '[]';

-- content_hash: of what a passage is found by (heading path and text); equal passages need not be embedded again.
ALTER TABLE chunks
    ADD COLUMN ref text NOT NULL DEFAULT '',
    ADD COLUMN content_hash bytea CHECK (octet_length(content_hash) = 32);
CREATE INDEX chunks_of_content ON chunks (collection_id, content_hash);

-- An attachment or a member of an archive goes with the file it came in.
ALTER TABLE files ADD COLUMN parent_id uuid REFERENCES files (id);
CREATE INDEX files_of_parent ON files (parent_id) WHERE parent_id IS NOT NULL;

-- stage: what is being done; notes: repairs and omissions worth telling; started_at, pages_done: from which pages a
-- second are told. source: the path in a folder that is kept in step. superseded_by: the newer version of the same
-- source; such a document is not found any more, its pages still open.
ALTER TABLE collection_files
    ADD COLUMN stage text NOT NULL DEFAULT 'waiting'
        CHECK (stage IN ('waiting', 'parsing', 'embedding', 'indexing', 'done')),
    ADD COLUMN notes jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN started_at timestamptz,
    ADD COLUMN pages_done integer NOT NULL DEFAULT 0,
    ADD COLUMN source text CHECK (octet_length(source) BETWEEN 1 AND 4096),
    ADD COLUMN superseded_by uuid,
    ADD COLUMN superseded_at timestamptz;
UPDATE collection_files SET stage = 'done' WHERE status <> 'in_progress';
CREATE UNIQUE INDEX collection_files_of_source ON collection_files (collection_id, source)
    WHERE source IS NOT NULL AND superseded_by IS NULL;

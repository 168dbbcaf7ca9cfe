-- Recordings as documents: their transcript's parts are pages whose anchors hold times.
--
-- stage hearing: a recording is being turned into text; pages_done then counts its seconds. heard_s: how long it is;
-- spoken: the language in it, ISO 639-1. Both empty for what is no recording.
ALTER TABLE pages
    DROP CONSTRAINT pages_unit_check,
    ADD CONSTRAINT pages_unit_check CHECK (unit IN ('page', 'sheet', 'slide', 'recording'));
ALTER TABLE collection_files
    DROP CONSTRAINT collection_files_stage_check,
    ADD CONSTRAINT collection_files_stage_check
        CHECK (stage IN ('waiting', 'parsing', 'hearing', 'embedding', 'indexing', 'done')),
    ADD COLUMN heard_s real CHECK (heard_s >= 0),
    ADD COLUMN spoken text CHECK (octet_length(spoken) BETWEEN 2 AND 16);

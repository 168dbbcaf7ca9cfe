-- The tables of uploaded workbooks, beside the bytes they were made of: once a content, whoever uploaded it and in however
-- many collections it is. Whoever sees a file of that content sees them; they go when the bytes go, in one statement.
--
-- maker: the version of what made them; an older one is made again. notes: what was left out, as of documents.
CREATE TABLE workbooks (
    sha256   bytea PRIMARY KEY REFERENCES blobs (sha256) ON DELETE CASCADE,
    maker    integer NOT NULL,
    tables   integer NOT NULL CHECK (tables >= 0),
    notes    jsonb NOT NULL DEFAULT '[]',
    made_at  timestamptz NOT NULL DEFAULT now()
);

-- told: name, columns and rows as `querying.workbooks.wire` writes them. label: the sheet; place: its cells. content:
-- Parquet, packed already.
CREATE TABLE workbook_tables (
    sha256   bytea NOT NULL REFERENCES workbooks (sha256) ON DELETE CASCADE,
    number   integer NOT NULL CHECK (number >= 1),
    name     text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 400),
    label    text NOT NULL,
    place    text NOT NULL,
    told     jsonb NOT NULL,
    notes    jsonb NOT NULL DEFAULT '[]',
    content  bytea NOT NULL,
    PRIMARY KEY (sha256, number),
    UNIQUE (sha256, name)
);
ALTER TABLE workbook_tables ALTER COLUMN content SET STORAGE EXTERNAL;

-- The inner SELECT has the row-level security of files.
DO $$
DECLARE
    name text;
    seen text := 'EXISTS (SELECT 1 FROM files f WHERE f.sha256 = %I.sha256)';
BEGIN
    FOREACH name IN ARRAY ARRAY['workbooks', 'workbook_tables'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY read_%s ON %I FOR SELECT USING (' || seen || ')', name, name, name);
        EXECUTE format('CREATE POLICY add_%s ON %I FOR INSERT WITH CHECK (' || seen || ')', name, name, name);
        EXECUTE format('CREATE POLICY remove_%s ON %I FOR DELETE USING (' || seen || ')', name, name, name);
        EXECUTE format('GRANT SELECT ON %I TO appliance_api', name);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO appliance_worker', name);
    END LOOP;
END
$$;

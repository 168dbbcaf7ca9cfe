-- The index: the text of pages, the passages cut from them, their vectors and their words.
--
-- Every row carries its collection, so that one rule hides it: what belongs to a collection that the viewer does not see
-- is not there. A file in two collections has its rows twice. Postings and document frequencies belong to the
-- collection as well; what is summed over the visible ones tells nothing of the others.
CREATE TABLE pages (
    collection_id  uuid NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    file_id        uuid NOT NULL REFERENCES files (id),
    ordinal        integer NOT NULL,      -- from 0, in the order of the document
    number         integer,               -- from 1; NULL for formats without pages
    text           text NOT NULL,
    PRIMARY KEY (collection_id, file_id, ordinal)
);
CREATE INDEX pages_of_file ON pages (file_id, number);

CREATE TABLE chunks (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection_id  uuid NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    file_id        uuid NOT NULL REFERENCES files (id),  -- no cascade: a file leaves the index first, with its counts
    ordinal        integer NOT NULL,
    page           integer,
    start_offset   integer NOT NULL,      -- in the page's text
    end_offset     integer NOT NULL,
    headings       text[] NOT NULL,
    language       text,
    text           text NOT NULL,
    terms          text[] NOT NULL,       -- distinct, sorted: what to take out of postings and terms again
    UNIQUE (collection_id, file_id, ordinal)
);
CREATE INDEX chunks_of_file ON chunks (file_id);

-- Apart from the passages, because exact search and the graph index read this table alone, row by row.
-- One dimension for each partial index; vectors of another dimension are searched exactly until they have their own.
CREATE TABLE embeddings (
    chunk_id       bigint NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    collection_id  uuid NOT NULL,
    model_id       text NOT NULL,
    dimension      smallint NOT NULL,
    embedding      halfvec NOT NULL,
    PRIMARY KEY (chunk_id, model_id)
);
ALTER TABLE embeddings ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE INDEX embeddings_of_collection ON embeddings (collection_id, model_id);
CREATE INDEX embeddings_hnsw_384 ON embeddings
    USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) WITH (m = 16, ef_construction = 100)
    WHERE dimension = 384;

-- tf: how often the term stands in the passage; length: of the passage in terms. Terms compare by bytes.
CREATE TABLE postings (
    collection_id  uuid NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    term           text COLLATE "C" NOT NULL,
    chunk_id       bigint NOT NULL,
    tf             integer NOT NULL,
    length         integer NOT NULL,
    PRIMARY KEY (collection_id, term, chunk_id) INCLUDE (tf, length)
);

CREATE TABLE terms (
    collection_id  uuid NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    term           text COLLATE "C" NOT NULL,
    df             bigint NOT NULL CHECK (df > 0),
    PRIMARY KEY (collection_id, term)
) WITH (fillfactor = 80);

-- Whoever changes the index of a collection locks its row here first, so writers of one collection follow each other.
CREATE TABLE collection_totals (
    collection_id  uuid PRIMARY KEY REFERENCES collections (id) ON DELETE CASCADE,
    chunks         bigint NOT NULL DEFAULT 0 CHECK (chunks >= 0),
    length         bigint NOT NULL DEFAULT 0 CHECK (length >= 0)
);

-- Read: what is in a collection the viewer sees. Write: what the viewer may change, as in collections' own policy. The
-- inner SELECTs have collections' row-level security; each runs once a query, as a hashed subplan.
DO $$
DECLARE
    name text;
    writable text := 'collection_id IN (SELECT c.id FROM collections c WHERE c.owner_user_id = viewer_id() '
        'OR c.owner_group_id = ANY (viewer_group_ids()) OR (c.is_public AND viewer_role() = ''admin''))';
BEGIN
    FOREACH name IN ARRAY ARRAY['pages', 'chunks', 'embeddings', 'postings', 'terms', 'collection_totals'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY read_%s ON %I FOR SELECT '
                       'USING (collection_id IN (SELECT c.id FROM collections c))', name, name);
        EXECUTE format('CREATE POLICY add_%s ON %I FOR INSERT WITH CHECK (%s)', name, name, writable);
        EXECUTE format('CREATE POLICY change_%s ON %I FOR UPDATE USING (%s)', name, name, writable);
        EXECUTE format('CREATE POLICY remove_%s ON %I FOR DELETE USING (%s)', name, name, writable);
        EXECUTE format('GRANT SELECT ON %I TO appliance_api', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO appliance_worker', name);
    END LOOP;
END
$$;

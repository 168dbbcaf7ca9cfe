-- Questions to the company's tables whose SQL people checked, and every version of each.
--
-- A question belongs to whoever saved it and is theirs alone until an administrator has verified it; then it is for all
-- who may ask its source. Its maker may offer it for that (is_proposed): before, nobody else reads it.
CREATE TABLE saved_questions (
    id            uuid PRIMARY KEY,
    source_id     uuid NOT NULL,
    database_id   uuid REFERENCES data_sources (id) ON DELETE CASCADE,
    collection_id uuid REFERENCES collections (id) ON DELETE CASCADE,  -- of a workbook
    owner_id      uuid NOT NULL,
    question      text NOT NULL CHECK (length(question) BETWEEN 1 AND 500),
    language      text NOT NULL CHECK (language IN ('en', 'es')),
    wordings      text[] NOT NULL DEFAULT '{}',
    sql           text NOT NULL CHECK (length(sql) BETWEEN 1 AND 20000),
    parameters    jsonb NOT NULL DEFAULT '[]',
    is_example    boolean NOT NULL DEFAULT true,
    is_offered    boolean NOT NULL DEFAULT true,
    is_proposed   boolean NOT NULL DEFAULT false,
    is_verified   boolean NOT NULL DEFAULT false,
    version       integer NOT NULL DEFAULT 1,
    problem       text NOT NULL DEFAULT '',   -- code of why it cannot run any more
    problem_detail text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_place CHECK (num_nonnulls(database_id, collection_id) = 1)
);
CREATE INDEX saved_questions_of_source ON saved_questions (source_id);
CREATE INDEX saved_questions_of_owner ON saved_questions (owner_id);
CREATE INDEX saved_questions_of_collection ON saved_questions (collection_id) WHERE collection_id IS NOT NULL;

-- body: as it was made by this step. changed_by without a foreign key: who did it stays as an id.
CREATE TABLE saved_question_versions (
    question_id  uuid NOT NULL REFERENCES saved_questions (id) ON DELETE CASCADE,
    version      integer NOT NULL,
    action       text NOT NULL CHECK (action IN ('saved', 'changed', 'proposed', 'verified', 'withdrawn', 'broken')),
    changed_by   uuid,
    changed_at   timestamptz NOT NULL DEFAULT now(),
    body         jsonb NOT NULL,
    PRIMARY KEY (question_id, version)
);

ALTER TABLE saved_questions ENABLE ROW LEVEL SECURITY;
ALTER TABLE saved_questions FORCE ROW LEVEL SECURITY;
ALTER TABLE saved_question_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE saved_question_versions FORCE ROW LEVEL SECURITY;

CREATE POLICY own_saved_questions ON saved_questions TO appliance_api USING (owner_id = (SELECT viewer_id()))
    WITH CHECK (owner_id = (SELECT viewer_id()) AND NOT is_verified);
CREATE POLICY ask_saved_questions ON saved_questions FOR SELECT TO appliance_api USING (
    is_verified AND (database_id IN (SELECT viewer_asked_sources())
                     OR EXISTS (SELECT 1 FROM collections c WHERE c.id = collection_id)));
-- What was offered to them or verified by one of them, of databases; a workbook is its collection's people's.
CREATE POLICY verify_saved_questions ON saved_questions TO appliance_api USING (
    (SELECT viewer_role()) = 'admin' AND (owner_id = (SELECT viewer_id()) OR (
        (is_proposed OR is_verified)
        AND (database_id IS NOT NULL OR EXISTS (SELECT 1 FROM collections c WHERE c.id = collection_id)))))
    WITH CHECK ((SELECT viewer_role()) = 'admin');
CREATE POLICY read_saved_question_versions ON saved_question_versions TO appliance_api USING (
    EXISTS (SELECT 1 FROM saved_questions q WHERE q.id = question_id));

GRANT SELECT, INSERT, UPDATE, DELETE ON saved_questions TO appliance_api;
GRANT SELECT, INSERT ON saved_question_versions TO appliance_api;

-- What queries of the company's tables brought, kept for whoever asked: to be paged, exported and shown again.
--
-- A result goes with its turn, and so with its conversation; one without a turn goes after a day, and the oldest go when
-- somebody keeps too much. Rows lie in pages of some hundred, so that neither reading nor exporting holds all of them.
CREATE TABLE data_results (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    turn_id      uuid REFERENCES turns (id) ON DELETE CASCADE,
    source_id    uuid NOT NULL,            -- no foreign key: what was answered stays when the source is taken away
    source_name  text NOT NULL,
    question     text NOT NULL DEFAULT '',
    sql          text NOT NULL,
    tables       text[] NOT NULL,
    columns      jsonb NOT NULL,           -- [[name, kind], …]
    row_count    integer NOT NULL CHECK (row_count >= 0),
    cut          text CHECK (cut IN ('rows', 'bytes')),
    elapsed_ms   double precision NOT NULL,
    cost         double precision,
    saved_id     uuid,
    ran_at       timestamptz NOT NULL,
    kept_at      timestamptz NOT NULL DEFAULT now(),
    size_bytes   bigint NOT NULL CHECK (size_bytes >= 0)
);
CREATE INDEX data_results_of_user ON data_results (user_id, kept_at DESC, id DESC);
CREATE INDEX data_results_of_turn ON data_results (turn_id) WHERE turn_id IS NOT NULL;
CREATE INDEX data_results_without_turn ON data_results (kept_at) WHERE turn_id IS NULL;

CREATE TABLE data_result_pages (
    result_id  uuid NOT NULL REFERENCES data_results (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL,
    first_row  integer NOT NULL,           -- from 0
    body       bytea NOT NULL,             -- storage/packed_rows.py
    PRIMARY KEY (result_id, first_row)
);
ALTER TABLE data_result_pages ALTER COLUMN body SET STORAGE EXTERNAL;  -- it is compressed already

ALTER TABLE data_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_results FORCE ROW LEVEL SECURITY;
ALTER TABLE data_result_pages ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_result_pages FORCE ROW LEVEL SECURITY;

-- Nobody else's are visible, administrators' role included.
CREATE POLICY own_data_results ON data_results USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());
CREATE POLICY own_data_result_pages ON data_result_pages
    USING (user_id = viewer_id()) WITH CHECK (user_id = viewer_id());
-- The worker removes what is over, without reading a cell of it.
CREATE POLICY data_results_without_turn ON data_results TO appliance_worker USING (turn_id IS NULL);

GRANT SELECT, INSERT, DELETE ON data_results, data_result_pages TO appliance_api;
GRANT SELECT (id, user_id, turn_id, kept_at), DELETE ON data_results TO appliance_worker;

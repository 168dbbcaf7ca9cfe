-- Which embedding models have vectors in the index. Numbers and names of models only, nothing of what is in it, so there
-- is no row-level security: every role may see which model to search with.
--
-- active: searched with. building: its vectors are being made beside the active one's. leaving: was active a moment ago;
-- still written, until every process has noticed; then its vectors go. cursor: of the last chunk that was gone through.
CREATE TABLE embedding_models (
    model_id      text PRIMARY KEY,
    dimension     smallint NOT NULL,
    languages     text[] NOT NULL DEFAULT '{}',
    state         text NOT NULL CHECK (state IN ('active', 'building', 'leaving')),
    since         timestamptz NOT NULL DEFAULT now(),
    cursor        bigint NOT NULL DEFAULT 0,
    renewing      boolean NOT NULL DEFAULT false,   -- the active one's vectors are made again, in place
    may_switch    boolean NOT NULL DEFAULT false,   -- somebody said so
    background    real,                             -- mean cosine of passages that have nothing to do with each other
    problem       text NOT NULL DEFAULT ''          -- why it does not get on; empty: it does
);
CREATE UNIQUE INDEX embedding_models_one_active ON embedding_models (state) WHERE state = 'active';
CREATE UNIQUE INDEX embedding_models_one_building ON embedding_models (state) WHERE state = 'building';
GRANT SELECT ON embedding_models TO appliance_api, appliance_worker;
GRANT UPDATE (may_switch, renewing, cursor) ON embedding_models TO appliance_api;

-- How many of each collection's passages have a model's vector, as it was at seen_at; for whoever watches it grow.
CREATE TABLE embedding_progress (
    model_id       text NOT NULL REFERENCES embedding_models (model_id) ON DELETE CASCADE,
    collection_id  uuid NOT NULL,
    chunks         bigint NOT NULL,
    done           bigint NOT NULL,
    seen_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model_id, collection_id)
);
GRANT SELECT ON embedding_progress TO appliance_api, appliance_worker;

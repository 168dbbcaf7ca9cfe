-- The words with which models are asked: every version that was saved, which one is in force, and which wrote an answer.

CREATE TABLE prompt_versions (
    purpose     text NOT NULL CHECK (purpose ~ '^[a-z][a-z0-9-]{0,62}$'),
    number      integer NOT NULL CHECK (number > 0),
    texts       jsonb NOT NULL,                      -- {"en": "…", "es": "…"}
    examples    jsonb NOT NULL DEFAULT '{}',         -- {"en": [["asked", "answered"], …]}
    temperature real CHECK (temperature BETWEEN 0 AND 2),
    model       text NOT NULL DEFAULT '',
    note        text NOT NULL DEFAULT '',
    created_by  uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (purpose, number)
);

-- Without a row the shipped words are in force. number 0: they are, because somebody went back to them.
CREATE TABLE prompts_in_force (
    purpose text PRIMARY KEY,
    number  integer NOT NULL CHECK (number >= 0),
    set_by  uuid REFERENCES users (id) ON DELETE SET NULL,
    set_at  timestamptz NOT NULL DEFAULT now()
);

-- No row-level security: every gateway process reads all of it, and it holds nobody's words but administrators'.
GRANT SELECT, INSERT ON prompt_versions TO appliance_api;
GRANT SELECT, INSERT, UPDATE ON prompts_in_force TO appliance_api;

-- With which words an answer was written: 'answer-with-sources@3'. NULL: none of the catalogue, or older than this.
ALTER TABLE requests ADD COLUMN prompts text[];
CREATE INDEX requests_by_prompt ON requests USING gin (prompts) WHERE prompts IS NOT NULL;

-- name: models
SELECT model_id, dimension, state, cursor, renewing, may_switch, languages, background, problem
FROM embedding_models ORDER BY state, model_id

-- name: dominant_model
SELECT model_id FROM embeddings GROUP BY model_id ORDER BY count(*) DESC, model_id LIMIT 1

-- name: adopt
INSERT INTO embedding_models (model_id, dimension, languages, state)
SELECT %(model_id)s, coalesce((SELECT e.dimension FROM embeddings e WHERE e.model_id = %(model_id)s LIMIT 1),
                              %(dimension)s), %(languages)s, 'active'
ON CONFLICT (model_id) DO UPDATE SET state = 'active', since = now()

-- name: begin
INSERT INTO embedding_models (model_id, dimension, languages, state)
VALUES (%(model_id)s, %(dimension)s, %(languages)s, 'building')
ON CONFLICT (model_id) DO UPDATE SET state = 'building', since = now(), cursor = 0, may_switch = false, problem = ''

-- name: give_up
UPDATE embedding_models SET state = 'leaving', since = now() WHERE model_id = ANY(%(model_ids)s)

-- name: missing
-- What a passage is found by: its heading path, then its text (rag.documents.searchable).
SELECT c.id, CASE WHEN cardinality(c.headings) = 0 THEN c.text
                  ELSE array_to_string(c.headings, ' › ') || E'\n' || c.text END
FROM chunks c
WHERE c.id > %(cursor)s AND (%(renewing)s OR NOT EXISTS (
    SELECT 1 FROM embeddings e WHERE e.chunk_id = c.id AND e.model_id = %(model_id)s))
ORDER BY c.id LIMIT %(limit)s

-- name: put
-- A passage that is being removed just now is left out.
INSERT INTO embeddings (chunk_id, collection_id, model_id, dimension, embedding)
SELECT c.id, c.collection_id, %(model_id)s, %(dimension)s, made.vector::halfvec
FROM unnest(%(ids)s::bigint[], %(vectors)s::text[]) AS made (id, vector) JOIN chunks c ON c.id = made.id
ORDER BY c.id FOR KEY SHARE OF c
ON CONFLICT (chunk_id, model_id) DO UPDATE SET embedding = excluded.embedding

-- name: move_cursor
UPDATE embedding_models SET cursor = greatest(cursor, %(cursor)s) WHERE model_id = %(model_id)s

-- name: start_over
UPDATE embedding_models SET cursor = 0 WHERE model_id = %(model_id)s

-- name: count_missing
SELECT count(*) FROM chunks c
WHERE NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.chunk_id = c.id AND e.model_id = %(model_id)s)

-- name: finish_renewing
UPDATE embedding_models SET renewing = false, cursor = 0 WHERE model_id = %(model_id)s

-- name: graph
SELECT i.indisvalid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relname = %(name)s AND c.relnamespace = 'public'::regnamespace

-- name: background
-- Neighbours in the order of a hash have nothing to do with each other.
WITH sample AS MATERIALIZED (
    SELECT embedding, row_number() OVER (ORDER BY md5(chunk_id::text)) AS place
    FROM (SELECT chunk_id, embedding FROM embeddings WHERE model_id = %(model_id)s
          ORDER BY md5(chunk_id::text) LIMIT 1000) picked
)
UPDATE embedding_models SET background = (
    SELECT CASE WHEN count(*) >= 30 THEN avg(1 - (one.embedding <=> other.embedding)) END
    FROM sample one JOIN sample other ON other.place = one.place + 1)
WHERE model_id = %(model_id)s

-- name: lock_models
SELECT pg_advisory_xact_lock(7305108, 19)

-- name: leave
UPDATE embedding_models SET state = 'leaving', since = now() WHERE state = 'active'

-- name: activate
UPDATE embedding_models SET state = 'active', since = now(), cursor = 0, may_switch = false, problem = ''
WHERE model_id = %(model_id)s

-- name: leaving_for
SELECT extract(epoch FROM now() - since)::float8 FROM embedding_models WHERE model_id = %(model_id)s

-- name: remove_some
WITH part AS MATERIALIZED (
    SELECT chunk_id FROM embeddings WHERE chunk_id > %(cursor)s AND model_id = %(model_id)s
    ORDER BY chunk_id LIMIT %(limit)s
), removed AS (
    DELETE FROM embeddings e USING part WHERE e.chunk_id = part.chunk_id AND e.model_id = %(model_id)s
)
SELECT max(chunk_id) FROM part

-- name: forget
DELETE FROM embedding_models WHERE model_id = %(model_id)s AND state = 'leaving'

-- name: note
UPDATE embedding_models SET problem = %(problem)s WHERE model_id = %(model_id)s

-- name: forget_progress
DELETE FROM embedding_progress WHERE model_id = %(model_id)s

-- name: progress
-- Numbers of all collections, nothing of what is in them. While vectors are renewed, those before the cursor count.
INSERT INTO embedding_progress (model_id, collection_id, chunks, done)
SELECT m.model_id, t.collection_id, t.chunks, coalesce(done.count, 0)
FROM embedding_models m CROSS JOIN collection_totals t
     LEFT JOIN (SELECT collection_id, count(*) FROM embeddings e, embedding_models r
                WHERE r.model_id = %(model_id)s AND e.model_id = r.model_id
                      AND (NOT r.renewing OR e.chunk_id <= r.cursor)
                GROUP BY collection_id) done
     USING (collection_id)
WHERE m.model_id = %(model_id)s AND t.chunks > 0

-- name: lock_totals
-- Writers of one collection follow each other; it is the first statement of every change.
INSERT INTO collection_totals (collection_id) VALUES (%(collection_id)s)
ON CONFLICT (collection_id) DO UPDATE SET chunks = collection_totals.chunks

-- name: is_there
-- Whether anything of the document is there that would have to be removed first.
SELECT 1 FROM (SELECT 1 FROM chunks WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s
               UNION ALL
               SELECT 1 FROM pages WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s) AS found LIMIT 1

-- name: add_pages
INSERT INTO pages (collection_id, file_id, ordinal, number, text, unit, label, anchors)
SELECT %(collection_id)s, %(file_id)s, ordinal - 1, number, text, unit, label, anchors
FROM unnest(%(numbers)s::int[], %(texts)s::text[], %(units)s::text[], %(labels)s::text[], %(anchors)s::jsonb[])
     WITH ORDINALITY AS page (number, text, unit, label, anchors, ordinal)

-- name: add_chunks
-- headings and terms come as JSON lists, because arrays of arrays must be rectangular.
INSERT INTO chunks
    (collection_id, file_id, ordinal, page, start_offset, end_offset, headings, language, text, terms, ref,
     content_hash)
SELECT %(collection_id)s, %(file_id)s, c.ordinal, c.page, c.start_offset, c.end_offset,
       ARRAY(SELECT jsonb_array_elements_text(c.headings)), c.language, c.text,
       ARRAY(SELECT jsonb_array_elements_text(c.terms)), c.ref, c.content_hash
FROM unnest(%(ordinals)s::int[], %(pages)s::int[], %(starts)s::int[], %(ends)s::int[], %(headings)s::jsonb[],
            %(languages)s::text[], %(texts)s::text[], %(terms)s::jsonb[], %(refs)s::text[], %(hashes)s::bytea[])
     AS c (ordinal, page, start_offset, end_offset, headings, language, text, terms, ref, content_hash)
RETURNING ordinal, id

-- name: add_embeddings
INSERT INTO embeddings (chunk_id, collection_id, model_id, dimension, embedding)
SELECT id, %(collection_id)s, %(model_id)s, %(dimension)s, vector::halfvec
FROM unnest(%(ids)s::bigint[], %(vectors)s::text[]) AS e (id, vector)

-- name: hold_models
-- Whoever writes vectors holds this until the end, so that search goes over to another model between two documents.
SELECT pg_advisory_xact_lock_shared(7305108, 19)

-- name: written_models
SELECT model_id, state FROM embedding_models

-- name: add_postings
INSERT INTO postings (collection_id, term, chunk_id, tf, length)
SELECT %(collection_id)s, term, id, tf, length
FROM unnest(%(terms)s::text[], %(ids)s::bigint[], %(tfs)s::int[], %(lengths)s::int[]) AS p (term, id, tf, length)

-- name: raise_frequencies
-- Terms come sorted, so that two writers can never wait for each other in a circle.
INSERT INTO terms (collection_id, term, df)
SELECT %(collection_id)s, term, df FROM unnest(%(terms)s::text[], %(dfs)s::bigint[]) AS t (term, df)
ON CONFLICT (collection_id, term) DO UPDATE SET df = terms.df + excluded.df

-- name: raise_totals
UPDATE collection_totals SET chunks = chunks + %(chunks)s, length = length + %(length)s
WHERE collection_id = %(collection_id)s

-- name: remove_postings
-- Returns how many terms, repetitions included, go with the file.
WITH gone AS MATERIALIZED (
    SELECT c.id, t.term FROM chunks c CROSS JOIN unnest(c.terms) AS t (term)
    WHERE c.collection_id = %(collection_id)s AND c.file_id = %(file_id)s
), removed AS (
    DELETE FROM postings p USING gone
    WHERE p.collection_id = %(collection_id)s AND p.term = gone.term AND p.chunk_id = gone.id
    RETURNING p.chunk_id, p.tf
)
SELECT coalesce(sum(tf), 0) FROM removed

-- name: lower_frequencies
WITH gone AS MATERIALIZED (
    SELECT t.term, count(*) AS df FROM chunks c CROSS JOIN unnest(c.terms) AS t (term)
    WHERE c.collection_id = %(collection_id)s AND c.file_id = %(file_id)s GROUP BY t.term
), ended AS (
    DELETE FROM terms USING gone
    WHERE terms.collection_id = %(collection_id)s AND terms.term = gone.term AND terms.df <= gone.df
)
UPDATE terms SET df = terms.df - gone.df FROM gone
WHERE terms.collection_id = %(collection_id)s AND terms.term = gone.term AND terms.df > gone.df

-- name: remove_chunks
DELETE FROM chunks WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s

-- name: remove_pages
DELETE FROM pages WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s

-- name: known_vectors
SELECT DISTINCT ON (c.content_hash) c.content_hash, e.embedding::real[]
FROM chunks c JOIN embeddings e ON e.chunk_id = c.id
WHERE c.collection_id = ANY(%(collection_ids)s) AND c.content_hash = ANY(%(hashes)s::bytea[])
      AND e.model_id = %(model_id)s

-- name: share_pages
INSERT INTO pages (collection_id, file_id, ordinal, number, text, unit, label, anchors)
SELECT collection_id, %(file_id)s, ordinal, number, text, unit, label, anchors
FROM pages WHERE collection_id = %(collection_id)s AND file_id = %(like)s

-- name: hand_over
UPDATE chunks SET file_id = %(heir)s WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s

-- name: copy
-- One statement and so one snapshot: a document that changes meanwhile is copied as it was, whole.
WITH source AS MATERIALIZED (
    SELECT * FROM chunks WHERE collection_id = %(source)s AND file_id = %(file_id)s
), copied AS (
    INSERT INTO chunks
        (collection_id, file_id, ordinal, page, start_offset, end_offset, headings, language, text, terms, ref,
         content_hash)
    SELECT %(collection_id)s, file_id, ordinal, page, start_offset, end_offset, headings, language, text, terms, ref,
           content_hash
    FROM source RETURNING id, ordinal
), pairs AS MATERIALIZED (
    SELECT source.id AS original, copied.id AS copy, source.terms FROM source JOIN copied USING (ordinal)
), copied_pages AS (
    INSERT INTO pages (collection_id, file_id, ordinal, number, text, unit, label, anchors)
    SELECT %(collection_id)s, file_id, ordinal, number, text, unit, label, anchors
    FROM pages WHERE collection_id = %(source)s AND file_id = %(file_id)s
), copied_embeddings AS (
    INSERT INTO embeddings (chunk_id, collection_id, model_id, dimension, embedding)
    SELECT pairs.copy, %(collection_id)s, e.model_id, e.dimension, e.embedding
    FROM pairs JOIN embeddings e ON e.chunk_id = pairs.original
), copied_postings AS (
    INSERT INTO postings (collection_id, term, chunk_id, tf, length)
    SELECT %(collection_id)s, p.term, pairs.copy, p.tf, p.length
    FROM pairs CROSS JOIN unnest(pairs.terms) AS t (term)
         JOIN postings p ON p.collection_id = %(source)s AND p.term = t.term AND p.chunk_id = pairs.original
    RETURNING tf
), raised AS (
    INSERT INTO terms (collection_id, term, df)
    SELECT %(collection_id)s, t.term, count(*) FROM pairs CROSS JOIN unnest(pairs.terms) AS t (term)
    GROUP BY t.term ORDER BY t.term COLLATE "C"
    ON CONFLICT (collection_id, term) DO UPDATE SET df = terms.df + excluded.df
)
UPDATE collection_totals
SET chunks = chunks + (SELECT count(*) FROM copied),
    length = length + (SELECT coalesce(sum(tf), 0) FROM copied_postings)
WHERE collection_id = %(collection_id)s
RETURNING (SELECT count(*) FROM copied)

-- name: count_visible
SELECT coalesce(sum(chunks), 0) FROM collection_totals WHERE collection_id = ANY(%(collection_ids)s)

-- name: count_matching
SELECT coalesce(sum(cf.chunks), 0) FROM collection_files cf
WHERE cf.collection_id = ANY(%(collection_ids)s) AND {only}

-- name: matching
-- The passages of files whose attributes fulfil a condition.
SELECT c.id FROM chunks c JOIN collection_files cf USING (collection_id, file_id)
WHERE c.collection_id = ANY(%(collection_ids)s) AND {only}

-- name: search_settings
-- hnsw's defaults return nothing to a viewer who may see 1 of 100 rows: it must go on until it has enough.
SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %(ef_search)s, true),
       set_config('hnsw.max_scan_tuples', %(max_scan_tuples)s, true),
       set_config('hnsw.scan_mem_multiplier', '4', true), set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: dense_by_index
-- The index gives relaxed order; the outer query puts it right.
WITH nearest AS MATERIALIZED (
    SELECT chunk_id, embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension}) AS distance
    FROM embeddings
    WHERE dimension = {dimension} AND model_id = %(model_id)s AND collection_id = ANY(%(collection_ids)s) {only}
    ORDER BY embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension})
    LIMIT %(limit)s
)
SELECT chunk_id, 1 - distance FROM nearest ORDER BY distance, chunk_id

-- name: dense_exactly
-- "+ 0" keeps the planner from the graph index: few rows are visible, and all of them are looked at.
SELECT chunk_id, 1 - (embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension}))
FROM embeddings
WHERE dimension = {dimension} AND model_id = %(model_id)s AND collection_id = ANY(%(collection_ids)s) {only}
ORDER BY (embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension})) + 0, chunk_id
LIMIT %(limit)s

-- name: lexical
-- BM25, k1 0.9, b 0.4. Without the casts PostgreSQL reckons in numeric, three times slower. The rarest terms, as many as
-- have rare_postings postings together (and one more while that is too few to choose from), say which passages come
-- into question; in the best of those the common terms are looked up one by one. With few postings nothing is common,
-- and that is BM25 in full.
WITH found AS MATERIALIZED (
    SELECT collection_id, term, df FROM terms
    WHERE collection_id = ANY(%(collection_ids)s) AND term = ANY(%(terms)s)
), visible AS MATERIALIZED (
    SELECT sum(chunks)::float8 AS n, sum(length)::float8 / greatest(sum(chunks), 1)::float8 AS average
    FROM collection_totals WHERE collection_id = ANY(%(collection_ids)s)
), weighed AS MATERIALIZED (
    SELECT term, sum(df) AS df, ln(1 + (n - sum(df)::float8 + 0.5::float8) / (sum(df)::float8 + 0.5::float8)) AS idf
    FROM found, visible GROUP BY term, n
), ranked AS MATERIALIZED (
    SELECT term, idf, sum(df) OVER (ORDER BY df, term) <= %(rare_postings)s
                      OR sum(df) OVER (ORDER BY df, term) - df < %(completed)s AS is_rare
    FROM weighed
), partly AS MATERIALIZED (
    SELECT p.collection_id, p.chunk_id, sum(
        r.idf * p.tf * 1.9::float8 / (p.tf + 0.9::float8 * (0.6::float8 + 0.4::float8 * p.length / visible.average))
    ) AS score
    FROM visible, found f JOIN ranked r USING (term)
         JOIN postings p ON p.collection_id = f.collection_id AND p.term = f.term
    WHERE r.is_rare {only}
    GROUP BY p.collection_id, p.chunk_id ORDER BY score DESC, p.chunk_id LIMIT %(completed)s
), completed AS (
    SELECT chunk_id, score FROM partly
    UNION ALL
    SELECT partly.chunk_id, looked_up.score
    FROM partly CROSS JOIN ranked r CROSS JOIN visible CROSS JOIN LATERAL (
        SELECT r.idf * p.tf * 1.9::float8
               / (p.tf + 0.9::float8 * (0.6::float8 + 0.4::float8 * p.length / visible.average)) AS score
        FROM postings p
        WHERE p.collection_id = partly.collection_id AND p.term = r.term AND p.chunk_id = partly.chunk_id
        OFFSET 0
    ) looked_up
    WHERE NOT r.is_rare
)
SELECT chunk_id, sum(score) AS score FROM completed GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT %(limit)s

-- name: holding
-- The rarest of a string's words leads to the few passages whose text is looked at.
WITH known AS MATERIALIZED (
    SELECT term, sum(df) AS df FROM terms
    WHERE collection_id = ANY(%(collection_ids)s) AND term = ANY(%(terms)s) GROUP BY term
), rarest AS MATERIALIZED (
    SELECT term FROM known WHERE (SELECT count(*) FROM known) = %(count)s ORDER BY df, term LIMIT 1
)
SELECT c.id FROM rarest
     JOIN postings p ON p.collection_id = ANY(%(collection_ids)s) AND p.term = rarest.term
     JOIN chunks c ON c.id = p.chunk_id
WHERE c.collection_id = ANY(%(collection_ids)s)
      AND (c.text ~* %(pattern)s OR array_to_string(c.headings, ' ') ~* %(pattern)s) {only}
ORDER BY c.id LIMIT %(limit)s

-- name: frequencies
SELECT (SELECT coalesce(sum(chunks), 0) FROM collection_totals WHERE collection_id = ANY(%(collection_ids)s)),
       coalesce(jsonb_object_agg(term, df), '{}')
FROM (
    SELECT term, sum(df) AS df FROM terms
    WHERE collection_id = ANY(%(collection_ids)s) AND term = ANY(%(terms)s) GROUP BY term
) counted

-- name: passages
SELECT c.id, c.file_id, f.filename, c.collection_id, c.text, c.page, c.start_offset, c.end_offset, c.headings,
       c.language, coalesce(p.unit, 'page'), coalesce(p.label, ''), c.ref
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
     JOIN chunks c ON c.id = wanted.id JOIN files f ON f.id = c.file_id
     LEFT JOIN pages p ON p.collection_id = c.collection_id AND p.file_id = c.file_id AND p.number = c.page
WHERE c.collection_id = ANY(%(collection_ids)s)
ORDER BY wanted.place

-- name: surroundings
SELECT c.id, c.file_id, f.filename, c.collection_id,
       substring(p.text FROM around.first + 1 FOR around.last - around.first), c.page, around.first, around.last,
       c.headings, c.language, p.unit, p.label, c.ref
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
     JOIN chunks c ON c.id = wanted.id JOIN files f ON f.id = c.file_id
     CROSS JOIN LATERAL (
         SELECT min(n.start_offset) AS first, max(n.end_offset) AS last FROM chunks n
         WHERE n.collection_id = c.collection_id AND n.file_id = c.file_id
               AND n.ordinal BETWEEN c.ordinal - %(reach)s AND c.ordinal + %(reach)s
               AND n.page IS NOT DISTINCT FROM c.page AND n.headings = c.headings
     ) around
     JOIN pages p ON p.collection_id = c.collection_id AND p.file_id = c.file_id
                     AND p.number IS NOT DISTINCT FROM c.page
WHERE c.collection_id = ANY(%(collection_ids)s)
ORDER BY wanted.place

-- name: page_text
SELECT text FROM pages
WHERE file_id = %(file_id)s AND number IS NOT DISTINCT FROM %(number)s::int
      AND collection_id = ANY(%(collection_ids)s)
ORDER BY collection_id, ordinal LIMIT 1

-- name: page
SELECT number, text, unit, label, anchors FROM pages
WHERE file_id = %(file_id)s AND number IS NOT DISTINCT FROM %(number)s::int
      AND collection_id = ANY(%(collection_ids)s)
ORDER BY collection_id, ordinal LIMIT 1

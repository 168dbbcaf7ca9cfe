-- name: generations
-- What the asker sees of these collections, and which generation of it is the newest.
SELECT t.collection_id, coalesce(g.generation, 0), t.chunks
FROM collection_totals t LEFT JOIN index_generations g USING (collection_id)
WHERE t.collection_id = ANY(%(collection_ids)s)

-- name: newest
-- Without anybody's eyes: numbers of collections, nothing of what is in them.
SELECT collection_id, generation FROM index_generations WHERE collection_id = ANY(%(collection_ids)s)

-- name: later_vectors
-- Writers of one collection follow each other, so whatever was added since has a higher id.
SELECT chunk_id, embedding FROM embeddings
WHERE collection_id = %(collection_id)s AND model_id = %(model_id)s AND dimension = %(dimension)s
      AND chunk_id > %(last_id)s
ORDER BY chunk_id LIMIT %(limit)s

-- name: chunk_ids
SELECT array_agg(chunk_id) FROM embeddings
WHERE collection_id = %(collection_id)s AND model_id = %(model_id)s AND dimension = %(dimension)s

-- name: confirmed
-- What of the found ones the asker may see and is still there, with its cosine.
SELECT chunk_id, 1 - (embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension})) AS cosine
FROM embeddings
WHERE chunk_id = ANY(%(ids)s) AND dimension = {dimension} AND model_id = %(model_id)s
      AND collection_id = ANY(%(collection_ids)s)
ORDER BY cosine DESC, chunk_id

-- name: chunks_of_file
SELECT id FROM chunks WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s

-- Deleting a file takes effect before its answer is sent, so the gateway takes the document out of the index itself, with
-- the deleting person's eyes. Putting documents in stays the worker's.
GRANT DELETE ON pages, chunks, embeddings, postings TO appliance_api;
GRANT UPDATE, DELETE ON terms TO appliance_api;
GRANT INSERT, UPDATE ON collection_totals TO appliance_api;

"""The table of stores: a name in the configuration, and the class that fulfils rag.ports.VectorStore."""

STORES = {
    "pgvector": "rag.stores.pgvector:PgvectorStore",
    "faiss": "rag.stores.faiss:FaissStore",
}

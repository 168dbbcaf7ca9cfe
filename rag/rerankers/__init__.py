"""The table of rerankers: a name in the configuration, and what fulfils rag.ports.Reranker, made of a folder."""

RERANKERS = {
    "onnx": "rag.rerankers.onnx_cross_encoder:OnnxCrossEncoder",
    "sentence_transformers": "rag.rerankers.sentence_transformers:SentenceTransformersCrossEncoder",
}

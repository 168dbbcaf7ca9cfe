"""Opens the reranker that the settings name; none is the usual case."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from appliance.api.rerank_answers import LocalReranker
from appliance.errors import StartupError
from inference.embedding.client import EmbedderClient
from rag.rerankers import RERANKERS
from rag.reranking import RerankerUnavailable, Reranking
from rag.settings import RetrievalSettings


def served_reranker(settings: RetrievalSettings, process: EmbedderClient) -> LocalReranker | None:
    """As `/v1/rerank` offers it, named after its folder; the embedding process serves those in ONNX."""
    if not settings.reranker or settings.reranker_kind != "onnx":
        return None
    return LocalReranker(Path(settings.reranker).name, process)


def choose_reranking(settings: RetrievalSettings) -> Reranking | None:
    """Raises StartupError where the folder holds no model of that kind."""
    if not settings.reranker:
        return None
    module, _, name = RERANKERS[settings.reranker_kind].partition(":")
    try:
        reranker = getattr(import_module(module), name)(Path(settings.reranker))
    except RerankerUnavailable as error:
        raise StartupError(f"retrieval.reranker: {error}") from error
    return Reranking(
        reranker, settings.reranker_candidates, settings.reranker_budget_s, settings.reranker_least
    )

"""Opens the reranker that the settings name; none is the usual case."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from appliance.errors import StartupError
from rag.rerankers import RERANKERS
from rag.reranking import RerankerUnavailable, Reranking
from rag.settings import RetrievalSettings


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

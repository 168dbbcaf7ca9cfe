"""Chooses where passages are found by meaning: PostgreSQL alone, or with vectors in this process's memory beside it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from appliance.errors import StartupError
from appliance.storage.database import Database
from rag.settings import RetrievalSettings
from rag.stores import STORES
from rag.stores.pgvector import PgvectorStore


@dataclass(frozen=True, slots=True)
class ChosenStore:
    """run: to be kept running beside it, where it needs that."""

    store: PgvectorStore
    run: Callable[[], Coroutine[Any, Any, None]] | None = None


def choose_store(settings: RetrievalSettings, database: Database) -> ChosenStore:
    """database: as the api role. Raises StartupError where FAISS is chosen and not installed."""
    knobs = {"exact_below": settings.exact_below, "ef_search": settings.ef_search}
    if settings.store == "pgvector":
        return ChosenStore(PgvectorStore(**knobs))
    module, _, name = STORES[settings.store].partition(":")
    try:
        made = getattr(import_module(module), name)
    except ImportError as error:
        raise StartupError(
            'retrieval.store = "faiss" needs the extra `faiss`: ./setup.sh install --with faiss. '
            'Or set it to "pgvector".'
        ) from error
    store = made(max_bytes=settings.cache_mib * 2**20, connect=database.connection, **knobs)
    return ChosenStore(store, store.run)

"""Joins files, collections, search and their doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry

from appliance.api.chat_files import chat_file_routes
from appliance.api.formats import formats_router
from appliance.api.giving import giving_router
from appliance.api.openai_files import files_router
from appliance.api.receipts import receipts_router
from appliance.api.search_trial import search_trial_router
from appliance.api.shares import shares_router
from appliance.api.shelf import shelf_router
from appliance.api.vector_stores import vector_stores_router
from appliance.bootstrap.metrics.searches import MeteredRetriever
from appliance.bootstrap.reranker import choose_reranking
from appliance.bootstrap.stores import choose_store
from appliance.domain.people import Caller
from appliance.services.chat_files import ChatFiles
from appliance.services.knowledge.documents import KnowledgeDocuments
from appliance.services.knowledge.giving import Giving
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.knowledge.receipts import Receipts
from appliance.services.knowledge.search import KnowledgeSearch, Retriever
from appliance.services.knowledge.sharing import Sharing, Subjects
from appliance.services.knowledge.shelf import Shelf
from appliance.settings import Settings
from appliance.storage.blobs import BlobStore, blobs_folder
from appliance.storage.chat_files import PostgresChatFiles
from appliance.storage.collections import PostgresCollections
from appliance.storage.database import Database
from appliance.storage.files import PostgresFiles
from appliance.storage.giving import PostgresOwners
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.receipts import PostgresReceipts
from appliance.storage.shares import PostgresShares
from appliance.storage.shelf import PostgresShelf
from inference.ports import Embedder
from rag.analysis import Analyzer
from rag.calibration import Calibrate, as_built_in
from rag.parsers import PARSERS
from rag.retrieval import Retrieval
from rag.sandbox.tesseract import find_program
from rag.stores.whole_documents import WholeDocuments

if TYPE_CHECKING:
    from appliance.bootstrap.tracing import Tracing

UPLOAD_BODY_LIMITS: dict[str, int | None] = {
    "/v1/files": None,
    "/api/conversations/": None,
}  # the routes count for themselves


@dataclass(frozen=True, slots=True)
class KnowledgeParts:
    """What the gateway needs of this room. follow_index: to be kept running, where the store needs that."""

    knowledge: Knowledge
    search: KnowledgeSearch
    documents: KnowledgeDocuments
    chat_files: ChatFiles
    blobs: BlobStore
    jobs: PostgresJobQueue
    settings: Settings
    sharing: Sharing
    giving: Giving
    shelf: Shelf
    receipts: Receipts
    follow_index: Callable[[], Coroutine[Any, Any, None]] | None

    def routers(self, identify: Callable[[Request], Awaitable[Caller]]) -> list[APIRouter]:
        """Every route of this room."""
        return [
            files_router(
                self.knowledge, identify, max_file_bytes=self.settings.knowledge.max_file_mib * 2**20
            ),
            vector_stores_router(self.knowledge, self.search, identify),
            chat_file_routes(
                self.chat_files, identify, max_file_bytes=self.settings.knowledge.max_file_mib * 2**20
            ),
            shares_router(self.sharing, identify),
            giving_router(self.giving, identify),
            shelf_router(self.shelf, identify),
            search_trial_router(self.search, identify),
            formats_router(
                PARSERS,
                identify,
                reads_pictures=bool(find_program(self.settings.parsing.ocr_program)),
                hears=bool(self.settings.speech.model),
            ),
            receipts_router(self.receipts, identify),
        ]


def build_knowledge(
    database: Database,
    embedder: Embedder,
    settings: Settings,
    data: Path,
    *,
    calibrate: Calibrate = as_built_in,
    metrics: CollectorRegistry | None = None,
    tracing: Tracing | None = None,
) -> KnowledgeParts:
    """database: as the api role, opened before the first call. data: the data folder.

    calibrate: how to read the embedder's cosines. metrics, tracing: where searches are counted and followed.
    """
    chosen = choose_store(settings.retrieval, database)
    store = chosen.store
    jobs = PostgresJobQueue(database)
    blobs = BlobStore(blobs_folder(data), database, min_free_bytes=settings.knowledge.min_free_mib * 2**20)
    blobs.open()
    collections = PostgresCollections(database, store, jobs)
    knowledge = Knowledge(PostgresFiles(database, store, jobs), collections, blobs, settings.knowledge)
    analyzer = Analyzer(settings.retrieval.languages)
    retrieval = Retrieval(
        store,
        embedder,
        analyzer,
        candidates=settings.retrieval.candidates,
        reranking=choose_reranking(settings.retrieval),
        calibrate=calibrate,
    )
    retriever: Retriever = retrieval if metrics is None else MeteredRetriever(retrieval, metrics)
    if tracing is not None:
        retriever = tracing.retriever(retriever)
    search = KnowledgeSearch(database, collections, retriever, store)
    documents = KnowledgeDocuments(database, collections, WholeDocuments())
    chat_files = ChatFiles(PostgresChatFiles(database), knowledge)
    shares = PostgresShares(database)
    return KnowledgeParts(
        knowledge,
        search,
        documents,
        chat_files,
        blobs,
        jobs,
        settings,
        Sharing(shares),
        Giving(PostgresOwners(database), Subjects(shares)),
        Shelf(PostgresShelf(database), knowledge),
        Receipts(PostgresReceipts(database)),
        chosen.run,
    )

"""Joins the pages of documents: what is known of them, the confined process that draws them, the cache of pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request

from appliance.api.documents import document_routes
from appliance.api.transcripts import transcript_routes
from appliance.bootstrap.knowledge import KnowledgeParts
from appliance.domain.people import Caller
from appliance.services.knowledge.document_pages import DocumentPages
from appliance.services.knowledge.transcripts import Transcripts
from appliance.settings import Settings
from appliance.storage.blobs import blobs_folder
from appliance.storage.database import Database
from appliance.storage.documents import PostgresDocuments
from appliance.storage.page_images import PageImages, page_images_folder
from rag.rendering import RENDERERS
from rag.sandbox.client import ParsingSandbox

# Somebody is waiting for the picture: what takes longer is shown as text.
_MOST_S, _MOST_CPU_S, _MOST_BYTES, _AT_ONCE = 15.0, 12, 512 * 2**20, 2


@dataclass(frozen=True, slots=True)
class DocumentsRoom:
    """The use cases, and the process to be ended with the gateway."""

    pages: DocumentPages
    transcripts: Transcripts
    sandbox: ParsingSandbox

    def routes(self, identify: Callable[[Request], Awaitable[Caller]]) -> APIRouter:
        routes = APIRouter()
        routes.include_router(document_routes(self.pages, identify))
        routes.include_router(transcript_routes(self.transcripts, identify))
        return routes

    async def close(self) -> None:
        await self.sandbox.close()


def build_documents(
    database: Database, knowledge: KnowledgeParts, settings: Settings, data: Path
) -> DocumentsRoom:
    """database: as the api role. The drawing process starts with the first picture."""
    limits = settings.parsing.model_copy(
        update={
            "timeout_s": min(settings.parsing.timeout_s, _MOST_S),
            "cpu_s": min(settings.parsing.cpu_s, _MOST_CPU_S),
            "memory_bytes": min(settings.parsing.memory_bytes, _MOST_BYTES),
            "concurrent": _AT_ONCE,
        }
    )
    sandbox = ParsingSandbox(limits, RENDERERS)
    images = PageImages(page_images_folder(blobs_folder(data)), settings.knowledge.page_images_mib * 2**20)
    documents = PostgresDocuments(database)
    pages = DocumentPages(documents, knowledge.knowledge, knowledge.search, knowledge.blobs, sandbox, images)
    transcripts = Transcripts(documents, knowledge.knowledge, knowledge.blobs)
    return DocumentsRoom(pages, transcripts, sandbox)

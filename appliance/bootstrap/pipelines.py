"""Joins declared pipelines: their files, what they may name, what their steps use, and the doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from appliance.api.identity import Identity
from appliance.api.pipeline_runs import PipelineRuns
from appliance.api.pipelines import pipeline_routes
from appliance.bootstrap.data import DataRoom
from appliance.bootstrap.documents import DocumentsRoom
from appliance.bootstrap.knowledge import KnowledgeParts
from appliance.bootstrap.metrics.pipelines import PipelineMetrics
from appliance.bootstrap.prompts import PromptRoom
from appliance.domain.data import SavedQuestion
from appliance.domain.documents import IngestionStatus
from appliance.domain.people import Caller
from appliance.errors import NotFound, PartUnavailable
from appliance.pipelines import PIPELINES
from appliance.pipelines.declared.parts import DeclaredParts, Limits
from appliance.pipelines.declared.shelf import EveryPipeline, Shelf
from appliance.pipelines.declared.surroundings import Surroundings
from appliance.pipelines.purposes import PURPOSES
from appliance.ports.pipelines import Heard
from appliance.ports.tools import Tools
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.chat import Chat
from appliance.services.data.saved import SavedQuestionBook
from appliance.services.knowledge import identifiers
from appliance.services.pipelines import ManagedPipelines
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.pipelines import PostgresPipelines
from appliance.tools import TOOLS
from inference.embedding.client import EmbedderClient
from inference.errors import InferenceError
from inference.ports import Embedder, pinned
from rag import transcripts
from rag.analysis import Analyzer
from rag.quoter import Quoter
from rag.settings import RetrievalSettings

if TYPE_CHECKING:
    from appliance.bootstrap.tracing import Tracing


@dataclass(frozen=True, slots=True)
class PipelineRoom:
    """open() when the gate is open; close() before the database closes."""

    shelf: Shelf
    managed: ManagedPipelines

    async def open(self) -> None:
        await self.shelf.open()

    async def close(self) -> None:
        await self.shelf.close()

    def routes(self, identity: Identity) -> APIRouter:
        """/api/pipelines."""
        return pipeline_routes(self.managed, identity)

    def door(self, identity: Identity, live: LiveRequests, chat: Chat) -> PipelineRuns:
        """/api/pipelines/NAME/run."""
        return PipelineRuns(identity, live, chat, self.managed)


def build_pipelines(
    every: EveryPipeline,
    database: Database,
    knowledge: KnowledgeParts,
    documents: DocumentsRoom,
    data: DataRoom,
    prompts: PromptRoom,
    tools: Tools,
    embedder: Embedder,
    client: EmbedderClient,
    model_names: Callable[[], Set[str]],
    settings: Settings,
    data_folder: Path,
    registry: CollectorRegistry,
    tracing: Tracing | None = None,
) -> PipelineRoom:
    """every: what chats answer with, which follows the declared ones from now on. database: as the api role.

    client: the embedding process. model_names: what engines serve just now, aliases included; empty: nobody knows.
    """
    analyzer = Analyzer(settings.retrieval.languages)
    repository = PostgresPipelines(database)
    wanted = settings.pipelines
    parts = DeclaredParts(
        Quoter(embedder, analyzer),
        analyzer,
        knowledge.documents,
        every,
        NamedCollections(repository),
        HeardRecordings(knowledge, documents),
        Ranking(settings.retrieval, client, embedder),
        data.desk,
        WordedQuestions(data.saved_room.book),
        tools,
        prompts.followed,
        Limits(wanted.step_timeout_s, wanted.timeout_s),
        *([] if tracing is None else [tracing.step]),
    )
    shelf = Shelf(
        Path(wanted.folder) if wanted.folder else data_folder / "pipelines",
        parts,
        repository,
        Surveying(repository, prompts, model_names),
        every_s=wanted.look_every_s,
        told=PipelineMetrics(registry).told,
    )
    every.follow(shelf)
    return PipelineRoom(shelf, ManagedPipelines(shelf, repository))


class Surveying:
    """Fulfils declared.shelf.Surveys."""

    def __init__(
        self, repository: PostgresPipelines, prompts: PromptRoom, model_names: Callable[[], Set[str]]
    ) -> None:
        self._repository = repository
        self._prompts = prompts
        self._model_names = model_names

    async def look(self, collections: frozenset[str]) -> Surroundings:
        """While PostgreSQL is away nobody knows what is there, so nothing is refused for it."""
        models = frozenset(self._model_names()) or None
        own = frozenset(PIPELINES)
        try:
            named = await self._repository.named(collections)
            purposes = frozenset(PURPOSES) | frozenset(await self._prompts.repository.purposes())
        except PartUnavailable:
            return Surroundings(models=models, tools=frozenset(TOOLS), built_in=own)
        return Surroundings(
            models,
            named.collections,
            named.groups,
            named.sources,
            named.questions,
            frozenset(TOOLS),
            purposes,
            built_in=own,
        )


class NamedCollections:
    """Fulfils ports.pipelines.CollectionNames."""

    def __init__(self, repository: PostgresPipelines) -> None:
        self._repository = repository

    async def named(self, caller: Caller, names: Sequence[str]) -> Sequence[UUID]:
        """Raises NotFound for a name of which the caller sees none."""
        found: Mapping[str, Sequence[UUID]] = await self._repository.collections_named(caller.viewer, names)
        for name in names:
            if name not in found:
                raise NotFound(f"No collection named {name!r} is shared with you.")
        return [one for name in names for one in found[name]]


class WordedQuestions:
    """Fulfils ports.pipelines.SavedByWords."""

    def __init__(self, book: SavedQuestionBook) -> None:
        self._book = book

    async def worded(self, caller: Caller, source_id: UUID, question: str) -> SavedQuestion | None:
        """To the letter: a pipeline must not ask something else one day because it is worded alike."""
        for entry in await self._book.listed(caller):
            saved = entry.saved
            if saved.source_id == source_id and saved.question == question:
                return saved
        return None


class HeardRecordings:
    """Fulfils ports.pipelines.Recordings."""

    def __init__(self, knowledge: KnowledgeParts, documents: DocumentsRoom) -> None:
        self._knowledge = knowledge
        self._documents = documents

    async def heard(self, caller: Caller, file_id: str) -> Heard:
        """Raises NotFound for what the caller may not see."""
        wanted = identifiers.parse(identifiers.FILE, file_id, "file")
        card = await self._documents.pages.card(caller, wanted)
        where = tuple(one.collection_id for one in card.memberships)
        name = card.file.filename
        states = {one.status for one in card.memberships}
        order: tuple[IngestionStatus, ...] = ("completed", "in_progress", "failed", "cancelled")
        status: IngestionStatus = next((one for one in order if one in states), "failed")
        if status != "completed":
            progress = max((one.progress for one in card.memberships), default=0.0)
            return Heard(name, status, progress, collection_ids=where)
        try:
            told = await self._documents.transcripts.transcript(caller, wanted)
        except NotFound:
            return Heard(name, status, 1.0, collection_ids=where)
        return Heard(
            name,
            status,
            1.0,
            " ".join(one.text for one in told.sentences),
            transcripts.as_text(told.sentences),
            told.duration_s,
            told.language,
            where,
        )

    async def newest(self, caller: Caller, collection_id: UUID) -> str | None:
        """The last that was added of a chat's files."""
        listed = await self._knowledge.documents.listed(caller, collection_id)
        return identifiers.wire(identifiers.FILE, listed[-1].file_id) if listed else None


class Ranking:
    """Fulfils ports.pipelines.Reranks: by the cross-encoder where one is set, else by the embedded model's cosines."""

    def __init__(self, settings: RetrievalSettings, client: EmbedderClient, embedder: Embedder) -> None:
        self._has_reranker = bool(settings.reranker) and settings.reranker_kind == "onnx"
        self._client = client
        self._embedder = embedder

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """Without either, every text is worth the same, and the order stays."""
        try:
            if self._has_reranker:
                return [judged.score for judged in await self._client.rerank(question, list(texts))]
            embedder = pinned(self._embedder)
            asked = await embedder.embed_query(question)
            vectors = await embedder.embed_passages(texts)
        except InferenceError:
            return [0.0] * len(texts)
        return [float(one) for one in vectors @ asked]

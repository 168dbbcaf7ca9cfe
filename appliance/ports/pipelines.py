"""What declared pipelines need of those who run them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from appliance.domain.answers import AnswerEvent, AnswerRequest
from appliance.domain.data import SavedQuestion
from appliance.domain.documents import IngestionStatus
from appliance.domain.people import AccountEvent, Caller
from appliance.domain.pipeline_findings import Finding
from appliance.domain.pipelines import PipelineState, PipelineVersion, SavedVia
from appliance.ports import Pipeline, Search
from inference.ports import ChatEngine

Engines = Callable[[str], ChatEngine | None]
"""The engine for a model's name, within one request; empty: the one pipelines use. None: no such engine is up.

Raises ModelNotFound for a name that nobody serves.
"""


@runtime_checkable
class AsksModels(Pipeline, Protocol):
    """A pipeline that may ask several models in one answer. takes_files: it reads a chat's own files itself."""

    @property
    def signature(self) -> str:
        """`NAME@VERSION`."""
        ...

    @property
    def takes_files(self) -> bool: ...

    def may_ask(self, caller: Caller) -> bool:
        """Whether it is for this person."""
        ...

    def answer_by(
        self, caller: Caller, request: AnswerRequest, engines: Engines, search: Search, *, depth: int = 1
    ) -> AsyncIterator[AnswerEvent]:
        """depth: pipelines that called each other up to this one, itself counted."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording as a text. status in_progress: it is still being heard, progress 0 to 1."""

    filename: str
    status: IngestionStatus
    progress: float = 0.0
    text: str = ""
    timed_text: str = ""
    duration_s: float = 0.0
    language: str | None = None
    collection_ids: tuple[UUID, ...] = ()


class Recordings(Protocol):
    """Recordings that were uploaded, as the caller may see them. Raises NotFound."""

    async def heard(self, caller: Caller, file_id: str) -> Heard: ...

    async def newest(self, caller: Caller, collection_id: UUID) -> str | None:
        """The id of the newest file of a chat, as `file_id` takes it."""
        ...


class Reranks(Protocol):
    """How well texts answer a question, one score each, best is most."""

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]: ...


class CollectionNames(Protocol):
    """Collections by name, as the caller sees them."""

    async def named(self, caller: Caller, names: Sequence[str]) -> Sequence[UUID]:
        """Every one of these that the caller sees; of each name at least one. Raises NotFound."""
        ...


class SavedByWords(Protocol):
    """Saved questions in their own words."""

    async def worded(self, caller: Caller, source_id: UUID, question: str) -> SavedQuestion | None: ...


class PipelineVersions(Protocol):
    """Every content that was accepted. Raises PartUnavailable."""

    async def accept(
        self, name: str, content_hash: str, content: str, via: SavedVia, saved_by: UUID | None = None
    ) -> int:
        """Keep a content, unless it is the latest one; its number either way."""
        ...

    async def versions(self, name: str, limit: int) -> Sequence[PipelineVersion]:
        """The latest first."""
        ...

    async def version(self, name: str, number: int) -> PipelineVersion | None: ...

    async def note(self, event: AccountEvent) -> None:
        """A line of the audit that belongs to no version."""
        ...


class PipelineShelf(Protocol):
    """The declared pipelines of this process, as their files say."""

    def states(self) -> Sequence[PipelineState]: ...

    async def check(self, name: str, text: str) -> Sequence[Finding]:
        """Everything that is wrong with a file NAME.yaml of that text, here and now."""
        ...

    async def save(self, name: str, text: str, via: SavedVia, saved_by: UUID) -> None:
        """Write the file and serve it. Raises PipelineRefused, Conflict, PartUnavailable."""
        ...

    async def remove(self, name: str) -> None:
        """Take the file away; one that came with the appliance is as it came again. Raises NotFound."""
        ...

    def may_ask(self, caller: Caller, name: str) -> bool: ...

    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of a file."""
        ...

    def as_file(self, values: Mapping[str, Any]) -> str:
        """What a form holds, as YAML."""
        ...

    def as_values(self, text: str) -> Mapping[str, Any] | None:
        """The other way; None for what is no YAML."""
        ...

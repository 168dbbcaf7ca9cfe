"""A document as a whole, as whoever may see it is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from appliance.domain.documents import IngestionStatus, StoredFile
from rag.documents import Page


@dataclass(frozen=True, slots=True)
class Membership:
    """A document in a collection: how far it has been read there, and what came of it. is_chat: dropped into a chat."""

    collection_id: UUID
    name: str
    status: IngestionStatus
    stage: str
    progress: float
    pages: int
    chunks: int
    added_at: datetime
    notes: Sequence[Any] = ()
    error_code: str | None = None
    error_message: str | None = None
    source: str | None = None
    superseded_by: UUID | None = None
    superseded_at: datetime | None = None
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)
    is_chat: bool = False
    heard_s: float | None = None
    spoken: str | None = None


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """The parts of a recording in order; how long it is and the language in it, where that is known."""

    pages: Sequence[Page]
    heard_s: float | None = None
    spoken: str | None = None


@dataclass(frozen=True, slots=True)
class PageName:
    """A page as it is found: number counts from 1, also where the format itself has no pages."""

    number: int
    unit: str
    label: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A document inside of another, or the one it is inside of."""

    file_id: UUID
    filename: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """Another version of the same source in the same collection. superseded_at None: the one that is found."""

    file_id: UUID
    filename: str
    collection_id: UUID
    added_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentCard:
    """All of it that the viewer may see."""

    file: StoredFile
    memberships: tuple[Membership, ...] = ()
    pages: tuple[PageName, ...] = ()
    children: tuple[Relative, ...] = ()
    versions: tuple[Version, ...] = ()
    parent: Relative | None = None

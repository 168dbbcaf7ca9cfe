"""A collection as a person looks at it: its documents in some order, and what deleting it would take along. Values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from appliance.domain.documents import CollectionFile, FileCounts, IngestionStatus


@dataclass(frozen=True, slots=True)
class ShelfQuery:
    """Which documents of a collection are listed, and how.

    name: a part of the file's name, case and accents of no matter. parent_id: what lies in that document; None: what
    lies in no other one, unless a name or a status is asked for. changed_since: those only that have changed, or are
    being read. offset: of the first one.
    """

    name: str = ""
    status: IngestionStatus | None = None
    parent_id: UUID | None = None
    changed_since: datetime | None = None
    sort: Literal["added", "name", "size", "state"] = "added"
    is_ascending: bool = False
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """A document of a list. place: in the line of what is to be read, from 1. inside_*: of what lies in it, here.

    is_own: the viewer uploaded it. elsewhere: other collections that hold it, as far as the viewer sees them.
    """

    file: CollectionFile
    place: int | None
    is_own: bool
    elsewhere: int
    inside_failed: int = 0
    inside_in_progress: int = 0


@dataclass(frozen=True, slots=True)
class ShelfPage:
    """A slice of a collection. total: documents that fulfil the query; moment: for the next `changed_since`."""

    rows: tuple[ShelfRow, ...]
    total: int
    counts: FileCounts
    moment: datetime


@dataclass(frozen=True, slots=True)
class RemovalPreview:
    """What deleting a collection takes with it. only_here: of the viewer's own files, in no other collection."""

    documents: int
    passages: int
    shares: int
    only_here: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class KnownContent:
    """A file that is in a collection already, by the hash of its bytes."""

    sha256: bytes
    file_id: UUID
    filename: str
    status: IngestionStatus


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person or a group that a collection could be shared with. label: the address, or the group's name."""

    kind: Literal["user", "group"]
    id: UUID
    label: str
    name: str = ""

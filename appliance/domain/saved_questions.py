"""Saved questions as those who make and verify them see them. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from appliance.domain.data import SavedQuestion

SavedAction = Literal["saved", "changed", "proposed", "verified", "withdrawn", "broken"]


@dataclass(frozen=True, slots=True)
class SavedPlace:
    """Where its tables are: a database, or the collection of a workbook. Exactly one of both."""

    database_id: UUID | None = None
    collection_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SavedEntry:
    """A saved question with whose it is and how it stands.

    is_proposed: its maker offers it to everybody who may ask the source; is_verified: an administrator agreed.
    problem: code of why it cannot run any more; empty: it ran when it was tried last.
    """

    saved: SavedQuestion
    owner_id: UUID
    place: SavedPlace
    is_proposed: bool = False
    is_verified: bool = False
    version: int = 1
    problem: str = ""
    problem_detail: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """What became of it, when, and by whom; changed_by None: by the appliance itself. saved: as it was then."""

    version: int
    action: SavedAction
    changed_by: UUID | None
    changed_at: datetime
    saved: SavedQuestion = field(repr=False)

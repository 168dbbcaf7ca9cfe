"""A decision as it is kept, and who keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from appliance.domain.origins import Origins
from appliance.domain.people import Caller
from appliance.fairness.leaving.port import Reason
from appliance.fairness.leaving.rules import Marks, Narrowing

LEAVES = "leaves"
"""The code of a decision to leave."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One request and whether it may leave; no word of it. code: LEAVES, or why it stays. id: the permit's.

    waited_s: in the queue. redactions: pieces of personal data that placeholders stand for.
    """

    id: UUID
    happened_at: datetime
    user_id: UUID
    key_id: UUID | None
    request_id: str
    model: str
    reason: Reason
    waited_s: float
    leaves: bool
    code: str
    why: str
    origins: Origins
    redactions: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the rules, the asker and the documents, as of one moment."""

    narrowing: Narrowing
    group_ids: frozenset[UUID]
    marks: Marks


class LeavingBook(Protocol):
    """Where rules, marks and decisions are kept; `storage.leaving` fulfils it on PostgreSQL."""

    async def facts(self, caller: Caller, collections: Sequence[UUID]) -> Facts:
        """marks: of these, as far as the caller sees them. Raises PartUnavailable."""
        ...

    async def narrowing(self) -> Narrowing:
        """Raises PartUnavailable."""
        ...

    async def keep(self, decisions: Sequence[Decision]) -> None:
        """They are on disk when this returns. Raises PartUnavailable."""
        ...

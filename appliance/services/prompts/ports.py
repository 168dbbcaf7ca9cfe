"""What the catalogue needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.prompts import PromptFigures, PromptVersion


class PromptRepository(Protocol):
    """`storage.prompts` fulfils it. Each change is written together with its event; all raise PartUnavailable."""

    async def in_force(self) -> Mapping[str, PromptVersion | None]:
        """Each purpose for which one was chosen; None: its shipped words were."""
        ...

    async def purposes(self) -> Sequence[str]:
        """Those of which a version was ever saved."""
        ...

    async def versions(self, purpose: str, limit: int) -> Sequence[PromptVersion]:
        """The latest first."""
        ...

    async def version(self, purpose: str, number: int) -> PromptVersion | None: ...

    async def add(self, new: PromptVersion, author_id: UUID | None, event: AccountEvent) -> PromptVersion:
        """Save it under the next number."""
        ...

    async def put_in_force(
        self, purpose: str, number: int, author_id: UUID | None, event: AccountEvent
    ) -> None: ...

    async def figures(
        self, viewer: Viewer, purpose: str, versions: Sequence[int], since: datetime
    ) -> Sequence[PromptFigures]: ...

"""What deletions removed, told to who deleted and to auditors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import Receipt
from appliance.domain.people import Caller, Viewer


class ReceiptRepository(Protocol):
    """Where receipts are kept."""

    async def receipts(self, viewer: Viewer, before: UUID | None, limit: int) -> Sequence[Receipt]:
        """The viewer's own, or for auditors everybody's; newest first, older than `before`."""
        ...


class Receipts:
    """The use case behind `/api/receipts`."""

    def __init__(self, receipts: ReceiptRepository) -> None:
        self._receipts = receipts

    async def receipts(self, caller: Caller, before: UUID | None, limit: int) -> Sequence[Receipt]:
        return await self._receipts.receipts(caller.viewer, before, limit)

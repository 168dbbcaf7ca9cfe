"""Deleting conversations: hidden at once, to be had back for two minutes, then gone with a receipt.

Temporary ones go by themselves after an hour of silence, without a receipt: nothing says that they were.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from appliance.domain.conversations import SILENCE, UNDO
from appliance.domain.documents import Receipt
from appliance.domain.people import Caller, Viewer
from appliance.errors import ApplianceError, NotFound
from appliance.services.turn_ports import AttachedFiles, RemovalRepository

logger = logging.getLogger(__name__)


class ConversationRemoval:
    """files: those of chats; None: chats have none."""

    def __init__(
        self,
        repository: RemovalRepository,
        files: AttachedFiles | None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._files = files
        self._now = now

    async def hide(self, viewer: Viewer, conversation_id: UUID) -> tuple[list[UUID], datetime]:
        """The turns in it, and until when it can be had back. Raises NotFound."""
        moment = self._now()
        return await self._repository.hide(viewer, conversation_id, moment), moment + UNDO

    async def show(self, viewer: Viewer, conversation_id: UUID) -> None:
        """Raises NotFound for one that is gone for good, or was never deleted."""
        await self._repository.show(viewer, conversation_id, self._now() - UNDO)

    async def remove_now(self, caller: Caller, conversation_id: UUID) -> tuple[list[UUID], Receipt]:
        """The turns that were in it, and the receipt. Raises NotFound."""
        turn_ids = await self._repository.hide(caller.viewer, conversation_id, None)
        receipt = await self._remove(caller, conversation_id, is_temporary=False)
        assert receipt is not None
        return turn_ids, receipt

    async def remove_due(self) -> int:
        """Everybody's whose time is over; returns how many went. One that fails does not keep the others."""
        moment, removed = self._now(), 0
        for due in await self._repository.due(moment - UNDO, moment - SILENCE):
            try:
                await self._remove(_as_caller(due.viewer), due.conversation_id, is_temporary=due.is_temporary)
                removed += 1
            except NotFound:
                continue  # somebody else did
            except ApplianceError:
                logger.exception("conversation %s could not be removed", due.conversation_id)
        return removed

    async def _remove(self, caller: Caller, conversation_id: UUID, *, is_temporary: bool) -> Receipt | None:
        gone: dict[str, int] = {}
        if self._files is not None:
            gone.update(await self._files.forget(caller, conversation_id, leaves_receipts=not is_temporary))
        return await self._repository.remove(caller.viewer, conversation_id, gone, is_temporary=is_temporary)


def _as_caller(viewer: Viewer) -> Caller:
    return Caller(viewer.user_id, "", viewer.role, viewer.group_ids)

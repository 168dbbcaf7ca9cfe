"""Deleting conversations: hidden at once, to be had back for two minutes, then gone with a receipt.

Temporary ones go by themselves after an hour of silence, without a receipt: nothing says that they were.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from appliance.domain.conversations import SILENCE, UNDO, LetGo
from appliance.domain.documents import Receipt
from appliance.domain.people import Caller, Viewer
from appliance.errors import ApplianceError, NotFound, PartUnavailable
from appliance.services.turn_ports import AttachedFiles, RemovalRepository, TurnLog

logger = logging.getLogger(__name__)


class ConversationRemoval:
    """files: those of chats; None: chats have none. log: what is held of turns beside the database; None: nothing."""

    def __init__(
        self,
        repository: RemovalRepository,
        files: AttachedFiles | None,
        log: TurnLog | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._files = files
        self._log = log
        self._now = now

    async def hide(self, viewer: Viewer, conversation_id: UUID) -> datetime:
        """Until when it can be had back; what is held of it beside the database goes at once. Raises NotFound."""
        moment = self._now()
        turn_ids = await self._repository.hide(viewer, conversation_id, moment)
        let_go = await self._discard(viewer, turn_ids)
        if let_go != LetGo():
            await self._repository.note_let_go(viewer, conversation_id, let_go)
        return moment + UNDO

    async def show(self, viewer: Viewer, conversation_id: UUID) -> None:
        """Raises NotFound for one that is gone for good, or was never deleted."""
        await self._repository.show(viewer, conversation_id, self._now() - UNDO)

    async def remove_now(self, caller: Caller, conversation_id: UUID) -> Receipt:
        """Delete it for good, also one that could still be had back. Raises NotFound."""
        await self._repository.hide(caller.viewer, conversation_id, None)
        receipt = await self._remove(caller, conversation_id, is_temporary=False)
        assert receipt is not None
        return receipt

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
        turn_ids = await self._repository.turns(caller.viewer, conversation_id)
        let_go = await self._discard(caller.viewer, turn_ids)
        gone |= {"memories": let_go.memories, "live_texts": let_go.live_texts}
        return await self._repository.remove(caller.viewer, conversation_id, gone, is_temporary=is_temporary)

    async def _discard(self, viewer: Viewer, turn_ids: Sequence[UUID]) -> LetGo:
        if self._log is not None:
            with suppress(PartUnavailable):  # it lets go by itself before long
                return await self._log.discard(viewer.user_id, turn_ids)
        return LetGo()


def _as_caller(viewer: Viewer) -> Caller:
    return Caller(viewer.user_id, "", viewer.role, viewer.group_ids)

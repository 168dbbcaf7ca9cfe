"""A person's conversations: found, marked, exported, deleted and had back. Knows nothing of HTTP, SQL or Valkey.

An answer that is being written is `turns`' business; whoever looks at a conversation here ends what nobody writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

from appliance.domain.answers import AnswerRequest, Conversation, ShownTurn
from appliance.domain.conversations import (
    ContextUse,
    ConversationChanges,
    ConversationFilter,
    FoundConversation,
    Remembered,
)
from appliance.domain.documents import Receipt
from appliance.domain.people import Caller, Viewer
from appliance.errors import NotFound, PartUnavailable
from appliance.ports import ContextMeter, Instructions
from appliance.services.conversation_removal import ConversationRemoval
from appliance.services.snippets import snippet
from appliance.services.turn_ports import ConversationRepository
from inference.types import ChatMessage

_LOOK_S, _LOOKS = 0.05, 60


class Writing(Protocol):
    """What conversations need of the turns that are being written."""

    async def stop(self, caller: Caller, turn_id: UUID) -> None: ...


class Leases(Protocol):
    """Who is still writing, and the end of what nobody writes."""

    async def is_leased(self, turn_id: UUID) -> bool: ...

    async def settle_abandoned(self, viewer: Viewer, running: Sequence[UUID]) -> bool: ...


class Conversations:
    """meter: measures contexts; None: they are estimated. remembered: what was said up to a turn."""

    def __init__(
        self,
        repository: ConversationRepository,
        removal: ConversationRemoval,
        writing: Writing,
        leases: Leases,
        remembered: Callable[[Viewer, UUID | None], Awaitable[Remembered]],
        *,
        meter: ContextMeter | None = None,
        instructions: Instructions | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._removal = removal
        self._writing = writing
        self._leases = leases
        self._remembered = remembered
        self._meter = meter
        self._instructions = instructions
        self._now = now

    async def begin(self, caller: Caller, title: str = "", *, is_temporary: bool = False) -> Conversation:
        """One in which nothing has been asked yet."""
        moment = self._now()
        conversation = Conversation(uuid4(), title, moment, moment, is_temporary=is_temporary)
        await self._repository.begin(caller.viewer, conversation)
        return conversation

    async def found(
        self, caller: Caller, wanted: ConversationFilter, limit: int = 50
    ) -> tuple[list[FoundConversation], bool]:
        """Newest first, or by how well they fit the words; and whether there are more."""
        found = await self._repository.conversations(caller.viewer, wanted, limit + 1)
        shown = [await self._with_marks(one, wanted.words) for one in found[:limit]]
        return shown, len(found) > limit

    async def one(
        self, caller: Caller, conversation_id: UUID, limit: int = 50, before: UUID | datetime | None = None
    ) -> tuple[Conversation, list[ShownTurn], bool]:
        """A conversation, the last turns of the path that is shown, oldest first, and whether there are more."""
        viewer = caller.viewer
        conversation, turns = await self._repository.path(viewer, conversation_id, limit + 1, before)
        if await self._leases.settle_abandoned(viewer, conversation.running_turn_ids):
            conversation, turns = await self._repository.path(viewer, conversation_id, limit + 1, before)
        has_more = len(turns) > limit
        return conversation, turns[1:] if has_more else turns, has_more

    async def change(
        self, caller: Caller, conversation_id: UUID, changes: ConversationChanges
    ) -> Conversation:
        """Raises NotFound, also for a turn that is not in it."""
        return await self._repository.change(caller.viewer, conversation_id, changes)

    async def delete(self, caller: Caller, conversation_id: UUID) -> datetime:
        """Hide it from everything; returns until when it can be had back. What is being written in it is stopped."""
        await self._stop(caller, conversation_id)
        return await self._removal.hide(caller.viewer, conversation_id)

    async def remove(self, caller: Caller, conversation_id: UUID) -> Receipt:
        """Delete it for good, with everything in it, its files too; also one that could still be had back."""
        with suppress(NotFound):
            await self._stop(caller, conversation_id)
        return await self._removal.remove_now(caller, conversation_id)

    async def restore(self, caller: Caller, conversation_id: UUID) -> Conversation:
        """Raises NotFound for one that is gone for good."""
        await self._removal.show(caller.viewer, conversation_id)
        return await self._repository.conversation(caller.viewer, conversation_id)

    async def everything(self, caller: Caller, conversation_id: UUID) -> tuple[Conversation, list[ShownTurn]]:
        """All versions of all turns, for an export."""
        conversation = await self._repository.conversation(caller.viewer, conversation_id)
        return conversation, await self._repository.all_turns(caller.viewer, conversation_id)

    async def context(self, caller: Caller, conversation_id: UUID, model: str) -> ContextUse:
        """What the next question's prompt will hold already. Raises NotFound, NotPermitted, ModelNotFound."""
        conversation = await self._repository.conversation(caller.viewer, conversation_id)
        said = await self._remembered(caller.viewer, conversation.current_turn_id)
        instructions = "" if self._instructions is None else await self._instructions.of(caller.viewer)
        messages = [*said.messages, ChatMessage("user", "")]
        request = AnswerRequest(messages, model, instructions=instructions)
        if self._meter is None:
            used = sum(len(message.content.encode()) // 3 + 1 for message in messages)
            return ContextUse(used, None, said.omitted_turns)
        use = await self._meter.context(caller, request)
        return replace(use, dropped_turns=use.dropped_turns + said.omitted_turns)

    async def _with_marks(self, found: FoundConversation, words: str | None) -> FoundConversation:
        conversation = found.conversation
        running = [one for one in conversation.running_turn_ids if await self._leases.is_leased(one)]
        conversation = replace(conversation, running_turn_ids=tuple(running))
        shown = snippet(found.said, words) if words is not None and found.said is not None else None
        return replace(found, conversation=conversation, snippet=shown)

    async def _stop(self, caller: Caller, conversation_id: UUID) -> None:
        conversation = await self._repository.conversation(caller.viewer, conversation_id)
        running = list(conversation.running_turn_ids)
        for turn_id in running:
            with suppress(PartUnavailable):  # its writer finds the conversation gone, and stops
                await self._writing.stop(caller, turn_id)
        for _ in range(_LOOKS):  # writers of other processes have to hear of it
            if not any([await self._leases.is_leased(turn_id) for turn_id in running]):
                return
            await asyncio.sleep(_LOOK_S)

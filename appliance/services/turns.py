"""A turn: one question and the answer that is written to it, by a task of the gateway and not by the page.

The page may go away and come back, on another machine too: it follows the turn's events. Whoever reads a running
turn whose writer's lease is gone declares it interrupted. Knows nothing of HTTP, SQL or Valkey commands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from appliance.domain.answers import AnswerRequest, Conversation, Turn, TurnEvent, TurnEventKind, TurnStatus
from appliance.domain.people import Caller, Language, Viewer
from appliance.errors import PartUnavailable
from appliance.ports import Answerer
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.turn_writer import TurnWriter
from inference.types import ChatMessage

logger = logging.getLogger(__name__)

REMEMBERED_TURNS = 6
_POLL_S = 1.0  # how long a reader waits for news before it looks after the writer's lease
_TITLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class NewTurn:
    """What a person asks. conversation_id None begins a conversation."""

    question: str
    model: str
    conversation_id: UUID | None = None
    collection_ids: tuple[UUID, ...] | None = None
    language: Language | None = None


class TurnRepository(Protocol):
    """Where turns are kept. Everything raises NotFound for what is not the viewer's."""

    async def begin(self, viewer: Viewer, turn: Turn, title: str) -> None:
        """Record a turn, and its conversation where that is new."""
        ...

    async def save(self, viewer: Viewer, turn_id: UUID, answer: str, events: Sequence[TurnEvent]) -> None: ...

    async def finish(
        self,
        viewer: Viewer,
        turn_id: UUID,
        status: TurnStatus,
        answer: str | None,
        events: Sequence[TurnEvent],
        trace: Mapping[str, Any] | None = None,
    ) -> None:
        """Set the final state; answer and trace None keep what was saved."""
        ...

    async def trace(self, viewer: Viewer, turn_id: UUID) -> Mapping[str, Any] | None:
        """What its search did; None where nothing was searched, or not yet."""
        ...

    async def turn(self, viewer: Viewer, turn_id: UUID) -> Turn: ...

    async def events(self, viewer: Viewer, turn_id: UUID, after: int) -> list[TurnEvent]:
        """Saved events with a sequence number above `after`, in order."""
        ...

    async def conversations(
        self, viewer: Viewer, limit: int, before: datetime | None
    ) -> list[Conversation]: ...

    async def conversation(self, viewer: Viewer, conversation_id: UUID) -> Conversation: ...

    async def turns(
        self, viewer: Viewer, conversation_id: UUID, limit: int, before: datetime | None
    ) -> list[tuple[Turn, list[TurnEvent]]]:
        """The last turns before a moment, oldest first."""
        ...

    async def forget(self, viewer: Viewer, conversation_id: UUID) -> list[UUID]:
        """Delete a conversation; returns the turns that were in it."""
        ...


class TurnLog(Protocol):
    """The live series of events, the writers' leases and the wish to stop, shared by all gateway processes."""

    async def append(self, turn_id: UUID, events: Sequence[TurnEvent]) -> None: ...

    async def read(self, turn_id: UUID, after: int, wait_s: float) -> list[TurnEvent]:
        """Events above `after`; waits up to wait_s for the first one."""
        ...

    async def renew_lease(self, turn_id: UUID) -> bool:
        """Hold the lease for another 5 s; True when somebody asked this turn to stop."""
        ...

    async def release_lease(self, turn_id: UUID) -> None: ...

    async def is_leased(self, turn_id: UUID) -> bool: ...

    async def ask_to_stop(self, turn_id: UUID) -> None: ...

    def stops(self) -> AsyncIterator[UUID]:
        """Turns that somebody wants stopped, whichever process writes them."""
        ...

    async def recall(self, user_id: UUID, conversation_id: UUID) -> list[ChatMessage] | None:
        """The conversation's last messages; None where they are not held here."""
        ...

    async def remember(
        self, user_id: UUID, conversation_id: UUID, messages: Sequence[ChatMessage]
    ) -> None: ...

    async def forget(self, user_id: UUID, conversation_id: UUID) -> None: ...

    async def discard(self, turn_ids: Sequence[UUID]) -> None:
        """Delete the series of these turns."""
        ...


class AttachedFiles(Protocol):
    """The files of a chat. NotFound for a conversation that is not the caller's."""

    async def attached(self, caller: Caller, conversation_id: UUID) -> UUID | None:
        """The collection they are in; None: there are none."""
        ...

    async def forget(self, caller: Caller, conversation_id: UUID) -> None: ...


class Turns:
    """Asking, following, stopping, and looking back.

    live: tells that a person was suspended or a key revoked; what is being written for them stops.
    """

    def __init__(
        self,
        repository: TurnRepository,
        log: TurnLog,
        answerer: Answerer,
        *,
        live: LiveRequests | None = None,
        files: AttachedFiles | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._log = log
        self._answerer = answerer
        self._live = live or LiveRequests()
        self._files = files
        self._now = now
        self._tasks: dict[UUID, tuple[TurnWriter, asyncio.Task[None]]] = {}
        self._listener: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen for stops that were asked of another gateway process."""
        self._listener = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """End every turn written here; each is marked interrupted at once, so that no page waits for it."""
        if self._listener is not None:
            self._listener.cancel()
        running = list(self._tasks.values())
        for writer, _ in running:
            writer.stop("interrupted")
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)

    @property
    def is_writing(self) -> bool:
        """Whether an answer is being written in this process."""
        return bool(self._tasks)

    async def begin(self, caller: Caller, new: NewTurn) -> Turn:
        """Record the question and start writing; the turn is on disk when this returns.

        Raises NotFound for a conversation that is not the caller's.
        """
        moment = self._live.moment
        history: Sequence[ChatMessage] = ()
        attached = None
        if new.conversation_id is not None:
            await self._repository.conversation(caller.viewer, new.conversation_id)
            history = await self._history(caller, new.conversation_id)
            if self._files is not None:
                attached = await self._files.attached(caller, new.conversation_id)
        turn = Turn(uuid4(), new.conversation_id or uuid4(), new.question, new.model, "running", self._now())
        await self._repository.begin(caller.viewer, turn, _title(new.question))
        with suppress(PartUnavailable):  # the writer goes on trying; the question is on disk
            await self._log.renew_lease(turn.id)
        request = AnswerRequest(
            messages=[*history, ChatMessage("user", new.question)],
            model=new.model,
            collection_ids=new.collection_ids,
            language=new.language,
            request_id=f"turn-{turn.id}",
            attached=attached,
        )
        writer = TurnWriter(turn.id, caller.viewer, self._log, self._repository)
        task = asyncio.create_task(self._write(writer, caller, turn, request, moment), name=f"turn {turn.id}")
        self._tasks[turn.id] = (writer, task)
        task.add_done_callback(lambda _: self._tasks.pop(turn.id, None))
        return turn

    async def follow(self, caller: Caller, turn_id: UUID, after: int = 0) -> AsyncIterator[TurnEvent | None]:
        """The turn's events above `after` until it ends; None now and then while nothing happens.

        Raises NotFound at once for a turn that is not the caller's.
        """
        turn = await self._repository.turn(caller.viewer, turn_id)
        return self._events(caller, turn, after)

    async def _events(self, caller: Caller, turn: Turn, after: int) -> AsyncIterator[TurnEvent | None]:
        silent_looks = 0
        while turn.is_running:
            events = await self._read(turn.id, after)
            for event in events:
                yield event
                after = event.seq
                if event.is_end:
                    return
            silent_looks = 0 if events else silent_looks + 1
            # Two looks, because Valkey may have come back a moment before the writer renewed its lease.
            if silent_looks >= 2 and not await self._is_leased(turn.id):
                turn = await self._settle(caller, turn.id)
            elif silent_looks:
                yield None
        for event in await self._repository.events(caller.viewer, turn.id, after):
            yield event

    async def stop(self, caller: Caller, turn_id: UUID) -> None:
        """Stop writing, whichever process does it; what has been written stays."""
        turn = await self._repository.turn(caller.viewer, turn_id)
        if not turn.is_running:
            return
        if turn_id in self._tasks:
            self._tasks[turn_id][0].stop("stopped")
        else:
            await self._log.ask_to_stop(turn_id)

    async def trace(self, caller: Caller, turn_id: UUID) -> Mapping[str, Any] | None:
        """What a turn's search did, once it has ended; None where nothing was searched. Raises NotFound."""
        return await self._repository.trace(caller.viewer, turn_id)

    async def conversations(
        self, caller: Caller, limit: int = 50, before: datetime | None = None
    ) -> list[Conversation]:
        return await self._repository.conversations(caller.viewer, limit, before)

    async def conversation(
        self, caller: Caller, conversation_id: UUID, limit: int = 50, before: datetime | None = None
    ) -> tuple[Conversation, list[tuple[Turn, list[TurnEvent]]]]:
        """A conversation and its last turns, oldest first, each with what draws it again."""
        found = await self._repository.conversation(caller.viewer, conversation_id)
        turns = await self._repository.turns(caller.viewer, conversation_id, limit, before)
        if await self._settle_abandoned(caller, [turn for turn, _ in turns if turn.is_running]):
            turns = await self._repository.turns(caller.viewer, conversation_id, limit, before)
        return found, turns

    async def forget(self, caller: Caller, conversation_id: UUID) -> None:
        """Delete a conversation with everything in it, its files too; a turn being written in it is stopped first."""
        await self._repository.conversation(caller.viewer, conversation_id)
        for turn, _ in await self._repository.turns(caller.viewer, conversation_id, 5, None):
            if turn.is_running:
                await self.stop(caller, turn.id)
        if self._files is not None:
            await self._files.forget(caller, conversation_id)
        turn_ids = await self._repository.forget(caller.viewer, conversation_id)
        await self._log.forget(caller.user_id, conversation_id)
        await self._log.discard(turn_ids)

    async def _write(
        self, writer: TurnWriter, caller: Caller, turn: Turn, request: AnswerRequest, since: int
    ) -> None:
        # Signing out leaves an answer to be read later, as closing the tab does; a suspension ends it.
        asker = replace(caller, session_id=None)
        with self._live.track(asker, lambda: writer.stop("stopped"), since=since):
            await writer.write(self._answerer.answer(caller, request))
        if writer.answer.strip():
            messages = [*request.messages, ChatMessage("assistant", writer.answer)]
            try:
                await self._log.remember(
                    caller.user_id, turn.conversation_id, messages[-2 * REMEMBERED_TURNS :]
                )
            except PartUnavailable:
                logger.warning("conversation %s is not held in Valkey", turn.conversation_id)

    async def _history(self, caller: Caller, conversation_id: UUID) -> Sequence[ChatMessage]:
        try:
            held = await self._log.recall(caller.user_id, conversation_id)
        except PartUnavailable:
            held = None
        if held is not None:
            return held
        turns = await self._repository.turns(caller.viewer, conversation_id, REMEMBERED_TURNS, None)
        messages: list[ChatMessage] = []
        for turn, _ in turns:
            if turn.answer:
                messages += [ChatMessage("user", turn.question), ChatMessage("assistant", turn.answer)]
        return messages

    async def _read(self, turn_id: UUID, after: int) -> list[TurnEvent]:
        try:
            return await self._log.read(turn_id, after, _POLL_S)
        except PartUnavailable:
            await asyncio.sleep(_POLL_S)
            return []

    async def _is_leased(self, turn_id: UUID) -> bool:
        if turn_id in self._tasks:
            return True
        try:
            return await self._log.is_leased(turn_id)
        except PartUnavailable:
            return True  # nobody can tell just now; ask again

    async def _settle_abandoned(self, caller: Caller, running: Sequence[Turn]) -> bool:
        """End those whose writer died and that nobody has followed since; True when there was one."""
        abandoned = [turn for turn in running if not await self._is_leased(turn.id)]
        if not abandoned:
            return False
        await asyncio.sleep(_POLL_S)  # as in _events: a second look
        for turn in abandoned:
            if not await self._is_leased(turn.id):
                await self._settle(caller, turn.id)
        return True

    async def _settle(self, caller: Caller, turn_id: UUID) -> Turn:
        """A running turn that nobody writes: unless it has just ended, it ends here."""
        turn = await self._repository.turn(caller.viewer, turn_id)
        if not turn.is_running:
            return turn
        saved: list[TurnEvent] = await self._repository.events(caller.viewer, turn_id, 0)
        live = await self._read(turn_id, saved[-1].seq if saved else 0)
        # The live series may be ahead of what was saved when the writer died.
        last = max([event.seq for event in [*saved, *live]], default=0)
        end = TurnEvent(last + 1, "error", 0, {"code": "turn_interrupted"})
        await self._repository.finish(caller.viewer, turn_id, "interrupted", None, [*live, end])
        return replace(turn, status="interrupted")

    async def _listen(self) -> None:
        while True:
            try:
                async for turn_id in self._log.stops():
                    if turn_id in self._tasks:
                        self._tasks[turn_id][0].stop("stopped")
            except PartUnavailable:
                await asyncio.sleep(_POLL_S)


def as_state(events: Sequence[TurnEvent]) -> dict[str, Any]:
    """What a page draws a finished turn from: its blocks in order, its citations, its end."""
    ordered = sorted(events, key=lambda event: event.seq)
    blocks = {event.slot: event.data["html"] for event in ordered if event.kind == "block"}
    latest: dict[TurnEventKind, Any] = {event.kind: dict(event.data) for event in ordered}
    return {
        "blocks": [blocks[slot] for slot in sorted(blocks)],
        "citations": latest.get("citations", {}).get("citations", []),
        "done": latest.get("done"),
        "error": latest.get("error"),
        "seq": ordered[-1].seq if ordered else 0,
    }


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1].rstrip() + "…"

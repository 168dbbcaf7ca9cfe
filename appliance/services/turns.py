"""A turn: one question and the answer that is written to it, by a task of the gateway and not by the page.

The page may go away and come back, on another machine too: it follows the turn's events. Whoever reads a running
turn whose writer's lease is gone declares it interrupted. Knows nothing of HTTP, SQL or Valkey commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from appliance import telemetry
from appliance.domain.answers import AnswerRequest, Feedback, Figures, Turn, TurnEvent, TurnEventKind
from appliance.domain.conversations import Remembered
from appliance.domain.origins import OWN_WORDS, Origins, of_collection, of_conversation, together
from appliance.domain.people import Caller, Language
from appliance.domain.refusals import Told
from appliance.errors import AnswerInProgress, Conflict, NotFound, NotPermitted, PartUnavailable
from appliance.ports import Answerer, ConversationMoved, Instructions
from appliance.ports.keeping import Keep
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.prompt_memory import PromptMemory
from appliance.services.settling import LOOK_S, Settling
from appliance.services.turn_ports import AttachedFiles, ConversationRepository, TurnLog, TurnRepository
from appliance.services.turn_writer import TurnWriter
from inference.types import ChatMessage

_TITLE_CHARACTERS = 80
_ATTEMPTS = 3  # to follow a conversation that goes on meanwhile


@dataclass(frozen=True, slots=True)
class NewTurn:
    """What a person asks. conversation_id None begins a conversation, unless previous_id is a turn of one.

    previous_id None: after the turn at which the conversation stands.
    """

    question: str
    model: str
    conversation_id: UUID | None = None
    collection_ids: tuple[UUID, ...] | None = None
    language: Language | None = None
    previous_id: UUID | None = None
    is_temporary: bool = False


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What is different in another version of a turn; None leaves it as it was asked before."""

    question: str | None = None
    model: str | None = None
    collection_ids: tuple[UUID, ...] | Keep | None = Keep.AS_IT_IS
    language: Language | None = None


class Turns:
    """Asking, asking again, going on, following and stopping.

    live: tells that a person was suspended or a key revoked; what is being written for them stops.
    instructions: what a person wants every answer to heed; None: nobody has any.
    unanswered_are_read: administrators may read questions to which nothing was found, but of temporary conversations.
    """

    def __init__(
        self,
        repository: TurnRepository,
        conversations: ConversationRepository,
        log: TurnLog,
        answerer: Answerer,
        *,
        live: LiveRequests | None = None,
        files: AttachedFiles | None = None,
        instructions: Instructions | None = None,
        unanswered_are_read: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._conversations = conversations
        self._log = log
        self._answerer = answerer
        self._live = live or LiveRequests()
        self._files = files
        self._instructions = instructions
        self._unanswered_are_read = unanswered_are_read
        self._now = now
        self._tasks: dict[UUID, tuple[TurnWriter, asyncio.Task[None]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self.memory = PromptMemory(log, repository)
        self.settling = Settling(repository, log, self._tasks.keys())

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

        Raises NotFound for a conversation or a turn that is not the caller's, NotPermitted for the key's models, and
        AnswerInProgress where the answer before it is being written: nobody can follow what has not been said yet.
        """
        for _ in range(_ATTEMPTS):
            with suppress(ConversationMoved):
                return await self._begin(caller, new)
        raise AnswerInProgress

    async def _begin(self, caller: Caller, new: NewTurn) -> Turn:
        moment = self._live.moment
        conversation_id, previous_id = await self._place(caller, new)
        turn = Turn(
            uuid4(),
            conversation_id or uuid4(),
            new.question,
            new.model,
            "running",
            self._now(),
            previous_id=previous_id,
            collection_ids=new.collection_ids,
            language=new.language,
        )
        return await self._start(
            caller,
            turn,
            moment,
            is_new=conversation_id is None,
            is_temporary=new.is_temporary,
            follows=new.previous_id is None,
        )

    async def begin_version(self, caller: Caller, turn_id: UUID, new: NewVersion) -> Turn:
        """The same place asked again, perhaps in other words or of another model. Raises NotFound, NotPermitted."""
        moment = self._live.moment
        before = await self._repository.turn(caller.viewer, turn_id)
        collections = before.collection_ids if isinstance(new.collection_ids, Keep) else new.collection_ids
        turn = replace(
            _beside(before, self._now()),
            question=new.question or before.question,
            model=new.model or before.model,
            collection_ids=collections,
            language=new.language or before.language,
        )
        return await self._start(caller, turn, moment)

    async def resume(self, caller: Caller, turn_id: UUID) -> Turn:
        """Go on with an answer that broke off, in a version beside it which begins with what was written.

        Raises Conflict for one that is being written or is complete.
        """
        moment = self._live.moment
        await self.settling.settle_abandoned(
            caller.viewer,
            [turn_id] if (await self._repository.turn(caller.viewer, turn_id)).is_running else [],
        )
        before = await self._repository.turn(caller.viewer, turn_id)
        if before.is_running:
            raise Conflict(Told("answer_running"))
        if before.status == "done" and before.figures.finish_reason != "length":
            raise Conflict(Told("answer_complete"))
        turn = replace(
            _beside(before, self._now()), answer=before.answer, continues_id=before.id, origins=before.origins
        )
        return await self._start(caller, turn, moment)

    async def follow(self, caller: Caller, turn_id: UUID, after: int = 0) -> AsyncIterator[TurnEvent | None]:
        """The turn's events above `after` until it ends; None now and then while nothing happens.

        Raises NotFound at once for a turn that is not the caller's.
        """
        turn = await self._repository.turn(caller.viewer, turn_id)
        return self._events(caller, turn, after)

    async def _events(self, caller: Caller, turn: Turn, after: int) -> AsyncIterator[TurnEvent | None]:
        silent_looks = 0
        while turn.is_running:
            events = last_forms(await self._read(turn.id, after))
            for event in events:
                yield event
                after = event.seq
                if event.is_end:
                    return
            silent_looks = 0 if events else silent_looks + 1
            # Two looks, because Valkey may have come back a moment before the writer renewed its lease.
            if silent_looks >= 2 and not await self.settling.is_leased(turn.id):
                turn = await self.settling.settle(caller.viewer, turn.id)
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

    async def trace(self, caller: Caller, turn_id: UUID) -> tuple[Turn, Mapping[str, Any] | None]:
        """What a turn's search did, once it has ended; None where nothing was searched. Raises NotFound."""
        turn = await self._repository.turn(caller.viewer, turn_id)
        return turn, await self._repository.trace(caller.viewer, turn_id)

    async def rate(self, caller: Caller, turn_id: UUID, feedback: Feedback) -> None:
        """Keep what the person thinks of an answer, in place of what they thought before. Raises NotFound."""
        await self._repository.rate(caller.viewer, turn_id, feedback)

    async def unrate(self, caller: Caller, turn_id: UUID) -> None:
        """Take it back. Raises NotFound for a turn that is not the caller's."""
        await self._repository.unrate(caller.viewer, turn_id)

    async def _place(self, caller: Caller, new: NewTurn) -> tuple[UUID | None, UUID | None]:
        """(conversation, previous turn) of a new question."""
        if new.previous_id is not None:
            previous = await self._repository.turn(caller.viewer, new.previous_id)
            if new.conversation_id not in (None, previous.conversation_id):
                raise NotFound("`previous_id` is no turn of this conversation.", param="previous_id")
            await self._require_ended(caller, [previous.id] if previous.is_running else [])
            return previous.conversation_id, previous.id
        if new.conversation_id is not None:
            found = await self._conversations.conversation(caller.viewer, new.conversation_id)
            stands_at = found.current_turn_id
            await self._require_ended(caller, [one for one in found.running_turn_ids if one == stands_at])
            return found.id, found.current_turn_id
        return None, None

    async def _require_ended(self, caller: Caller, running: Sequence[UUID]) -> None:
        """Raises AnswerInProgress while somebody writes one of these; what nobody writes any more is ended here."""
        if running:
            await self.settling.settle_abandoned(caller.viewer, running)
        if any([(await self._repository.turn(caller.viewer, one)).is_running for one in running]):
            raise AnswerInProgress

    async def _start(
        self,
        caller: Caller,
        turn: Turn,
        moment: int,
        *,
        is_new: bool = False,
        is_temporary: bool = False,
        follows: bool = False,
    ) -> Turn:
        """turn.answer: what it begins with, and turn.origins what that was made from. Raises ConversationMoved."""
        if not caller.scopes.allow_model(turn.model):
            raise NotPermitted(f"This key is not for the model {turn.model!r}.", param="model")
        turn = replace(turn, trace_id=telemetry.trace_id())
        memory = await self.memory.of(caller.viewer, turn.previous_id)
        attached = None
        if not is_new and self._files is not None:
            attached = await self._files.attached(caller, turn.conversation_id)
        origins = _before(turn, memory, attached)
        instructions = "" if self._instructions is None else await self._instructions.of(caller.viewer)
        await self._repository.begin(
            caller.viewer, turn, _title(turn.question), is_temporary=is_temporary, follows=follows
        )
        with suppress(PartUnavailable):  # the writer goes on trying; the question is on disk
            await self._log.renew_lease(turn.id)
        writer = TurnWriter(
            turn.id,
            caller.viewer,
            self._log,
            self._repository,
            partial=turn.answer,
            omitted_turns=memory.omitted_turns,
            question_is_read=await self._is_read(caller, turn, is_new=is_new, is_temporary=is_temporary),
            origins=origins,
        )
        request = AnswerRequest(
            messages=[*memory.messages, ChatMessage("user", turn.question)],
            model=turn.model,
            collection_ids=turn.collection_ids,
            language=turn.language,
            request_id=turn.request_id,
            attached=attached,
            instructions=instructions,
            partial=turn.answer,
            on_used=writer.note_used,
            origins=origins,
            via="chat",
            turn_id=turn.id,
        )
        work = self._write(writer, caller, turn, request, memory, moment)
        task = asyncio.create_task(work, name=f"turn {turn.id}")
        self._tasks[turn.id] = (writer, task)
        task.add_done_callback(lambda _: self._tasks.pop(turn.id, None))
        return turn

    async def _is_read(self, caller: Caller, turn: Turn, *, is_new: bool, is_temporary: bool) -> bool:
        """Whether administrators may read its question if nothing is found."""
        if not self._unanswered_are_read or is_new:
            return self._unanswered_are_read and not is_temporary
        return not (await self._conversations.conversation(caller.viewer, turn.conversation_id)).is_temporary

    async def _write(
        self,
        writer: TurnWriter,
        caller: Caller,
        turn: Turn,
        request: AnswerRequest,
        memory: Remembered,
        since: int,
    ) -> None:
        # Signing out leaves an answer to be read later, as closing the tab does; a suspension ends it.
        asker = replace(caller, session_id=None)
        with self._live.track(asker, lambda: writer.stop("stopped"), since=since):
            await writer.write(self._answerer.answer(caller, request))
        if writer.answer.strip() and not writer.is_gone:
            said = (turn.question, writer.remembered)
            await self.memory.keep(caller.viewer, turn.id, turn.previous_id, memory, said, writer.origins)

    async def _read(self, turn_id: UUID, after: int) -> list[TurnEvent]:
        try:
            return await self._log.read(turn_id, after, LOOK_S)
        except PartUnavailable:
            await asyncio.sleep(LOOK_S)
            return []

    async def _listen(self) -> None:
        while True:
            try:
                async for turn_id in self._log.stops():
                    if turn_id in self._tasks:
                        self._tasks[turn_id][0].stop("stopped")
            except PartUnavailable:
                await asyncio.sleep(LOOK_S)


def last_forms(events: Sequence[TurnEvent]) -> Sequence[TurnEvent]:
    """The same without the forms of a block that a later one among them replaces: what is late is not shown late."""
    last = {event.slot: event.seq for event in events if event.kind == "block"}
    return [event for event in events if event.kind != "block" or last[event.slot] == event.seq]


def as_state(events: Sequence[TurnEvent]) -> dict[str, Any]:
    """What a page draws a finished turn from: its blocks and tables in order, its citations, its end."""
    ordered = sorted(events, key=lambda event: event.seq)
    blocks = {event.slot: event.data["html"] for event in ordered if event.kind == "block"}
    tables = {event.slot: dict(event.data) for event in ordered if event.kind == "table"}
    tools = {event.slot: dict(event.data) for event in ordered if event.kind == "tool"}
    latest: dict[TurnEventKind, Any] = {event.kind: dict(event.data) for event in ordered}
    status = latest.get("status", {})
    return {
        "blocks": [blocks[slot] for slot in sorted(blocks)],
        "tables": [tables[slot] for slot in sorted(tables)],
        **({"tools": [tools[slot] for slot in sorted(tools)]} if tools else {}),
        **({"consent": status} if status.get("state") == "consent" else {}),
        "citations": latest.get("citations", {}).get("citations", []),
        "done": latest.get("done"),
        "error": latest.get("error"),
        "seq": ordered[-1].seq if ordered else 0,
    }


def _beside(turn: Turn, moment: datetime) -> Turn:
    """Another version at its place, in which nothing is written yet."""
    return replace(
        turn,
        id=uuid4(),
        status="running",
        created_at=moment,
        answer="",
        finished_at=None,
        continues_id=None,
        figures=Figures(),
        origins=None,
    )


def _before(turn: Turn, memory: Remembered, attached: UUID | None) -> Origins:
    """Of what the turn begins with: what was said, the chat's files, the unfinished answer that it goes on with."""
    labels = {of_conversation(turn.conversation_id)} if memory.messages else set()
    if attached is not None:
        labels.add(of_collection(attached))
    begun = turn.origins if turn.answer else OWN_WORDS
    return together(memory.origins, frozenset(labels), begun)


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1].rstrip() + "…"

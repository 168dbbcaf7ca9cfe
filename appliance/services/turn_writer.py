"""Writing one answer: what the answerer says becomes numbered events, often to the live log, seldom to the repository.

Live: at most every 50 ms, more slowly while a long block is unfinished, because all of it is rendered again.
Kept: every 2 s and at the end, and there before the log says `done`, so that a page that saw the end finds it again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar
from uuid import UUID

from appliance.domain.answers import (
    QUESTION_READ,
    AnswerEvent,
    Cited,
    ConsentAsked,
    Cost,
    Figures,
    Finished,
    Progressed,
    Reached,
    Reasoned,
    Restarted,
    Searched,
    Tabled,
    TextDelta,
    ToolCalled,
    TurnEvent,
    TurnEventKind,
    Waiting,
)
from appliance.domain.origins import Origins, of_passages, together
from appliance.domain.people import Viewer
from appliance.domain.pipelines import Stepped
from appliance.errors import ApplianceError, NotFound, PartUnavailable
from appliance.markup import GrowingMarkup, render_blocks
from appliance.services.answer_shapes import as_citation, as_end, as_refusal, figures_of, marked_spans
from appliance.services.event_shapes import as_shown
from appliance.services.run_shapes import RunTrace
from appliance.services.table_shapes import with_queries
from appliance.services.turn_ports import TurnLog, TurnRepository
from inference.errors import InferenceError
from inference.types import Usage
from querying.errors import QueryingError
from rag.documents import Passage
from rag.errors import RagError

logger = logging.getLogger(__name__)

T = TypeVar("T")
Ending = Literal["done", "stopped", "failed", "interrupted"]
_FLUSH_S = 0.05
_SAVE_S = 2.0
_RENEW_S = 1.25  # a quarter of the lease
_RETRY_S = 0.5
_SAVE_ATTEMPTS = 20  # at the end: PostgreSQL may be coming back from a crash
# Rendering 20,000 characters takes about 9 ms: beyond this many, wait longer rather than use more of a core.
_CHEAP_CHARACTERS = 4000
_QUICK_CHARACTERS = 8000  # beyond this many, other people's answers go on while these are rendered


class TurnWriter:
    """One turn's answer, from its first event to its last. `write` runs once; `stop` may be called at any moment.

    partial: what the answer begins with. omitted_turns: earlier ones that the answerer was not even told of.
    question_is_read: administrators may read the question if nothing is found. is_gone: its conversation was deleted
    meanwhile. origins: of what was said before and of the partial; what is found in documents joins them.
    """

    def __init__(
        self,
        turn_id: UUID,
        viewer: Viewer,
        log: TurnLog,
        repository: TurnRepository,
        *,
        partial: str = "",
        omitted_turns: int = 0,
        question_is_read: bool = False,
        origins: Origins = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.answer = partial
        self.origins = origins
        self.is_gone = False
        self._omitted_turns = omitted_turns
        self._question_is_read = question_is_read
        self._logged = ""  # what the live log has of the answer
        self._turn_id = turn_id
        self._viewer = viewer
        self._log = log
        self._repository = repository
        self._clock = clock
        self._markup = GrowingMarkup()
        self._markup.add(partial)
        self._seq = 0
        self._state: dict[tuple[TurnEventKind, int], TurnEvent] = {}
        self._unsent: list[TurnEvent] = []
        self._unsaved: set[tuple[TurnEventKind, int]] = set()
        self._was_cut_off = False
        self._is_over = False
        self._news = asyncio.Event()
        self._sending = asyncio.Lock()
        self._reader: asyncio.Task[Ending] | None = None
        self._ending: Ending | None = None
        self._end: tuple[TurnEventKind, Mapping[str, Any]] | None = None
        self._figures, self._reached = Figures(), Reached("", "")
        self._used = Usage()
        self._cost: Cost | None = None
        self._started = 0.0
        self._first_text_s: float | None = None
        self._thinking_since: float | None = None
        self._passages: dict[int, Passage] = {}
        self._trace: Mapping[str, Any] | None = None
        self._run = RunTrace()

    def stop(self, why: Ending) -> None:
        """End now; what is written so far stays."""
        self._ending = self._ending or why
        if self._reader is not None:
            self._reader.cancel()

    def note_used(self, usage: Usage, cost: Cost | None) -> None:
        """An engine has done this much for the answer, or for one that was stopped."""
        self._used = Usage(
            self._used.prompt_tokens + usage.prompt_tokens,
            self._used.completion_tokens + usage.completion_tokens,
        )
        self._cost = self._cost if cost is None else cost.plus(self._cost)

    @property
    def remembered(self) -> str:
        """The answer as the next question's model is told it."""
        shown = sorted((slot, event) for (kind, slot), event in self._state.items() if kind == "table")
        return with_queries(self.answer, (str(event.data["sql"]) for _, event in shown))

    async def write(self, answer: AsyncIterator[AnswerEvent]) -> None:
        """Write until the answer ends, fails or is stopped. Raises nothing: the reason stands in the last event."""
        self._started = self._clock()
        self._emit("status", 0, {"state": "started"})
        await self._render()
        self._reader = asyncio.create_task(self._read(answer))
        if self._ending is not None:
            self._reader.cancel()
        chores = [
            asyncio.create_task(self._chore(work))
            for work in (self._flush_often, self._save_often, self._keep_lease)
        ]
        try:
            ending = await self._reader
        except asyncio.CancelledError:
            ending = self._ending or "interrupted"
            self._emit_rest_of_text()
            self._end = self._end or self._cut_end(ending)
        finally:
            await self._end_chores(chores)
        await self._close(ending)

    async def _read(self, answer: AsyncIterator[AnswerEvent]) -> Ending:
        try:
            # A generator is closed here and now, so that the engine's request ends with it.
            async with aclosing(answer) as events:  # type: ignore[type-var]
                async for event in events:
                    await self._take(event)
                    if self._ending is not None:
                        raise asyncio.CancelledError  # the same loss: stopped, but the answer went on
        except (ApplianceError, InferenceError, QueryingError, RagError) as error:
            self._emit_rest_of_text()
            self._end = ("error", as_refusal(error))
            return "failed"
        except Exception:
            logger.exception("turn %s failed", self._turn_id)
            self._emit_rest_of_text()
            self._end = ("error", {"code": "internal_error"})
            return "failed"
        if self._end is None:
            self._emit_rest_of_text()
            self._end = ("error", {"code": "engine_stream_broken"})
            return "failed"
        return "done"

    async def _take(self, event: AnswerEvent) -> None:
        match event:
            case TextDelta(text):
                text = text.replace("\0", "\ufffd")  # which PostgreSQL cannot hold
                if self._first_text_s is None and text.strip():
                    self._note_first_text()
                self.answer += text
                self._markup.add(text)
                self._news.set()
            case Reasoned(text):
                if self._first_text_s is None:
                    self._thinking_since = self._thinking_since or self._clock()
                    self._markup.think(text)
                    self._news.set()
            case Restarted():
                self._begin_anew()
            case Waiting() | ConsentAsked():
                self._emit(*as_shown(event))
            case Reached():
                self._reached = event
            case Searched(passages, notes, trace, named):
                self.origins = together(self.origins, of_passages(passages), named)
                self._trace = None if trace is None else trace.as_json()
                self._passages = {passage.chunk_id: passage for passage in passages}
                self._emit("status", 0, {"state": "searched", "found": len(passages), "notes": list(notes)})
            case Tabled() | Progressed() | Stepped() | ToolCalled():
                self.origins = together(self.origins, event.origins)
                if isinstance(event, Stepped):
                    self._run.note(event)
                self._emit(*as_shown(event))
            case Cited(citations, unsupported):
                await self._render(is_end=True)
                if spans := marked_spans(self.answer, citations, unsupported):
                    marked = partial(render_blocks, self.answer, spans)
                    self._show_instead(await self._off_the_loop(len(self.answer), marked))
                self._emit(
                    "citations", 0, {"citations": [as_citation(one, self._passages) for one in citations]}
                )
            case Finished():
                await self._render(is_end=True)
                self._end = ("done", self._ended(event))

    def _begin_anew(self) -> None:
        self.answer, self._markup = "", GrowingMarkup()
        for kind, slot in list(self._state):
            if kind == "block":
                self._emit("block", slot, {"html": "", "is_final": True})

    def _ended(self, end: Finished) -> dict[str, Any]:
        """The last event's data; what is kept of it as figures is noted."""
        is_read = self._question_is_read and end.kind == "refused"
        dropped_turns = (end.dropped_messages + 1) // 2 + self._omitted_turns
        self._figures = self._timed(figures_of(end, self._used, self._omitted_turns))
        notes = [*end.notes, *([QUESTION_READ] if is_read else [])]
        return as_end(end, self._figures, notes, dropped_turns)

    def _timed(self, figures: Figures) -> Figures:
        return replace(
            figures,
            first_token_ms=None if self._first_text_s is None else round(self._first_text_s * 1000),
            total_ms=round((self._clock() - self._started) * 1000),
            cost=self._cost,
        )

    def _emit(self, kind: TurnEventKind, slot: int, data: Mapping[str, Any]) -> None:
        self._seq += 1
        event = TurnEvent(self._seq, kind, slot, data)
        self._state[kind, slot] = event
        self._unsent.append(event)
        self._unsaved.add((kind, slot))
        self._news.set()

    def _note_first_text(self) -> None:
        now = self._clock()
        self._first_text_s = now - self._started
        if self._thinking_since is not None:
            self._markup.end_thought(now - self._thinking_since)

    async def _render(self, *, is_end: bool = False) -> None:
        """Emit the blocks that are new or changed."""
        length = self._markup.unfinished_characters
        await self._off_the_loop(length, partial(self._markup.advance, is_end=is_end))
        self._emit_rendered()

    async def _off_the_loop(self, length: int, work: Callable[[], T]) -> T:
        """Render so many characters; in a thread where it takes long."""
        return await asyncio.to_thread(work) if length > _QUICK_CHARACTERS else work()

    def _emit_rendered(self) -> None:
        for block in self._markup.take():
            self._emit("block", block.index, {"html": block.html, "is_final": block.is_final})

    def _show_instead(self, blocks: Sequence[str]) -> None:
        """The answer's blocks with what is marked in them."""
        for index, html in enumerate(blocks, start=self._markup.first_slot):
            shown = self._state.get(("block", index))
            if shown is None or shown.data["html"] != html:
                self._emit("block", index, {"html": html, "is_final": True})

    def _emit_rest_of_text(self) -> None:
        self._markup.advance(is_end=True)
        self._emit_rendered()

    def _cut_end(self, ending: Ending) -> tuple[TurnEventKind, Mapping[str, Any]]:
        if ending == "stopped":
            by = self._reached
            return "done", self._ended(
                Finished(
                    "written", "stopped", served_by=by.served_by, rung=by.rung, answered_as=by.answered_as
                )
            )
        return "error", {"code": "internal_error" if ending == "failed" else "turn_interrupted"}

    async def _flush_often(self) -> None:
        while not self._is_over:
            await self._news.wait()
            began = self._clock()
            async with self._sending:
                self._news.clear()
                await self._render()
                await self._send(self._take_unsent())
            if self._was_cut_off:
                self._news.set()
                await asyncio.sleep(_RETRY_S)
            every_s = _FLUSH_S * max(1.0, self._markup.unfinished_characters / _CHEAP_CHARACTERS)
            # What it took belongs to the interval, but a busy core keeps some room for others.
            await asyncio.sleep(max(every_s / 4, every_s - (self._clock() - began)))

    def _take_unsent(self) -> list[TurnEvent]:
        """What the live log lacks; everything again after it was cut off, because it may have lost its last second."""
        if self._was_cut_off:
            self._logged = ""
            for event in sorted(self._state.values(), key=lambda one: one.seq):
                self._emit(event.kind, event.slot, event.data)
        events, self._unsent = self._unsent, []
        return events

    async def _send(self, events: Sequence[TurnEvent]) -> None:
        try:
            if events:
                answer = self.answer
                known = self._logged if answer.startswith(self._logged) else ""  # it may have begun anew
                text, offset = answer[len(known) :].encode(), len(known.encode())
                await self._log.append(self._turn_id, events, text, offset)
                self._logged = answer
            self._was_cut_off = False
        except PartUnavailable:
            self._was_cut_off = True
        except asyncio.CancelledError:
            self._was_cut_off = True  # nobody knows what arrived
            raise

    async def _save_often(self) -> None:
        while not self._is_over:
            await asyncio.sleep(_SAVE_S)
            with suppress(PartUnavailable):
                await self._save()

    async def _save(self) -> None:
        keys, self._unsaved = self._unsaved, set()
        try:
            if keys:
                events = [self._state[key] for key in keys]
                await self._repository.save(self._viewer, self._turn_id, self.answer, events)
        except BaseException:
            self._unsaved |= keys
            raise

    async def _keep_lease(self) -> None:
        while not self._is_over:
            with suppress(PartUnavailable):
                if await self._log.renew_lease(self._turn_id):
                    self.stop("stopped")
            await asyncio.sleep(_RENEW_S)

    async def _chore(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except NotFound:
            self.stop("stopped")  # its conversation was deleted
        except Exception:
            logger.exception("turn %s cannot go on", self._turn_id)
            self.stop("failed")

    async def _end_chores(self, chores: Sequence[asyncio.Task[None]]) -> None:
        # What is under way to the log should arrive there: the last words may be in it.
        with suppress(TimeoutError):
            async with asyncio.timeout(_RETRY_S), self._sending:
                pass
        # Until Python 3.12 a cancellation can be lost inside asyncio.wait_for (CPython issue 81839), which redis-py and
        # psycopg use: the flag ends a chore that survived.
        self._is_over = True
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)

    async def _close(self, ending: Ending) -> None:
        await self._send(self._take_unsent())
        kind, data = self._end or self._cut_end(ending)
        self._emit(kind, 0, data)
        if self._figures.total_ms is None:
            self._figures = self._timed(self._figures)
        exists = await self._finish(ending, [self._state[key] for key in self._unsaved])
        with suppress(PartUnavailable):
            if exists:
                await self._send(self._take_unsent())
            else:
                self.is_gone = True
                await self._log.discard(self._viewer.user_id, [self._turn_id])
            await self._log.release_lease(self._turn_id)

    async def _finish(self, ending: Ending, events: Sequence[TurnEvent]) -> bool:
        """False where the conversation was deleted meanwhile: then nothing of it may stay."""
        said = (self.answer, events, self._run.within(self._trace), self._figures, self.origins)
        for attempt in range(_SAVE_ATTEMPTS):
            try:
                await self._repository.finish(self._viewer, self._turn_id, ending, *said)
                return True
            except PartUnavailable:
                logger.warning("turn %s: its end is not saved yet (attempt %d)", self._turn_id, attempt + 1)
                with suppress(PartUnavailable):
                    await self._log.renew_lease(self._turn_id)
                await asyncio.sleep(_RETRY_S)
            except NotFound:
                return False
        return True

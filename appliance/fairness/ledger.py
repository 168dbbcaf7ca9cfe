"""What was asked and what it used: one row a request, there before the first byte of its answer leaves.

Start rows are committed in groups, beside the engine's work: a row is written once the engine has its request, or when
somebody waits for it; those that come while a commit runs share the next one. Ends are written in batches. A row whose
process died without ending it is ended by the others. Knows nothing of SQL.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol
from uuid import UUID, uuid4

from appliance.domain import Caller
from appliance.errors import ApplianceError, PartUnavailable, QueueFull
from appliance.fairness.background import end, for_ever
from inference.errors import EngineStreamBroken, InferenceError
from inference.types import Usage

logger = logging.getLogger(__name__)

Status = Literal["completed", "client_gone", "revoked", "refused", "failed", "broken"]

REVOKED = "revoked"
"""Message of the cancellation that ends a request whose credential was withdrawn."""

STOPPING = "stopping"
"""Message of the cancellation when the process stops and the request has not ended in time."""

GONE = "gone"
"""Message of the cancellation when the client closed the connection."""

SLOW_READER = "slow_reader"
"""Message of the cancellation when we closed it, because the client did not take its answer."""

_LATEST_S = 0.05  # a request in the queue is on disk by then
_ENDS_EVERY_S = 0.05
_BATCH = 200
_MOST_UNWRITTEN_ENDS = 50_000
_BEAT_S = 5.0
_DEAD_AFTER_S = 30.0
_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class RequestStart:
    """A request as it was accepted. id is ours and unique; request_id is the caller's name for it, if it sent one.

    part_of: the request on whose behalf this one was made, such as a pipeline's.
    """

    id: UUID
    request_id: str
    user_id: UUID
    key_id: UUID | None
    model: str
    route: str
    started_at: datetime
    part_of: UUID | None = None


@dataclass(slots=True)
class RequestEnd:
    """How it ended. Times in milliseconds from the start; is_estimated: the engine told no usage."""

    status: Status = "failed"
    engine: str | None = None
    usage: Usage = field(default_factory=Usage)
    is_estimated: bool = False
    finish_reason: str | None = None
    wait_ms: float | None = None
    ttft_ms: float | None = None
    total_ms: float | None = None
    error_code: str | None = None


class UsageRepository(Protocol):
    """Where the rows are kept. Everything raises PartUnavailable."""

    async def record_starts(self, worker: UUID, starts: Sequence[RequestStart]) -> None:
        """Committed when this returns."""
        ...

    async def record_ends(self, ends: Sequence[tuple[UUID, RequestEnd]]) -> None: ...

    async def beat(self, worker: UUID) -> None:
        """This process is alive."""
        ...

    async def end_orphans(self, dead_after_s: float) -> int:
        """End, as unknown, what belongs to processes not heard of for so long; returns how many rows."""
        ...

    async def close(self) -> None: ...


class Entry:
    """One request's row while it runs."""

    __slots__ = ("_committed", "_hurry", "_started", "end", "start")

    def __init__(
        self,
        start: RequestStart,
        committed: asyncio.Future[None],
        hurry: Callable[[], None],
        started: float,
    ) -> None:
        self.start = start
        self.end = RequestEnd()
        self._committed = committed
        self._hurry = hurry
        self._started = started

    def hurry(self) -> None:
        """Write the start row now; needs no waiting."""
        if not self._committed.done():
            self._hurry()

    async def committed(self) -> None:
        """Wait until the start row is on disk. Raises PartUnavailable."""
        if not self._committed.done():
            self._hurry()
            await asyncio.shield(self._committed)
        self._committed.result()

    @property
    def is_settled(self) -> bool:
        """Whether the start row has been written, or never will be."""
        return self._committed.done()

    def note_failure(self, error: BaseException) -> None:
        """It did not end as it should: by a cancelled task, a client that left, or an error."""
        end = self.end
        match error:
            case asyncio.CancelledError() if STOPPING in error.args:
                end.status, end.error_code = "broken", "gateway_stopping"
            case asyncio.CancelledError() if SLOW_READER in error.args:
                end.status, end.error_code = "client_gone", "slow_reader"
            case asyncio.CancelledError() | GeneratorExit():
                end.status = "revoked" if REVOKED in error.args else "client_gone"
            case ConnectionError():
                end.status = "client_gone"
            case QueueFull():
                end.status, end.error_code = "refused", error.code
            case EngineStreamBroken():
                end.status, end.error_code = "broken", error.code
            case InferenceError() | ApplianceError():
                end.status, end.error_code = "failed", error.code
            case _:
                end.status, end.error_code = "failed", "internal_error"

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000


class Ledger:
    """Begins and finishes rows; open() before the first, close() after the last writes what is left.

    on_finish: told of every row that ended; must not fail.
    """

    def __init__(
        self,
        repository: UsageRepository,
        worker: UUID | None = None,
        on_finish: Callable[[Entry], None] | None = None,
    ) -> None:
        self._repository = repository
        self.worker = worker or uuid4()
        self._on_finish = on_finish
        self._starts: list[RequestStart] = []
        self._group: asyncio.Future[None] | None = None
        self._ends: list[Entry] = []
        self._has_starts = asyncio.Event()
        self._has_ends = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ends_writer: asyncio.Task[None] | None = None
        self._is_closing = False

    async def open(self) -> None:
        """Begin to write."""
        loops = (self._write_starts, self._beat_for_ever)
        self._tasks = [asyncio.create_task(for_ever(loop)) for loop in loops]
        self._ends_writer = asyncio.create_task(self._write_ends())

    async def close(self) -> None:
        """Write what can be written, then stop."""
        self._is_closing = True
        self._has_ends.set()
        if self._ends_writer is not None:
            await asyncio.wait([self._ends_writer], timeout=3.0)
        await end([*self._tasks, self._ends_writer])
        await self._repository.close()

    def begin(
        self, caller: Caller, model: str, route: str, request_id: str = "", part_of: UUID | None = None
    ) -> Entry:
        """Note that a request was accepted; its row is written when the entry is hurried, at the latest after 50 ms.

        Raises PartUnavailable while too many ends wait to be written.
        """
        if len(self._ends) > _MOST_UNWRITTEN_ENDS:
            raise PartUnavailable("Usage cannot be recorded: PostgreSQL does not take it.")
        if self._group is None:
            self._group = asyncio.get_running_loop().create_future()
            self._group.add_done_callback(_look_at_exception)
        row_id = uuid7()
        start = RequestStart(
            id=row_id,
            request_id=request_id or str(row_id),
            user_id=caller.user_id,
            key_id=caller.key_id,
            model=model,
            route=route,
            started_at=datetime.now(UTC),
            part_of=part_of,
        )
        self._starts.append(start)
        loop = asyncio.get_running_loop()
        loop.call_later(_LATEST_S, self._write_now)
        return Entry(start, self._group, self._write_now, time.perf_counter())

    def finish(self, entry: Entry) -> None:
        """The request ended, as entry.end says. Never waits, never fails."""
        if entry.end.total_ms is None:
            entry.end.total_ms = entry.elapsed_ms()
        entry.hurry()
        self._ends.append(entry)
        self._has_ends.set()
        if self._on_finish is not None:
            self._on_finish(entry)

    def _write_now(self) -> None:
        if self._starts:
            self._has_starts.set()

    async def _write_starts(self) -> None:
        while True:
            await self._has_starts.wait()
            starts, group = self._starts, self._group
            self._starts, self._group = [], None
            self._has_starts.clear()
            assert group is not None
            try:
                await self._repository.record_starts(self.worker, starts)
                group.set_result(None)
            except PartUnavailable as error:
                group.set_exception(error)
            except asyncio.CancelledError:
                group.set_exception(PartUnavailable("The gateway is stopping."))
                raise
            except Exception as error:  # these requests are refused, the next ones must not be
                logger.exception("start rows could not be written")
                group.set_exception(PartUnavailable(f"Usage cannot be recorded: {error}."))

    async def _write_ends(self) -> None:
        while not (self._is_closing and not self._ends):
            await self._has_ends.wait()
            if not self._is_closing:
                await asyncio.sleep(_ENDS_EVERY_S)
            self._has_ends.clear()
            ready = [entry for entry in self._ends if entry.is_settled]
            if not ready and self._ends:
                self._has_ends.set()
                await asyncio.sleep(_ENDS_EVERY_S)
            for first in range(0, len(ready), _BATCH):
                await self._write_batch(ready[first : first + _BATCH])

    async def _write_batch(self, batch: Sequence[Entry]) -> None:
        while True:
            try:
                await self._repository.record_ends([(entry.start.id, entry.end) for entry in batch])
                break
            except PartUnavailable:
                logger.warning("%d finished requests wait to be written", len(self._ends))
                await asyncio.sleep(_RETRY_S)
            except Exception:  # a row that cannot be written must not hold up the others
                logger.exception("%d ends could not be written: %s", len(batch), [e.start.id for e in batch])
                break
        written = set(map(id, batch))
        self._ends = [entry for entry in self._ends if id(entry) not in written]

    async def _beat_for_ever(self) -> None:
        """Tell that we live. Whoever has done so without a break for long enough may end what the dead left."""
        unbroken = 0
        while True:
            try:
                await self._repository.beat(self.worker)
                unbroken += 1
                # After an outage of PostgreSQL everybody looks dead until everybody has had time to beat.
                if unbroken * _BEAT_S > _DEAD_AFTER_S:
                    ended = await self._repository.end_orphans(_DEAD_AFTER_S)
                    if ended:
                        logger.warning("%d requests of processes that died were ended as unknown", ended)
            except PartUnavailable:
                unbroken = 0
            await asyncio.sleep(_BEAT_S)


def uuid7() -> UUID:
    """A time-ordered id (RFC 9562), so that the newest rows lie together in the index."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return UUID(int=value)


def _look_at_exception(group: asyncio.Future[None]) -> None:
    if not group.cancelled():
        group.exception()  # nobody may have been left to wait for it

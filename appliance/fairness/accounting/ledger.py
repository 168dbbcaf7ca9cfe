"""What was asked and what it used: one row a request, there before the first byte of its answer leaves.

Start rows are made durable in groups, beside the engine's work: a row is written once the engine has its request, or
when somebody waits for it; those that come while a group is written share the next one. Ends travel with the starts,
or soon by themselves. Where the rows go is `recording.py`'s business.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from appliance.domain.people import Caller
from appliance.errors import (
    ApplianceError,
    CloudRefusedByBudget,
    PartUnavailable,
    QueueFull,
    QuotaExceeded,
    RateLimited,
)
from appliance.fairness.accounting.ledger_rows import (
    RequestEnd,
    RequestStart,
    Status,
    end_row,
    start_row,
    uuid7,
)
from appliance.fairness.accounting.metering import Counts, Meter, Metered
from appliance.fairness.accounting.pricing import NO_PRICES, Prices, Used
from appliance.fairness.accounting.recording import Recording
from appliance.fairness.background import end
from appliance.fairness.cancellation import GONE, REVOKED, SLOW_READER, STOPPING
from inference.errors import EngineStreamBroken, InferenceError

__all__ = [
    "GONE",
    "REVOKED",
    "STOPPING",
    "Entry",
    "Ledger",
    "RequestEnd",
    "RequestStart",
    "Status",
    "uuid7",
]

logger = logging.getLogger(__name__)

C = TypeVar("C", bound=Counts)

_LATEST_START_S = 0.05  # a request in the queue is on disk by then
_LATEST_END_S = 0.01  # where no start takes it along before
_MOST_ENDS = 1000  # in one write
_CLOSING_S = 4.0  # PostgreSQL may take its patience to be found away, then the spool is written


class _Group:
    """Start rows that are written together. Whoever waits has a future of its own, which may be cancelled."""

    __slots__ = ("is_settled", "refusal", "waiters")

    def __init__(self) -> None:
        self.is_settled = False
        self.refusal: PartUnavailable | None = None
        self.waiters: list[asyncio.Future[None]] = []

    def settle(self, refusal: PartUnavailable | None) -> None:
        """They are durable, or there is a reason why they are not."""
        self.is_settled, self.refusal = True, refusal
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)


class Entry:
    """One request's row while it runs."""

    __slots__ = ("_group", "_hurry", "_meter", "_metered", "_started", "end", "start")

    def __init__(
        self,
        start: RequestStart,
        group: _Group,
        hurry: Callable[[], None],
        started: float,
        meter: Meter | None = None,
    ) -> None:
        self._meter = meter
        self._metered: Metered | None = None
        self.start = start
        self.end = RequestEnd()
        self._group = group
        self._hurry = hurry
        self._started = started

    def hurry(self) -> None:
        """Write the start row now; needs no waiting."""
        if not self._group.is_settled:
            self._hurry()

    async def committed(self) -> None:
        """Wait until the start row is on disk. Raises PartUnavailable."""
        group = self._group
        if not group.is_settled:
            self._hurry()
            waiter = asyncio.get_running_loop().create_future()
            group.waiters.append(waiter)
            await waiter
        if group.refusal is not None:
            raise group.refusal

    @property
    def is_settled(self) -> bool:
        """Whether the start row has been written, or never will be."""
        return self._group.is_settled

    def runs_on(self, engine: str, wait_ms: float) -> None:
        """From now on it has this engine, after so long in the queue; told at every move. Engine time adds up."""
        self.end.engine, self.end.wait_ms = engine, wait_ms
        self._stop_metering()
        if self._meter is not None:
            self._metered = self._meter.begin(engine)

    def written_to(self, scan: C) -> C:
        """Its answer has begun, and is counted there."""
        if self._metered is not None:
            self._metered.scan = scan
        return scan

    def _stop_metering(self) -> None:
        metered, self._metered = self._metered, None
        if metered is None or self._meter is None:
            return
        self._meter.end(metered)
        end = self.end
        end.engine_seconds = (end.engine_seconds or 0.0) + metered.seconds
        if metered.joules is not None:
            end.joules = (end.joules or 0.0) + metered.joules

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
            case QueueFull() | RateLimited() | QuotaExceeded() | CloudRefusedByBudget():
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

    on_finish: told of every row that ended; must not fail. prices: of tokens, seconds and energy.
    """

    def __init__(
        self,
        recording: Recording,
        on_finish: Callable[[Entry], None] | None = None,
        prices: Prices = NO_PRICES,
    ) -> None:
        self.recording = recording
        self._on_finish = on_finish
        self._prices = prices
        self.meter = Meter()
        self._starts: list[RequestStart] = []
        self._group: _Group | None = None
        self._ends: list[Entry] = []
        self._has_work = asyncio.Event()
        self._is_start_timed = self._is_end_timed = False
        self._writer: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def worker(self) -> UUID:
        """Under this id the process beats; rows that it leaves open are ended by the others."""
        return self.recording.worker

    async def open(self) -> None:
        """Begin to write."""
        await self.recording.open()
        self._writer = asyncio.create_task(self._write_for_ever())

    async def close(self) -> None:
        """Write what can be written, then stop."""
        self._is_closing = True
        self._has_work.set()
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=_CLOSING_S)
        await end([self._writer])
        await self.recording.close()

    def begin(
        self, caller: Caller, model: str, route: str, request_id: str = "", part_of: UUID | None = None
    ) -> Entry:
        """Note that a request was accepted; its row is written when the entry is hurried, at the latest after 50 ms.

        Raises PartUnavailable where rows cannot be kept, or by policy may not be accepted without PostgreSQL.
        """
        self.recording.require_room()
        if self._group is None:
            self._group = _Group()
        row_id = uuid7()
        start = RequestStart(
            row_id,
            request_id or str(row_id),
            caller.user_id,
            caller.key_id,
            model,
            route,
            datetime.now(UTC),
            part_of,
        )
        self._starts.append(start)
        if not self._is_start_timed:  # one timer for all: a row may so be written earlier, never later
            self._is_start_timed = True
            asyncio.get_running_loop().call_later(_LATEST_START_S, self._start_time_is_up)
        return Entry(start, self._group, self._write_now, time.perf_counter(), self.meter)

    def finish(self, entry: Entry) -> None:
        """The request ended, as entry.end says, which gets its cost. Never waits, never fails."""
        end = entry.end
        if end.total_ms is None:
            end.total_ms = entry.elapsed_ms()
        entry._stop_metering()
        start = entry.start
        used = Used(end.usage, end.audio_seconds, end.engine_seconds)
        end.cost = self._prices.cost_of(end.priced_as or start.model, end.engine, used, start.started_at)
        end.energy_cost = self._prices.energy_cost(end.joules, start.started_at)
        entry.hurry()
        self._ends.append(entry)
        self._time_ends()
        if self._on_finish is not None:
            self._on_finish(entry)

    def _write_now(self) -> None:
        if self._starts:
            self._has_work.set()

    def _start_time_is_up(self) -> None:
        self._is_start_timed = False
        self._write_now()

    def _time_ends(self) -> None:
        if not self._is_end_timed:
            self._is_end_timed = True
            asyncio.get_running_loop().call_later(_LATEST_END_S, self._end_time_is_up)

    def _end_time_is_up(self) -> None:
        self._is_end_timed = False
        if self._ends:
            self._has_work.set()

    async def _write_for_ever(self) -> None:
        while self._starts or self._ends or not self._is_closing:
            if not self._is_closing:
                await self._has_work.wait()
            self._has_work.clear()
            await self._write_group()

    async def _write_group(self) -> None:
        """All starts that wait, and the ends of those that were written before. Never fails."""
        group, starts = self._group, self._starts
        self._group, self._starts = None, []
        ends = [entry for entry in self._ends[:_MOST_ENDS] if entry.is_settled]
        self._ends = [entry for entry in self._ends[:_MOST_ENDS] if not entry.is_settled] + self._ends[
            _MOST_ENDS:
        ]
        refusal: PartUnavailable | None = None
        try:
            await self.recording.record(
                [start_row(self.worker, start) for start in starts],
                [end_row(entry.start.id, entry.end) for entry in ends],
            )
        except PartUnavailable as error:
            refusal = error
        except asyncio.CancelledError:
            refusal = PartUnavailable("The gateway is stopping.")
            raise
        except Exception as error:  # these requests are refused, the next ones must not be
            logger.exception("%d starts and %d ends could not be written", len(starts), len(ends))
            refusal = PartUnavailable(f"Usage cannot be recorded: {error}.")
        finally:
            if group is not None:
                group.settle(refusal)
        if self._ends:
            self._time_ends()

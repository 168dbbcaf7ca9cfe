"""The slots and places in line of this process: taken, renewed, handed on, given back.

Valkey's queue is shared by all gateway processes. While it is away each process goes on by itself with a small share
of the slots, first come first served, and puts everything back into the shared queue when it returns; so a burst is
never let through, and what runs is always counted. Knows nothing of HTTP, engines or users' rights.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress

from appliance.domain import Waiting
from appliance.errors import PartUnavailable, QueueFull
from appliance.fairness.background import end, for_ever
from appliance.fairness.fifo_admission import (
    Answer,
    Ask,
    Candidate,
    Full,
    Gone,
    Held,
    Place,
    Slot,
    choose_engine,
    local_share,
)
from appliance.fairness.fifo_queue import FifoQueue

logger = logging.getLogger(__name__)

OnWaiting = Callable[[Waiting], Awaitable[None]]

LEASE_S = 15.0
_REPORT_S = 1.0
_RETRY_S = 0.5
_SHORTEST_RETRY_S, _LONGEST_RETRY_S = 1.0, 120.0  # openai's clients do not retry beyond two minutes
_BATCH = 500


class _Request:
    """One request of this process, from its first ask to its release."""

    __slots__ = ("ask", "engine", "granted", "place", "ticket")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.ticket = 0
        self.place: Place | None = None
        self.engine: str | None = None
        self.granted = asyncio.Event()


class Lease:
    """A slot on an engine; release() it once, whatever happens."""

    def __init__(self, leases: Leases, request: _Request, wait_s: float) -> None:
        self._leases = leases
        self._request = request
        self.wait_s = wait_s

    @property
    def engine(self) -> str:
        """The engine that holds the slot."""
        assert self._request.engine is not None
        return self._request.engine

    async def move(self, candidates: tuple[Candidate, ...]) -> str:
        """Leave an engine that failed for one of these, at once or from the head of the queue. Returns its name.

        Raises QueueFull when none came free in time.
        """
        self.wait_s += await self._leases.move(self._request, candidates)
        return self.engine

    def release(self) -> None:
        """Give the slot back."""
        self._leases.release(self._request)


class Leases:
    """All of this process's leases. open() before the first, close() after the last.

    share: the part of an engine's slots this process may fill while Valkey is away.
    first_report_s: after this wait on_waiting is told the place again, then every second.
    """

    def __init__(
        self,
        queue: FifoQueue,
        *,
        share: float,
        max_queue: int,
        max_wait_s: float,
        first_report_s: float = _REPORT_S,
        lease_s: float = LEASE_S,
    ) -> None:
        self._queue = queue
        self._share = share
        self._max_queue = max_queue
        self._max_wait_s = max_wait_s
        self._first_report_s = min(first_report_s, _REPORT_S)
        self._lease_s = lease_s
        self._requests: dict[str, _Request] = {}
        self._left: deque[str] = deque(maxlen=100_000)
        self._sender: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._someone_waits = asyncio.Event()
        self.is_shared = True
        """False while Valkey is away and this process goes on by itself."""

    async def open(self) -> None:
        """Begin to listen for slots and to renew."""
        loops = (self._listen, self._renew_for_ever, self._watch_places)
        self._tasks = [asyncio.create_task(for_ever(loop)) for loop in loops]

    async def close(self) -> None:
        """Give everything back."""
        for request in list(self._requests.values()):
            self.release(request)
        if self._sender is not None:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._sender), 1.0)
        await end((*self._tasks, self._recovery, self._sender))

    @property
    def running(self) -> Counter[str]:
        """Requests of this process by the engine they run on."""
        return Counter(request.engine for request in self._requests.values() if request.engine)

    @property
    def waiting(self) -> int:
        """Requests of this process in line."""
        return sum(1 for _ in self._in_line())

    @property
    def waiting_in(self) -> Counter[tuple[str, str]]:
        """Requests of this process in line, by (pool, interactive or batch)."""
        return Counter((request.ask.pool, "interactive") for request in self._in_line())

    async def acquire(self, ask: Ask, on_waiting: OnWaiting | None = None) -> Lease:
        """A slot, after a wait if need be. Cancelling leaves the queue at once. Raises QueueFull."""
        request = _Request(ask)
        self._requests[ask.id] = request
        started = time.monotonic()
        try:
            await self._enter(request)
            await self._wait(request, on_waiting, started)
        except BaseException:
            self.release(request)
            raise
        return Lease(self, request, time.monotonic() - started)

    async def move(self, request: _Request, candidates: tuple[Candidate, ...]) -> float:
        """See Lease.move; returns the seconds it waited."""
        started = time.monotonic()
        ask = request.ask
        request.ask = Ask(ask.id, ask.user, ask.pool, candidates)
        request.engine = None
        request.granted.clear()
        try:
            if self.is_shared:
                self._take(request, await self._queue.move(request.ask))
            else:
                self._serve_locally()
        except PartUnavailable:
            self._go_alone()
        await self._wait(request, None, started)
        return time.monotonic() - started

    def release(self, request: _Request) -> None:
        """Give back a slot or a place; needs no waiting and may be called twice."""
        if self._requests.pop(request.ask.id, None) is None:
            return
        self._left.append(request.ask.id)
        if not self.is_shared:
            self._serve_locally()
        elif self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_left())

    # in line ------------------------------------------------------------------------------------------

    async def _enter(self, request: _Request) -> None:
        if self.is_shared:
            try:
                self._take(request, await self._queue.enter(request.ask, request.ticket))
                return
            except PartUnavailable:
                self._go_alone()
        if request.engine is None:
            if self.waiting > self._max_queue:
                raise QueueFull(retry_after_s=_bounded(None))
            self._serve_locally()

    async def _wait(self, request: _Request, on_waiting: OnWaiting | None, started: float) -> None:
        report_s = self._first_report_s
        while request.engine is None:
            self._someone_waits.set()
            if on_waiting is not None and request.place is not None:
                await on_waiting(Waiting(request.place.position, request.place.eta_s))
            left_s = started + self._max_wait_s - time.monotonic()
            if left_s <= 0:
                eta_s = request.place.eta_s if request.place else None
                raise QueueFull(f"This one waited {self._max_wait_s:.0f} s.", retry_after_s=_bounded(eta_s))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(request.granted.wait(), min(report_s, left_s))
            report_s = _REPORT_S

    def _take(self, request: _Request, answer: Answer) -> None:
        if request.engine is not None:
            return  # it was given a slot while the answer travelled; renewing tells the queue which
        if isinstance(answer, Slot):
            self._grant(request, answer.engine)
        elif isinstance(answer, Place):
            request.place, request.ticket = answer, answer.ticket
        elif isinstance(answer, Full):
            raise QueueFull(retry_after_s=_bounded(answer.eta_s))

    def _grant(self, request: _Request, engine: str) -> None:
        request.engine = engine
        request.place = None
        request.granted.set()

    def _in_line(self) -> Iterator[_Request]:
        return (request for request in self._requests.values() if request.engine is None)

    # the shared queue ---------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                async for grant in self._queue.grants():
                    if grant is None:
                        await self._ask_places()  # what came free before we listened
                    elif (request := self._requests.get(grant[0])) is not None:
                        self._take(request, Slot(grant[1]))
            except PartUnavailable:
                self._go_alone()
            await asyncio.sleep(_RETRY_S)

    async def _watch_places(self) -> None:
        while True:
            await self._someone_waits.wait()
            await asyncio.sleep(_REPORT_S)
            if not any(True for _ in self._in_line()):
                self._someone_waits.clear()
            elif self.is_shared:
                with suppress(PartUnavailable):
                    await self._ask_places()

    async def _ask_places(self) -> None:
        waiting = list(self._in_line())
        forgotten = []
        for start in range(0, len(waiting), _BATCH):
            places = await self._queue.places([request.ask.id for request in waiting[start : start + _BATCH]])
            for request in waiting[start : start + _BATCH]:
                answer = places.get(request.ask.id, Gone())
                if isinstance(answer, Gone) and request.ticket:
                    forgotten.append(request)
                self._take(request, answer)
        await self._renew(forgotten)

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            if self.is_shared:
                try:
                    await self._renew(list(self._requests.values()))
                except PartUnavailable:
                    self._go_alone()

    async def _renew(self, requests: Sequence[_Request]) -> None:
        # One without a ticket has just asked and is not in line yet; one released meanwhile must not come back.
        for start in range(0, len(requests), _BATCH):
            held = [
                Held(request.ask, request.ticket, request.engine)
                for request in requests[start : start + _BATCH]
                if request.ask.id in self._requests and (request.engine or request.ticket)
            ]
            if held:
                await self._queue.renew(held)

    async def _send_left(self) -> None:
        while self._left:
            ids = list(self._left)[:_BATCH]
            try:
                await self._queue.leave(ids)
            except PartUnavailable:
                self._go_alone()
                return
            for _ in ids:
                self._left.popleft()

    # alone --------------------------------------------------------------------------------------------

    def _go_alone(self) -> None:
        if not self.is_shared:
            return
        logger.warning(
            "Valkey is away: this process serves a share of %.2f of the slots by itself", self._share
        )
        self.is_shared = False
        self._serve_locally()
        self._recovery = asyncio.create_task(self._come_back())

    def _serve_locally(self) -> None:
        """Free slots of our share to those who wait, the oldest first, each pool by itself."""
        running, places = self.running, Counter[str]()
        for request in self._in_line():
            request.ticket = request.ticket or time.time_ns() // 1000
        for request in sorted(self._in_line(), key=lambda request: request.ticket):
            pool = request.ask.pool
            engine = choose_engine(local_share(request.ask.candidates, self._share), running)
            if engine is not None and not places[pool]:
                running[engine] += 1
                self._grant(request, engine)
            else:
                places[pool] += 1
                request.place = Place(places[pool], None, request.ticket)

    async def _come_back(self) -> None:
        while not self.is_shared:
            await asyncio.sleep(_RETRY_S)
            with suppress(PartUnavailable):
                await self._queue.ping()
                await self._renew(list(self._requests.values()))
                self.is_shared = True
                logger.warning("Valkey is back: the queue is shared again")
                # Once more: what changed while the first call travelled.
                await self._renew(list(self._requests.values()))
                await self._send_left()
                await self._ask_places()


def _bounded(eta_s: float | None) -> float:
    return min(max(eta_s if eta_s is not None else 5.0, _SHORTEST_RETRY_S), _LONGEST_RETRY_S)

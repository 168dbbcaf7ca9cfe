"""The slots and places in line of this process: taken, kept, handed on, given back.

Valkey's queue is shared by all gateway processes. While it is away, or slow, each process goes on by itself by the same
rules with a small share of the slots (`local_queue.py`), and puts everything back into the shared queue when it
returns; so a burst is never let through, and what runs is always counted. Knows nothing of HTTP, engines or rights.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from appliance.errors import PartUnavailable
from appliance.fairness.admission import (
    Answer,
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Gone,
    Leaving,
    Place,
    Spent,
)
from appliance.fairness.background import end, for_ever
from appliance.fairness.lease import REPORT_S, Lease, OnWaiting, Request, Requests, restoring
from appliance.fairness.queue import operations
from appliance.fairness.queue.local_queue import LocalQueue, QueueClock
from appliance.fairness.queue.operations import unpack_answer, unpack_grants
from appliance.fairness.queue.queue_calls import Operation, QueueCalls, Reply
from appliance.fairness.queue.queue_state import QueueState
from appliance.fairness.queue.script import LOST_CHANNEL, PREFIX, grants_channel
from appliance.fairness.queue.shared_queue import QueueBroken, QueueLost, SharedQueue
from appliance.fairness.valkey.valkey_contact import ValkeyContact
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.fairness.waiting import Crosses, wait_for_turn

logger = logging.getLogger(__name__)

LEASE_S = 15.0
_RENEWALS = 6  # a lease, each with a look for dead workers
_POKE_S = 0.1
_POKES_A_PLACE = 10
_PLACES_AT_ONCE = 250  # some 10 ms of Valkey's time; when more wait, others are asked about in each second
_MOST_UNTOLD = 100_000
_LEFT_AT_ONCE = 100
_CLOSING_S = 1.0
_LOOKS = 3
_MOST_TRIES = 10  # some are lost with a connection that breaks; so many are not

_T = TypeVar("_T")


class Leases:
    """All of this process's leases. Made before `link` opens; open() before the first, close() after the last.

    share: the part of an engine's slots this process may fill while Valkey is away; workers: processes that share the
    limits then. first_report_s: after this wait on_waiting is told the place again. closed: engines that take nobody.
    """

    def __init__(
        self,
        queue: SharedQueue,
        link: ValkeyLink,
        rules: FairRules,
        *,
        share: float,
        workers: int = 1,
        max_wait_s: float,
        first_report_s: float = REPORT_S,
        closed: Callable[[], Sequence[Capacity]] = tuple,
    ) -> None:
        self._queue = queue
        self._rules = rules
        self._share = share
        self._workers = workers
        self._max_wait_s = max_wait_s
        self._closed = closed
        self._first_report_s = min(first_report_s, REPORT_S)
        self._calls = QueueCalls(queue, self._call_failed)
        self._clock = QueueClock()
        self._state = QueueState(link, PREFIX, queue.layout, queue.worker)
        self._contact = ValkeyContact(self._probe, self._go_alone, self._return, self._state.begin_anew)
        self._requests = Requests()
        self._untold: dict[str, Leaving] = {}
        """Ended, and the shared queue has not yet said that it knows."""
        self._entering = 0
        self._alone: LocalQueue | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._someone_waits = asyncio.Event()
        link.listen(grants_channel(queue.worker), self._heard)
        link.listen(LOST_CHANNEL, self._heard_of_loss)
        link.watch(self._link_changed)

    async def open(self) -> None:
        """Begin to renew and to look after those who wait."""
        loops = (self._renew_for_ever, self._watch_line, self._state.sweep_for_ever)
        self._tasks = [asyncio.create_task(for_ever(loop)) for loop in loops]

    async def close(self) -> None:
        """Give everything back."""
        for request in list(self._requests.values()):
            self.release(request, None)
        await self._calls.close(_CLOSING_S)
        await end(self._tasks)
        await self._contact.close()

    @property
    def is_shared(self) -> bool:
        """False while Valkey is away and this process goes on by itself."""
        return self._alone is None

    @property
    def requests(self) -> Requests:
        """Of this process."""
        return self._requests

    async def acquire(self, ask: Ask, tell: OnWaiting | None = None, way: Crosses | None = None) -> Lease:
        """A slot, after a wait if need be. Cancelling leaves the queue at once. way: to a slot elsewhere.

        Raises QueueFull, RateLimited, QuotaExceeded and LargerThanLimit.
        """
        request = Request(ask, self._clock.now_us())
        request.is_told = tell is not None
        self._requests[ask.id] = request
        started = self._now()
        try:
            await self._enter(request)
            if request.engine is None:
                await self._wait(request, tell, started, way)
        except BaseException:
            self.release(request, None)
            raise
        return Lease(self, request, self._now() - started)

    async def move(self, request: Request, candidates: tuple[Candidate, ...]) -> float:
        """See Lease.move; returns the seconds it waited."""
        started = self._now()
        request.ask = replace(request.ask, candidates=candidates)
        request.engine, request.turn, request.has_begun = None, None, False
        answer: Answer = Gone()
        tries = 0
        while self.is_shared and request.engine is None:
            try:
                moved = await self._calls.ask(operations.move(request.ask.id, candidates))
                answer = unpack_answer(moved, request.ask.limits)
                break
            except PartUnavailable:
                tries += 1
                await self._sure(tries)
        if self._alone is not None and request.engine is None:
            answer = self._alone.move(request.ask)
        if isinstance(answer, Gone) and request.engine is None:
            await self._enter(request)
        else:
            request.take(answer)
        self._hand_out()
        await self._wait(request, None, started)
        return self._now() - started

    def first_byte(self, request: Request) -> None:
        """See Lease.first_byte."""
        if request.has_begun:
            return
        request.has_begun = True
        if self._alone is not None:
            self._alone.first_byte(request.ask.id)
            self._hand_out()
        else:
            self._calls.ask(operations.first_byte(request.ask.id), may_wait=True)

    def grew(self, request: Request, completion_tokens: int) -> None:
        """See Lease.grew."""
        request.completion_tokens = completion_tokens
        if self._alone is not None:
            self._alone.grew(request.ask.id, completion_tokens)
        else:
            self._calls.ask(operations.grew(request.ask.id, completion_tokens), may_wait=True)

    def release(self, request: Request, spent: Spent | None) -> None:
        """Give back a slot or a place; needs no waiting and may be called twice."""
        if self._requests.pop(request.ask.id, None) is None:
            return
        leaving = Leaving(request.ask.id, spent)
        if len(self._untold) < _MOST_UNTOLD:
            self._untold[leaving.id] = leaving
        if self._alone is not None:
            self._alone.leave(leaving)
            self._hand_out()
        else:
            self._tell_left(leaving)

    async def learn(self, capacities: Sequence[Capacity]) -> None:
        """What engines can bear, at once. Raises PartUnavailable."""
        if self._alone is not None:
            self._alone.learn(capacities)
        elif capacities:
            await self._calls.ask(operations.learn(capacities))

    async def look(
        self, operation: Operation, unpack: Callable[[Reply], _T], alone: Callable[[LocalQueue], _T]
    ) -> _T:
        """What the queue that counts now has to tell: the shared one, or this process's. Raises PartUnavailable."""
        for _ in range(_LOOKS):
            if self._alone is not None:
                return alone(self._alone)
            with suppress(PartUnavailable):
                return unpack(await self._calls.ask(operation))
            await self._contact.sure()
        raise PartUnavailable("The queue cannot be looked at just now.")

    # in line ------------------------------------------------------------------------------------------

    async def _enter(self, request: Request) -> None:
        tries = 0
        while self.is_shared and request.engine is None:
            self._entering += 1
            try:
                answer = await self._calls.ask(operations.enter(request.ask))
            except PartUnavailable:
                tries += 1
                await self._sure(tries)
                continue
            finally:
                self._entering -= 1
            if self.is_shared:
                taken = unpack_answer(answer, request.ask.limits)
                if isinstance(taken, Place):
                    self._clock.heard(taken.ticket)
                request.take(taken)
                return
        if self._alone is not None and request.engine is None:
            request.take(self._alone.enter(request.ask))
            self._hand_out()

    async def _sure(self, tries: int) -> None:
        """Wait until it is known whether Valkey is away. One that never does what it is asked for is."""
        if tries >= _MOST_TRIES:
            self._contact.lose()
        await self._contact.sure()

    async def _wait(
        self, request: Request, tell: OnWaiting | None, started: float, way: Crosses | None = None
    ) -> None:
        begin, times = self._someone_waits.set, (started, self._max_wait_s, self._first_report_s)
        await wait_for_turn(request, tell, begin, *times, way)

    # the shared queue ---------------------------------------------------------------------------------

    def _heard(self, message: bytes) -> None:
        for id, engine in unpack_grants(message):
            request = self._requests.get(id)
            if request is not None and self.is_shared:
                request.grant(engine)

    def _heard_of_loss(self, _: bytes) -> None:
        if self.is_shared:
            self._put_back()

    def _tell_left(self, leaving: Leaving) -> None:
        def told(answer: asyncio.Future[Reply]) -> None:
            if not answer.cancelled() and answer.exception() is None:
                self._untold.pop(leaving.id, None)

        may_wait = not self._someone_waits.is_set()
        self._calls.ask(operations.leave(leaving), may_wait=may_wait).add_done_callback(told)

    def _put_back(self) -> None:
        """Tell the shared queue all that this process holds, and end what else it knows of us.

        It is asked before anything else that is asked from now on. What runs comes first: a slot that came free for it
        here is not free for others.
        """
        running = [request for request in self._requests.admitted() if request.engine is not None]
        waiting = [request for request in self._requests.admitted() if request.engine is None]
        for step in restoring(running):
            self._calls.ask(step)
        for leaving in self._untold.values():
            self._tell_left(leaving)
        for step in restoring(waiting):
            self._calls.ask(step)
        self._calls.ask(operations.known()).add_done_callback(self._end_unknown)
        for first in range(0, len(waiting), _PLACES_AT_ONCE):  # what was granted while nobody listened
            self._find_places(waiting[first : first + _PLACES_AT_ONCE])

    def _end_unknown(self, answer: asyncio.Future[Reply]) -> None:
        if answer.cancelled() or answer.exception() is not None or not self.is_shared:
            return
        for id in answer.result():
            if id not in self._requests and id not in self._untold:
                self._tell_left(Leaving(id))

    async def _watch_line(self) -> None:
        looks = 0
        while True:
            await self._someone_waits.wait()
            await asyncio.sleep(_POKE_S)
            looks += 1
            waiting = self._requests.in_line()
            if not waiting:
                self._someone_waits.clear()
                continue
            wanted = [r for r in waiting if r.is_told and r.is_admitted and looks % _POKES_A_PLACE == 0]
            first = looks * _PLACES_AT_ONCE % len(wanted) if len(wanted) > _PLACES_AT_ONCE else 0
            some = [*wanted[first:], *wanted[:first]][:_PLACES_AT_ONCE]
            if self._alone is not None:
                self._alone.poke()
                self._hand_out()
                for request in some:
                    request.take(self._alone.place(request.ask.id))
            else:
                self._calls.ask(operations.poke())
                self._find_places(some)

    def _find_places(self, waiting: Sequence[Request]) -> None:
        def found(answer: asyncio.Future[Reply]) -> None:
            if answer.cancelled() or answer.exception() is not None or not self.is_shared:
                return
            for request, place in zip(waiting, answer.result(), strict=True):
                if request.ask.id in self._requests:
                    request.take(unpack_answer(place, request.ask.limits))

        if waiting:
            asked = self._calls.ask(operations.places([request.ask.id for request in waiting]))
            asked.add_done_callback(found)

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._rules.lease_s / _RENEWALS)
            if self.is_shared:
                with suppress(PartUnavailable):
                    self._calls.ask(operations.poke())
                    self._calls.ask(operations.audit(is_urgent=False))
                    await self._renew()

    async def _renew(self) -> None:
        admitted = len(self._requests.admitted())
        entering = self._entering
        (known,) = await self._calls.ask(operations.renew())
        if self.is_shared and not admitted <= known <= admitted + entering:
            logger.warning("the queue knows %d requests of %d to %d", known, admitted, admitted + entering)
            self._put_back()

    # alone --------------------------------------------------------------------------------------------

    def _link_changed(self, is_connected: bool) -> None:
        if not is_connected:
            self._contact.doubt()

    def _call_failed(self, error: PartUnavailable) -> None:
        if isinstance(error, QueueLost):
            logger.warning("Valkey has lost the queue: it is put back")
            if self.is_shared:
                self._put_back()
        elif isinstance(error, QueueBroken):
            self._contact.break_off()
        else:
            self._contact.doubt()

    async def _probe(self) -> float | None:
        """How long Valkey takes for an answer; None: it has none. It is told what runs here, so that nobody is given
        these slots meanwhile."""
        asked_at = self._now()
        running = [request for request in self._requests.values() if request.engine is not None]
        left = list(self._untold.values())[:_LEFT_AT_ONCE]
        steps = [*restoring(running), *(operations.leave(leaving) for leaving in left)]
        try:
            await self._queue.step([*steps, operations.renew(), operations.audit()])
        except QueueBroken:
            self._contact.break_off()
            return None
        except PartUnavailable:
            return None
        except Exception:  # whatever it is, the way back must go on being looked for
            logger.exception("the queue could not be asked")
            return None
        for leaving in left:
            self._untold.pop(leaving.id, None)
        return self._now() - asked_at

    def _go_alone(self) -> None:
        logger.warning(
            "Valkey is away: this process serves a share of %.2f of the slots by itself", self._share
        )
        alone = LocalQueue(
            self._rules,
            self._queue.worker,
            self._clock,
            slots_share=self._share,
            limits_share=1 / self._workers,
        )
        self._alone = alone
        alone.learn(self._closed())
        alone.restore([request.held for request in self._requests.admitted()])
        for request in self._requests.admitted():
            if request.has_begun:
                alone.first_byte(request.ask.id)
        self._hand_out()

    def _hand_out(self) -> None:
        """Slots that came free in the local queue."""
        if self._alone is None:
            return
        for grant in self._alone.grants():
            if (request := self._requests.get(grant.id)) is not None:
                request.grant(grant.engine)

    def _return(self) -> None:
        if self._alone is not None:
            logger.warning("Valkey is back: the queue is shared again")
            self._alone = None
            self._calls.ask(operations.returned())
        self._put_back()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

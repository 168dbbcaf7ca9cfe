"""A request on its way to an engine of its rung, and to another one where that fails before its first token.

It is sent to one other engine at most, within a bounded time and from a budget of the traffic; never once something of
an answer has been passed on. How every call ended is reported, so that the next request need not find it out again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace

from appliance.domain.answers import AnswerRung, Waiting
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.admission import Candidate
from appliance.fairness.answer_scan import StreamScan, WholeScan
from appliance.fairness.breakers.port import Breakers
from appliance.fairness.budgets.port import NOTHING_RESERVED, Reservation
from appliance.fairness.charging import most_tokens
from appliance.fairness.context_guard import Checked, as_too_long
from appliance.fairness.first_answer import Openings, Patience, first_answer
from appliance.fairness.kept_engines import KeptEngines
from appliance.fairness.lease import Lease, OnWaiting
from appliance.fairness.looking_ahead import Ahead
from appliance.fairness.relaying import prepared
from appliance.fairness.rotation import Probe, Rotation, Ways, out_of_rotation
from appliance.fairness.rungs import Rung
from inference.errors import CloudCannot, CloudRefused, EngineRefused, EngineStreamBroken, EngineUnavailable
from inference.failover.first_token import FirstTokens
from inference.failover.judging import may_move, outcome_of
from inference.failover.outcomes import Outcome, Report
from inference.failover.retry_budget import RetryBudget
from inference.failover.settings import FailoverSettings
from inference.types import EngineRequest, EngineResponse

logger = logging.getLogger(__name__)

_RETURNS = 3  # of an engine that died before the first byte; more, and the request may be what it dies of
_UNTOLD_TOKENS = 1024
_TOKENS_READ_WHILE_ONE_IS_WRITTEN = 16
_FAILURES = (EngineUnavailable, EngineRefused, EngineStreamBroken)


@dataclass(slots=True)
class Call:
    """One call to one engine. It is reported once.

    kind: what its time to the first byte is compared with. size_tokens: by what that grows.
    """

    engine: str
    model: str
    kind: str
    sent_s: float
    size_tokens: int
    is_probe: bool = False
    ttft_s: float | None = None
    is_reported: bool = False


@dataclass(slots=True)
class Attempt:
    """What has come of a request so far. head: the answer's first bytes, not passed on yet."""

    checked: Checked
    prompt_tokens: int
    scan: StreamScan | WholeScan = field(default_factory=WholeScan)
    lease: Lease | None = None
    reservation: Reservation = NOTHING_RESERVED
    has_moved: bool = False
    """Whether another engine than the first of its rung has it now."""
    rung: Rung | None = None
    """The way that is being tried."""
    has_failed: bool = False
    """Whether a way was tried before it."""
    tell: OnWaiting | None = None
    has_entered: bool = False
    """Whether a line has counted it among somebody's requests: the next one does not count it again."""
    head: bytes = b""
    call: Call | None = None
    probe: Probe | None = None
    ahead: Ahead | None = None
    first_sent_s: float | None = None

    @property
    def held(self) -> Lease:
        """The slot of the way that worked."""
        assert self.lease is not None
        return self.lease

    async def tell_trying(self, rung: AnswerRung) -> None:
        """Whoever waits hears what is tried now."""
        if self.tell is not None:
            await self.tell(Waiting(0, trying=rung))

    def give_back(self) -> None:
        """This way did not work: its slot is another one's."""
        lease, self.lease, self.has_moved = self.lease, None, False
        self.end_probe()
        if lease is not None:
            lease.release(None)

    def probes(self, engine: str) -> bool:
        """Whether it may be sent there although the engine is out of rotation."""
        return self.probe is not None and self.probe.engine == engine

    def take_probe(self, engine: str) -> bool:
        """The same; it is sent now, and from here on the call's report tells what came of the claim."""
        if self.probes(engine):
            assert self.probe is not None
            self.probe.is_open = False
            self.probe = None
            return True
        self.end_probe()  # it was for another way
        return False

    def end_probe(self) -> None:
        """What was claimed and never sent is given back."""
        probe, self.probe = self.probe, None
        if probe is not None:
            probe.give_back()


class Sender:
    """kept: engines that may come back by themselves. doubt: told of an engine that could not be reached."""

    def __init__(
        self,
        kept: KeptEngines,
        breakers: Breakers,
        settings: FailoverSettings,
        doubt: Callable[[str], None] = lambda _engine: None,
    ) -> None:
        self._kept = kept
        self._breakers = breakers
        self._settings = settings
        self._doubt = doubt
        self._rotation = Rotation(breakers)
        self._openings = Openings(breakers)
        self._budget = RetryBudget(settings.retry_share, settings.retry_reserve)
        self._usual = FirstTokens(settings)
        self._being_read: Counter[str] = Counter()

    async def close(self) -> None:
        """Stop listening."""
        await self._openings.close()

    async def ways(self, attempt: Attempt, rung: Rung) -> tuple[Candidate, ...]:
        """The engines that may be asked now. Raises EngineUnavailable where all are out of rotation."""
        ways: Ways = await self._rotation.ways(rung.routes)
        attempt.probe = ways.probe
        return ways.candidates

    async def send(
        self, entry: Entry, attempt: Attempt, rung: Rung, stack: AsyncExitStack, *, is_batch: bool
    ) -> EngineResponse:
        """Ask the engine that has the slot; where it fails before its first token, one other."""
        lease, returns_left = attempt.held, _RETURNS
        self._budget.earn()
        while True:
            await self._leave_open_circuit(attempt, rung)
            entry.runs_on(lease.engine, lease.wait_s * 1000)
            try:
                response = await self._ask(entry, attempt, rung, stack, is_batch=is_batch)
            except _FAILURES as failure:
                if returns_left and await self._comes_back(attempt, rung, failure):
                    returns_left -= 1
                    await lease.move(rung.routes.candidates)
                    continue
                others = self._others(attempt, rung, failure)
                if not others:
                    if isinstance(failure, EngineRefused):
                        raise as_too_long(
                            failure, attempt.checked.request, rung.routes.context_tokens
                        ) from failure
                    raise
                logger.warning("engine %s failed, moving on: %s", lease.engine, failure)
                attempt.has_moved = True
                await attempt.tell_trying(rung.reached(has_moved=True))
                await lease.move(others)
                continue
            entry.end.ttft_ms = entry.elapsed_ms()
            return response

    def end(self, attempt: Attempt, error: BaseException | None = None) -> None:
        """It is over, however it went; told once or more. error: what broke it off."""
        attempt.end_probe()
        call, scan = attempt.call, attempt.scan
        if call is None or call.is_reported:
            return
        if isinstance(error, EngineStreamBroken):
            self._report(call, Outcome.MALFORMED if error.is_malformed else Outcome.BROKEN)
        else:
            self._report(call, Outcome.SERVED if scan.is_done else Outcome.NOT_COUNTED)

    async def _ask(
        self, entry: Entry, attempt: Attempt, rung: Rung, stack: AsyncExitStack, *, is_batch: bool
    ) -> EngineResponse:
        lease, request, routes = attempt.held, attempt.checked.request, rung.routes
        own_name = routes.engines[lease.engine][1]
        loop = asyncio.get_running_loop()
        is_probe = attempt.take_probe(lease.engine)
        size_tokens = _size(request, attempt.prompt_tokens)
        call = attempt.call = Call(
            lease.engine, own_name, _kind(request, own_name), loop.time(), size_tokens, is_probe
        )
        if attempt.first_sent_s is None:
            attempt.first_sent_s = call.sent_s
        wire = replace(request, payload=prepared(request, own_name), is_batch=is_batch)
        # The loop comes to it when the engine has the request: writing takes a millisecond of this core.
        loop.call_soon(entry.hurry)
        with self._reading(call):
            response, attempt.head = await self._wait(attempt, rung, call, wire, stack)
        took_s = loop.time() - call.sent_s
        self._usual.took(call.engine, call.kind, call.size_tokens, took_s)
        if request.is_stream:
            call.ttft_s = took_s
        return response

    async def _wait(
        self, attempt: Attempt, rung: Rung, call: Call, wire: EngineRequest, stack: AsyncExitStack
    ) -> tuple[EngineResponse, bytes]:
        engine = rung.routes.engines[call.engine][0]
        if attempt.has_moved or (len(rung.routes.candidates) == 1 and rung.is_last):
            return await first_answer(engine, wire, stack)  # nobody else can be asked
        deadline_s = self._usual.deadline_s(call.engine, call.kind, call.size_tokens)

        def may_give_up(is_late: bool) -> bool:
            if is_late:  # else what is usual would be learned from those alone that were in time
                self._usual.took(call.engine, call.kind, call.size_tokens, deadline_s)
            if not self._is_in_time(attempt):
                return False
            if self._rotation.closed(rung.routes, but=call.engine):
                return self._may_give_up(call, rung, is_late=is_late)
            if not rung.is_last and attempt.ahead is not None:
                attempt.ahead.look(EngineUnavailable("It has sent no token yet."), rung, go_on)
            return False  # there is nothing to win, as far as is known now

        def go_on() -> None:
            self._report(call, Outcome.NOT_COUNTED)  # alone, it may be slow: others can go nowhere else
            patience.give_up()

        patience = Patience(self._openings, call.engine, call.model, deadline_s, may_give_up)
        return await patience.first_answer(engine, wire, stack)

    @contextmanager
    def _reading(self, call: Call) -> Iterator[None]:
        """Prompts that an engine reads beside each other delay each other, so they count as one."""
        own_tokens = call.size_tokens
        call.size_tokens += self._being_read[call.engine]
        self._being_read[call.engine] += own_tokens
        try:
            yield
        finally:
            self._being_read[call.engine] -= own_tokens

    # another one ---------------------------------------------------------------------------------------

    async def _leave_open_circuit(self, attempt: Attempt, rung: Rung) -> None:
        """Its circuit may have opened while the request waited for this slot. Raises EngineUnavailable."""
        lease, rotation = attempt.held, self._rotation
        while not attempt.probes(lease.engine) and not rotation.is_closed(rung.routes, lease.engine):
            others = rotation.closed(rung.routes, but=lease.engine)
            if not others:
                raise out_of_rotation()
            await lease.move(others)

    async def _comes_back(self, attempt: Attempt, rung: Rung, failure: Exception) -> bool:
        """Whether the engine is ours and is on its way back, and no other one can be asked meanwhile."""
        engine = attempt.held.engine
        assert attempt.call is not None
        if (
            attempt.call.is_reported or not rung.is_last
        ):  # it was given up, or others are asked before it returns
            return False
        if not isinstance(failure, EngineUnavailable) or self._rotation.closed(rung.routes, but=engine):
            return False
        if not await self._kept.failed(engine):
            return False
        logger.warning("engine %s is away: the request waits for its return", engine)
        self._report(attempt.call, Outcome.NOT_COUNTED)  # whoever keeps it knows better
        return True

    def _others(self, attempt: Attempt, rung: Rung, failure: Exception) -> tuple[Candidate, ...]:
        """Where the request may go after the failure, which is reported; nowhere: it has had its chance."""
        call, outcome = attempt.call, outcome_of(failure)
        assert call is not None
        retry_after_s = failure.retry_after_s if isinstance(failure, EngineRefused | CloudRefused) else None
        if not call.is_reported and outcome is Outcome.UNREACHABLE:
            self._doubt(call.engine)
        self._report(call, outcome, retry_after_s)
        may_go = may_move(outcome) or isinstance(failure, CloudCannot)  # who knows less was not sent anything
        if attempt.has_moved or not may_go or not self._is_in_time(attempt):
            return ()
        others = self._rotation.closed(rung.routes, but=call.engine)
        return others if others and self._may_retry(call, rung) else ()

    def _may_give_up(self, call: Call, rung: Rung, *, is_late: bool) -> bool:
        if is_late:
            self._report(call, Outcome.SILENT)
            return self._may_retry(call, rung)
        self._report(call, Outcome.NOT_COUNTED)  # it opened by what others met with
        return True

    def _may_retry(self, call: Call, rung: Rung) -> bool:
        """Where its circuit has opened, a second sending doubles nothing: nobody else is sent there first."""
        if not self._rotation.is_closed(rung.routes, call.engine):
            return True
        return self._budget.take(asyncio.get_running_loop().time())

    def _is_in_time(self, attempt: Attempt) -> bool:
        since_s = attempt.first_sent_s
        now_s = asyncio.get_running_loop().time()
        return since_s is None or now_s - since_s <= self._settings.move_within_s

    def _report(self, call: Call, outcome: Outcome, retry_after_s: float | None = None) -> None:
        if not call.is_reported:
            call.is_reported = True
            took_s = asyncio.get_running_loop().time() - call.sent_s
            self._breakers.report(
                Report(call.engine, call.model, outcome, call.ttft_s, retry_after_s, call.is_probe, took_s)
            )


def _kind(request: EngineRequest, model: str) -> str:
    """What is compared with what: an answer that comes whole takes as long as its writing."""
    return model if request.is_stream else f"{model} {request.route}"


def _size(request: EngineRequest, prompt_tokens: int) -> int:
    """By what the time until the first byte grows: the prompt; of an answer that comes whole, its writing too."""
    if request.is_stream:
        return prompt_tokens
    most = most_tokens(request)
    return prompt_tokens + _TOKENS_READ_WHILE_ONE_IS_WRITTEN * (_UNTOLD_TOKENS if most is None else most)

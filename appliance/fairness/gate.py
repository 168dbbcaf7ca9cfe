"""The one way to an engine: who may, whose turn it is, what was used.

Admission happens at the engine call, with the final prompt, never around retrieval. Whatever happens to a call –
completed, the client gone, the engine broken – its slot is given back and its row in the ledger ended, when the stream
closes. Knows nothing of HTTP.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from appliance.domain.answers import AnswerRung, Dropped
from appliance.domain.people import Caller
from appliance.errors import NotPermitted
from appliance.fairness.accounting.ledger import Entry, Ledger
from appliance.fairness.admission import AppliedLimit, Ask, Candidate, LimitState, Share
from appliance.fairness.answer_scan import StreamScan, estimated_prompt_tokens
from appliance.fairness.breakers.port import NO_BREAKERS, Breakers
from appliance.fairness.budgets.port import NO_BUDGETS, Budgets
from appliance.fairness.charging import most_tokens, note_completion, note_delivery, note_usage, spent
from appliance.fairness.context_guard import Checked, ContextGuard
from appliance.fairness.conversations import conversation_of
from appliance.fairness.crossing import Crossing
from appliance.fairness.kept_engines import NOTHING_KEPT, KeptEngines, loading_of
from appliance.fairness.lease import OnWaiting
from appliance.fairness.leases import Leases
from appliance.fairness.looking_ahead import Ahead
from appliance.fairness.purpose import Purpose
from appliance.fairness.relaying import asks_usage, followed, one_chunk
from appliance.fairness.reserving import hold_money
from appliance.fairness.routing import Engines, Routes, Routing, added_up, chat_model_of, pools_of
from appliance.fairness.rungs import Climb, Ladder, OneRung, Rung
from appliance.fairness.sending import Attempt, Sender
from appliance.fairness.slots.load_watch import LoadWatch
from appliance.fairness.telling import Answerer, told_after_commit
from inference.chat_chunks import read_chunks
from inference.errors import EngineUnavailable
from inference.failover.settings import FailoverSettings
from inference.types import (
    ChatChunk,
    EngineLoad,
    EngineRequest,
    EngineResponse,
    EngineState,
    ModelInfo,
    Usage,
)

logger = logging.getLogger(__name__)

OnCounted = Callable[[str, Checked, Usage], None]

_CHAT = Purpose("/v1/chat/completions")
_USUAL_FAILOVER = FailoverSettings()


class SharesAndLimits(Protocol):
    """What the operator decided about people; `policy.Policy` fulfils it."""

    def shares_of(self, caller: Caller) -> tuple[Share, ...]:
        """From the outermost group to the person."""
        ...

    def limits_for(self, caller: Caller, *models: str) -> tuple[AppliedLimit, ...]:
        """models: every name under which the engine is asked."""
        ...


@dataclass(frozen=True, slots=True)
class GatedResponse(EngineResponse):
    """An engine's answer, how long it waited for its turn, and what is left of the limits that count for it.

    dropped: what of the prompt was left out, where the request allows it.
    """

    wait_ms: float = 0.0
    limits: tuple[LimitState, ...] = ()
    dropped: Dropped | None = None
    rung: AnswerRung = ""


@dataclass(frozen=True, slots=True)
class ChunkedAnswer:
    """An answer as pieces of text, and who gives it."""

    chunks: AsyncIterator[ChatChunk]
    served_by: str


class Gate:
    """Hands out engines. open() before the first, close() after the last."""

    def __init__(
        self,
        engines: Engines,
        leases: Leases,
        ledger: Ledger,
        loads: LoadWatch,
        policy: Callable[[], SharesAndLimits],
        *,
        default_slots: int,
        kept: KeptEngines = NOTHING_KEPT,
        ladder: Callable[[Routing], Ladder] | None = None,
        breakers: Breakers = NO_BREAKERS,
        budgets: Budgets = NO_BUDGETS,
        failover: FailoverSettings = _USUAL_FAILOVER,
        on_counted: OnCounted = lambda _engine, _counted, _usage: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """kept: engines whose models come and go. ladder: the ways to answer; None: the model that was asked for only.

        breakers: who is out of rotation. on_counted: told of each prompt that was counted before, with what the engine
        then read.
        """
        self.ledger = ledger
        self.leases = leases
        self.loads = loads
        self.policy = policy
        self.guard = ContextGuard(clock)
        self.on_counted = on_counted
        self.kept = kept
        self.budgets = budgets
        self._engines = engines
        self._routing = Routing(engines, loads.slots, default_slots)
        self.sender = Sender(kept, breakers, failover, engines.doubt)
        self.ladder = OneRung(self._routing.routes) if ladder is None else ladder(self._routing)

    async def open(self) -> None:
        """Begin to listen, write and watch."""
        await self.ledger.open()
        await self.leases.open()
        await self.loads.open()

    async def close(self) -> None:
        """Give back the slots, then write what is left to write."""
        await self.loads.close()
        await self.sender.close()
        await self.leases.close()
        await self.ledger.close()

    def engine_for(
        self,
        caller: Caller,
        model: str,
        purpose: Purpose = _CHAT,
        on_waiting: OnWaiting | None = None,
    ) -> GatedEngine:
        """The engine behind a model name or alias, for this caller; no slot is held yet.

        Raises NotPermitted (the key is not for that model) and ModelNotFound.
        """
        wanted = purpose.within or model
        routes = self.routes(model)
        if not (caller.scopes.allow_model(wanted) or caller.scopes.allow_model(routes.own_name)):
            raise NotPermitted(f"This key is not for the model {wanted!r}.", param="model")
        return GatedEngine(self, caller, model, purpose, on_waiting)

    def models(self) -> list[ModelInfo]:
        """Everything the engines serve, aliases included."""
        return self._engines.models()

    def chat_model(self, preferred: str = "", caller: Caller | None = None) -> str | None:
        """The preferred chat model, else the first one, of those with an engine that is up; None: no such model.

        One that would have to be loaded first is taken where it is preferred, or where no other is there.
        """
        return chat_model_of(self._engines, preferred, lambda model: self.ladder.may_answer(caller, model))

    def engine_states(self) -> list[EngineState]:
        """How every engine is."""
        return self._engines.states()

    def pools(self) -> dict[str, list[EngineState]]:
        """The engines that share one queue, by its name."""
        states = self.engine_states()
        found: dict[str, list[EngineState]] = {}
        for name, pool in pools_of(states).items():
            found.setdefault(pool, []).extend(state for state in states if state.name == name)
        return found

    def take_slots(self) -> None:
        """The engines' slots have been looked at again."""
        self._routing.forget()

    def routes(self, model: str) -> Routes:
        """Where a model can be answered: on this box, else in a cloud. Raises ModelNotFound."""
        return self._routing.anywhere(model)


class GatedEngine:
    """Fulfils inference.ports.ChatEngine: the engine behind a model name, one caller, one turn a call."""

    def __init__(
        self, gate: Gate, caller: Caller, model: str, purpose: Purpose, on_waiting: OnWaiting | None
    ) -> None:
        self.name = model
        self.by = Answerer()
        self.dropped: Dropped | None = None
        """What of its prompt was left out, where that was allowed."""
        self._gate = gate
        self._caller = caller
        self._purpose = purpose
        self._on_waiting = on_waiting
        self._is_batch = purpose.is_batch or caller.is_batch

    @property
    def served_by(self) -> str | None:
        """Who answered, `local:NAME` or `cloud:NAME`."""
        return self.by.served_by

    @property
    def rung(self) -> AnswerRung:
        """By which way the answers came, so far."""
        return self.by.rung

    def giving_way(self) -> GatedEngine:
        """The same engine for work that may wait until nobody interactive does."""
        purpose = replace(self._purpose, is_batch=True)
        engine = GatedEngine(self._gate, self._caller, self.name, purpose, self._on_waiting)
        engine.by = self.by
        return engine

    async def models(self) -> list[ModelInfo]:
        """The one model this engine is for."""
        return [model for model in self._gate.models() if model.id == self.name]

    async def load(self) -> EngineLoad:
        """The load of all engines that serve the model, added up."""
        known = map(self._gate.loads.load, self._gate.routes(self.name).engines)
        return added_up([load for load in known if load is not None])

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Asked of the first engine that is up, at once and unrecorded: it makes no token."""
        routes = self._gate.routes(self.name)
        engine, own_name = routes.engines[routes.candidates[0].engine]
        return await engine.count_tokens(own_name, text)

    async def fitted(self, request: EngineRequest) -> Checked:
        """As `relay` sends it: `truncation: "auto"` may cost the oldest turns. Raises PromptTooLong."""
        return await self._gate.guard.check(request, self._gate.routes(self.name))

    async def close(self) -> None:
        """Nothing of its own to close."""

    @asynccontextmanager
    async def relay(self, request: EngineRequest) -> AsyncIterator[GatedResponse]:
        """Wait for the turn, then pass the answer's bytes. The start row is committed before this is entered.

        Raises PromptTooLong, QueueFull, RateLimited, QuotaExceeded, PartUnavailable, EngineUnavailable,
        EngineRefused; while reading EngineStreamBroken.
        """
        gate = self._gate
        entry = gate.ledger.begin(
            self._caller, self.name, self._purpose.route, request.request_id, self._purpose.part_of
        )
        attempt = Attempt(Checked(request), estimated_prompt_tokens(request.payload))
        try:
            climb = gate.ladder.begin(self._caller, self.name, request, self._purpose)
            async with AsyncExitStack() as stack:
                response = await self._climb(entry, attempt, climb, stack)
                await entry.committed()
                lease = attempt.held
                if response.content_type.startswith("text/event-stream"):
                    attempt.scan = entry.written_to(StreamScan(asks_usage(request.payload)))
                    lease.first_byte()
                yield GatedResponse(
                    response.status,
                    response.content_type,
                    followed(attempt.head, response.frames, attempt.scan, lease),
                    response.served_by,
                    response.notes,
                    wait_ms=lease.wait_s * 1000,
                    limits=lease.limits,
                    dropped=attempt.checked.dropped,
                    rung=self.rung,
                )
            note_completion(entry, attempt.scan)
        except BaseException as error:
            gate.sender.end(attempt, error)
            entry.note_failure(error)
            note_delivery(entry, attempt.scan)
            raise
        finally:
            self._settle(entry, attempt)

    async def _climb(
        self, entry: Entry, attempt: Attempt, climb: Climb, stack: AsyncExitStack
    ) -> EngineResponse:
        """By the first way that works. Raises what the last one failed with."""
        ahead, failure = Ahead(climb), None
        attempt.ahead = stack.enter_context(closing(ahead))
        while True:
            rung = attempt.rung = await ahead.next(failure, attempt.rung)
            try:
                return await self._try(entry, attempt, climb, rung, stack)
            except Exception as error:
                if not attempt.rung.bears(error):
                    raise
                attempt.give_back()
                attempt.has_failed, failure = True, error

    async def _try(
        self, entry: Entry, attempt: Attempt, climb: Climb, rung: Rung, stack: AsyncExitStack
    ) -> EngineResponse:
        gate = self._gate
        await self._check(attempt, rung)
        ask = self._ask(entry, attempt, rung.routes, await gate.sender.ways(attempt, rung))
        is_absent = self._wake(rung.routes)
        told = attempt.tell = told_after_commit(self._on_waiting, entry, gate.kept, rung.routes)
        way = self._way_out(entry, attempt, climb, rung)
        if attempt.has_failed:
            await attempt.tell_trying(rung.kind)
        attempt.has_entered = True
        attempt.lease = await gate.leases.acquire(ask, told, way)
        if way is not None and way.taken is not None:
            rung = attempt.rung = way.taken
            is_absent = True
            await attempt.tell_trying(rung.kind)
        if is_absent:  # only now can the prompt be counted exactly
            await self._check(attempt, rung)
        await hold_money(gate.budgets, self._caller, self.name, entry, attempt, rung)
        response = await gate.sender.send(entry, attempt, rung, stack, is_batch=self._is_batch)
        engine, moved = attempt.held.engine, attempt.has_moved
        self.by.note(entry, rung, engine, response.served_by, has_moved=moved)
        return response

    def _way_out(self, entry: Entry, attempt: Attempt, climb: Climb, rung: Rung) -> Crossing | None:
        """Out of a line in which nobody has to wait for ever; None: whoever is in it stays."""

        async def find(wait_s: float) -> tuple[Rung, Ask] | None:
            other = await climb.instead(wait_s)
            if other is None:
                return None
            there = Attempt(await self._gate.guard.check(other.request, other.routes), attempt.prompt_tokens)
            with suppress(EngineUnavailable):
                ways = await self._gate.sender.ways(attempt, other)  # a probe not used is given back
                return other, self._ask(entry, there, other.routes, ways)
            return None

        return None if rung.most_wait_s is None else Crossing(self._gate.leases, rung.most_wait_s, find)

    async def _check(self, attempt: Attempt, rung: Rung) -> None:
        attempt.checked = await self._gate.guard.check(rung.request, rung.routes)
        self.dropped = attempt.checked.dropped
        attempt.prompt_tokens = attempt.checked.prompt_tokens or attempt.prompt_tokens

    def _settle(self, entry: Entry, attempt: Attempt) -> None:
        """It ended, however it did: what it used is charged, its slot and its row are closed."""
        gate, scan = self._gate, attempt.scan
        gate.sender.end(attempt)
        note_usage(entry, scan, attempt.prompt_tokens)
        if attempt.lease is not None:
            attempt.lease.release(spent(entry, scan, attempt.checked.request))
        gate.ledger.finish(entry)
        gate.budgets.settle(attempt.reservation, entry.end.cost)
        if scan.usage is not None:
            gate.on_counted(entry.end.engine or "", attempt.checked, scan.usage)
        if self._purpose.on_used is not None:
            self._purpose.on_used(entry.end.usage, entry.end.cost)

    @asynccontextmanager
    async def reading(self, request: EngineRequest) -> AsyncIterator[ChunkedAnswer]:
        """Like `relay`, parsed, and with the name of the engine that answers."""
        payload = {**request.payload, "stream": True, "stream_options": {"include_usage": True}}
        async with self.relay(replace(request, payload=payload)) as response:
            if response.content_type.startswith("text/event-stream"):
                chunks = read_chunks(response.frames)
            else:  # a server that cannot stream
                chunks = one_chunk(response.frames)
            yield ChunkedAnswer(chunks, response.served_by)

    async def stream(self, request: EngineRequest) -> AsyncIterator[ChatChunk]:
        """The same: text as it comes."""
        async with self.reading(request) as answer:
            async for chunk in answer.chunks:
                yield chunk

    def _wake(self, routes: Routes) -> bool:
        """Have the model brought into memory where it is in none. Returns whether it is not there yet.

        Raises ModelLoadFailed, ModelNotLoaded.
        """
        kept, names = self._gate.kept, [candidate.engine for candidate in routes.candidates]
        refusals = [refusal for refusal in map(kept.refusal, names) if refusal is not None]
        if len(refusals) == len(names):
            raise refusals[0]
        if loading_of(kept, names) is None:
            return False
        for name in names:
            kept.use(name)
        return True

    def _ask(self, entry: Entry, attempt: Attempt, routes: Routes, candidates: tuple[Candidate, ...]) -> Ask:
        caller, policy, request = self._caller, self._gate.policy(), attempt.checked.request
        limits = policy.limits_for(caller, routes.own_name, self.name, self._purpose.within or self.name)
        if attempt.has_entered:
            limits = tuple(limit for limit in limits if limit.kind != "requests_per_minute")
        return Ask(
            str(entry.start.id),
            routes.pool,
            routes.own_name,
            policy.shares_of(caller),
            candidates,
            attempt.prompt_tokens,
            most_tokens(request),
            self._is_batch,
            limits,
            request.request_id,
            conversation_of(caller.user_id, routes.own_name, request) if len(candidates) > 1 else "",
        )

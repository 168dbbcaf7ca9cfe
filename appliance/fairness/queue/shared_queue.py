"""One worker's way to the shared queue: Valkey holds it, the script alone changes it, many operations a call.

The rules are `fair_queue.py`'s, and a test holds the two together. Knows nothing of connections: it is handed something
that calls functions in Valkey.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Sequence
from typing import Any, Protocol

import orjson

from appliance.errors import PartUnavailable
from appliance.fairness.admission import Answer, Ask, Capacity, FairRules, Held, Leaving
from appliance.fairness.queue import operations as asked
from appliance.fairness.queue.operations import Operation
from appliance.fairness.queue.script import PREFIX, layout_of, library_of, lua_texts, packed_rules
from appliance.fairness.valkey.valkey_link import CommandRefused, ScriptForgotten

_PLACES_AT_ONCE = 250  # about 2 ms of Valkey's time


class Function(Protocol):
    """One key, then arguments; `valkey_link.Function` fulfils it."""

    def __call__(self, key: str, *arguments: bytes | str | int | float) -> Awaitable[list[bytes]]: ...

    def send(self, key: str, *arguments: bytes | str | int | float) -> asyncio.Future[list[bytes]]: ...


class RunsFunctions(Protocol):
    """`valkey_link.ValkeyLink` fulfils it. server_run: another one after a restart of Valkey."""

    @property
    def server_run(self) -> str: ...

    def function(self, name: str, library: str) -> Function: ...


class QueueLost(PartUnavailable):
    """Valkey came back without all it knew. The request is put back into the queue; try again."""


class QueueBroken(PartUnavailable):
    """The queue's records cannot be read. Until they are written anew this process serves its share of slots alone."""


class SharedQueue:
    """One worker's way to the queue. Every operation may be repeated. Raises what the script's caller raises."""

    def __init__(self, link: RunsFunctions, worker: str, rules: FairRules) -> None:
        self.worker = worker
        self._link = link
        texts = lua_texts()
        self.layout = layout_of(*texts)
        self._function = link.function(*library_of(*texts))
        self._rules = rules
        self._has_called = False
        self._packed_for = ("", False)
        self._packed = packed_rules(worker, rules)

    async def step(self, operations: Sequence[Operation]) -> list[Any]:
        """Carry these out in order, in one call; one unpacked JSON answer each.

        Raises QueueLost, with nothing done, in the first process that finds Valkey restarted or emptied; QueueBroken
        where the script stumbles over what it finds.
        """
        try:
            packed = await self._function(PREFIX, self._rules_now(), *operations)
        except CommandRefused as error:
            raise QueueBroken(str(error)) from error
        return self._answers(packed, operations)

    def send(self, operations: Sequence[Operation]) -> asyncio.Future[list[bytes]]:
        """The same without a task: `answers` reads what comes. Raises PartUnavailable."""
        return self._function.send(PREFIX, self._rules_now(), *operations)

    def answers(self, sent: asyncio.Future[list[bytes]], operations: Sequence[Operation]) -> list[Any] | None:
        """What came for these, as `step` answers and raises; None: Valkey has forgotten the script, take a step."""
        try:
            packed = sent.result()
        except ScriptForgotten:
            return None
        except CommandRefused as error:
            raise QueueBroken(str(error)) from error
        return self._answers(packed, operations)

    def _rules_now(self) -> bytes:
        state = (self._link.server_run, self._has_called)
        if state != self._packed_for:
            self._packed_for, self._packed = state, packed_rules(self.worker, self._rules, *state)
        return self._packed

    def _answers(self, packed: list[bytes], operations: Sequence[Operation]) -> list[Any]:
        try:
            answers = [orjson.loads(answer) for answer in packed]
        except (TypeError, ValueError) as error:
            raise QueueBroken(f"The queue answered what is not JSON: {packed!r:.200}") from error
        if answers and answers[0] == ["lost"]:
            raise QueueLost
        if len(answers) != len(operations):
            raise QueueBroken(f"The queue gave {len(answers)} answers to {len(operations)} questions.")
        self._has_called = True
        return answers

    async def enter(self, ask: Ask) -> Answer:
        """Take a slot or a place in line; Full or Refused leave no trace."""
        (answer,) = await self.step((asked.enter(ask),))
        return asked.unpack_answer(answer, ask.limits)

    async def leave(self, leavings: Sequence[Leaving]) -> None:
        """These ended, or gave up waiting."""
        await self.step([asked.leave(leaving) for leaving in leavings])

    async def first_byte(self, id: str) -> None:
        """Its prompt has been read."""
        await self.step((asked.first_byte(id),))

    async def grew(self, id: str, completion_tokens: int) -> None:
        """Its answer has so many tokens so far."""
        await self.step((asked.grew(id, completion_tokens),))

    async def move(self, ask: Ask) -> Answer:
        """Give back the slot of an engine that failed, for one of the candidates now named."""
        (answer,) = await self.step((asked.move(ask.id, ask.candidates),))
        return asked.unpack_answer(answer, ask.limits)

    async def learn(self, capacities: Sequence[Capacity]) -> None:
        """What engines can bear."""
        await self.step((asked.learn(capacities),))

    async def keep(self, engines: Collection[str]) -> None:
        """These engines there are; what is known of others is forgotten when nobody needs it."""
        await self.step((asked.keep(engines),))

    async def renew(self) -> int:
        """This worker lives; returns how many of its requests the queue knows."""
        ((count,),) = await self.step((asked.renew(),))
        return int(count)

    async def known(self) -> list[str]:
        """The requests that the queue holds for this worker."""
        (ids,) = await self.step((asked.known(),))
        return [str(id) for id in ids]

    async def restore(self, held: Sequence[Held]) -> None:
        """What this worker holds, after the queue lost it."""
        await self.step((asked.restore(held),))

    async def poke(self) -> None:
        """What time has brought: dead workers' slots, prompts that have been read."""
        await self.step((asked.poke(),))

    async def places(self, asks: Sequence[Ask]) -> list[Answer]:
        """Where these stand."""
        found: list[Answer] = []
        for first in range(0, len(asks), _PLACES_AT_ONCE):
            some = asks[first : first + _PLACES_AT_ONCE]
            (answers,) = await self.step((asked.places([ask.id for ask in some]),))
            found += [
                asked.unpack_answer(answer, ask.limits) for answer, ask in zip(answers, some, strict=True)
            ]
        return found

    async def unseeded(self) -> list[str]:
        """Budgets whose use before they were counted here is not known: "KIND START_MS SINCE_MS SCOPE"."""
        (members,) = await self.step((b'["unseeded"]',))
        return [str(member) for member in members]

    async def seed(self, budget: str, tokens: int) -> None:
        """What the ledger knows of such a budget."""
        await self.step((orjson.dumps(("seed", budget, tokens)),))

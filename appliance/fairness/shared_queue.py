"""The shared queue: Valkey holds it, `fair_queue.lua` alone changes it, many operations a call.

This is the script's caller: it packs operations and unpacks answers. The rules are `fair_queue.py`'s, and a test holds
the two together. Knows nothing of connections: it is handed something that calls functions in Valkey.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Sequence
from importlib import resources
from typing import Any, Protocol

import orjson

from appliance.errors import PartUnavailable
from appliance.fairness.admission import (
    Answer,
    AppliedLimit,
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Full,
    Gone,
    Held,
    Leaving,
    LimitState,
    Place,
    Refused,
    Slot,
)
from appliance.fairness.valkey_link import CommandRefused, ScriptForgotten
from appliance.fairness.virtual_time import node_path
from appliance.fairness.worker_leases import patience_us

PREFIX = "{gate}:"
LOST_CHANNEL = f"{PREFIX}lost"
"""Where all workers hear that Valkey may have lost something: each puts back what it holds."""
_LUA = (
    "limits",
    "queue_records",
    "queue_rules",
    "fair_queue",
    "queue_operations",
    "queue_survey",
    "queue_audit",
)
_SETTLE_MS = 2500  # a worker is connected again within a second, and trusts Valkey again half a second later
_SILENCE_US = 500_000  # a worker that has not called for so long may be alone
_PLACES_AT_ONCE = 250  # about 2 ms of Valkey's time

_RECORDS = re.compile(
    r"^local function (?:pack_|unpack_|new_request\b)\w*\(.*?^end$|^local (?:ENGINE|NODE|POOL)\b[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_KEYS = re.compile(r"(?:'(?:SET|HSET|HINCRBY|SADD|ZADD|RPUSH)', )?prefix \.\. '\w+:?'")
_FIELDS = re.compile(r"\brequest\.\w+(?=(?:, request\.\w+)* = )")

Operation = bytes
"""One packed step of the queue, made by the functions below."""


class Function(Protocol):
    """One key, then arguments; `valkey_link.Function` fulfils it."""

    def __call__(self, key: str, *arguments: bytes | str | int | float) -> Awaitable[list[bytes]]: ...

    def send(self, key: str, *arguments: bytes | str | int | float) -> asyncio.Future[list[bytes]]: ...


class RunsFunctions(Protocol):
    """`valkey_link.ValkeyLink` fulfils it. server_run: another one after a restart of Valkey."""

    @property
    def server_run(self) -> str: ...

    def function(self, name: str, library: str) -> Function: ...


def library_of(*texts: str) -> tuple[str, str]:
    """(name, library) of the one function that changes the queue. The name tells versions apart: both can run."""
    code = f"local LAYOUT = '{layout_of(*texts)}'\n" + "\n".join(texts)
    name = f"gate_{hashlib.sha256(code.encode()).hexdigest()[:12]}"
    return name, f"#!lua name={name}\n" + code.replace(
        "register_function(NAME", f"register_function('{name}'"
    )


def layout_of(*texts: str) -> str:
    """A digest of how the state is written: the keys, the packed records and the fields of a request.

    It stands in front of all keys of the state, so a record that is written otherwise is never met. Versions whose code
    differs only in rules share one queue while one replaces the other. Those whose records differ have a queue each,
    and for that moment each gives out all slots: engines keep the surplus in their own queue.
    """
    code = re.sub(r"--[^\n]*", "", "\n".join(texts))
    records = [" ".join(record.split()) for record in _RECORDS.findall(code)]
    names = sorted({*_KEYS.findall(code), *_FIELDS.findall(code)})
    return "q" + hashlib.sha256("\n".join([*records, *names]).encode()).hexdigest()[:8]


def state_prefix() -> str:
    """What stands before all keys of the state, until it has to begin anew: then an epoch follows."""
    return f"{PREFIX}{layout_of(*lua_texts())}:"


def lua_texts() -> tuple[str, str]:
    """The limits, and the queue that asks them."""
    room = resources.files("appliance.fairness")
    limits, *queue = ((room / f"{name}.lua").read_text(encoding="utf-8") for name in _LUA)
    return limits, "\n".join(queue)


def grants_channel(worker: str) -> str:
    """Where a worker hears of slots for its requests; `unpack_grants` reads a message."""
    return f"{PREFIX}worker:{worker}"


def unpack_grants(message: bytes) -> list[tuple[str, str]]:
    """(request, engine) of slots that came free."""
    return [(id, engine) for id, engine in orjson.loads(message)]


# operations -------------------------------------------------------------------------------------------


def enter(ask: Ask) -> Operation:
    """Answered by `unpack_answer`."""
    return orjson.dumps(("enter", _packed_ask(ask)))


def leave(leaving: Leaving) -> Operation:
    """It ended, or gave up waiting. Answers nothing."""
    spent = leaving.spent
    if spent is None:
        return orjson.dumps(("leave", leaving.id, -1, 0, 0, -1))
    answer = -1 if spent.completion_tokens is None else spent.completion_tokens
    prefill_ms = -1 if spent.prefill_ms is None else spent.prefill_ms
    return orjson.dumps(("leave", leaving.id, spent.prompt_tokens, spent.cached_tokens, answer, prefill_ms))


def first_byte(id: str) -> Operation:
    """Its prompt has been read. Answers nothing."""
    return orjson.dumps(("first_byte", id))


def grew(id: str, completion_tokens: int) -> Operation:
    """Its answer has so many tokens so far. Answers nothing."""
    return orjson.dumps(("grew", id, completion_tokens))


def move(id: str, candidates: Sequence[Candidate]) -> Operation:
    """Its engine failed: one of these. Answered by `unpack_answer`."""
    return orjson.dumps(("move", id, _packed_candidates(candidates)))


def learn(capacities: Sequence[Capacity]) -> Operation:
    """What engines can bear. Answers nothing."""
    return orjson.dumps(
        ("learn", [(c.engine, c.slots, -1 if c.kv_tokens is None else c.kv_tokens) for c in capacities])
    )


def renew() -> Operation:
    """Every call renews; this one answers [how many requests of this worker the queue knows]."""
    return b'["renew"]'


def known() -> Operation:
    """Answers the ids of this worker's requests."""
    return b'["known"]'


def returned() -> Operation:
    """This worker went on alone for a while and is back; asked before it restores. Answers nothing."""
    return b'["returned"]'


def poke() -> Operation:
    """Look for dead workers and prompts that have been read; somebody does once a second. Answers nothing."""
    return b'["poke"]'


def audit(is_urgent: bool = True) -> Operation:
    """Do the records agree with each other? Answers nothing; where they do not, the call fails with QueueBroken.

    Not urgent: nothing is done when they agreed two seconds ago.
    """
    return b'["audit",true]' if is_urgent else b'["audit",false]'


def restore(held: Sequence[Held]) -> Operation:
    """What a worker holds, as it says: what runs, runs; what waits keeps its ticket. Answers nothing."""
    return orjson.dumps(("restore", [(_packed_ask(h.ask), h.ticket, h.engine or "") for h in held]))


def places(ids: Sequence[str]) -> Operation:
    """Answers a list for `unpack_answer`."""
    return orjson.dumps(("places", ids))


def survey(most: int) -> Operation:
    """Every pool, with no more than `most` of its people and groups. Answered by `survey.unpack_pools`."""
    return orjson.dumps(("survey", most))


def standings(user: str, most: int) -> Operation:
    """A person's requests, of all workers. Answered by `survey.unpack_standings`."""
    return orjson.dumps(("standings", user, most))


# the caller -------------------------------------------------------------------------------------------


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
        (answer,) = await self.step((enter(ask),))
        return unpack_answer(answer, ask.limits)

    async def leave(self, leavings: Sequence[Leaving]) -> None:
        """These ended, or gave up waiting."""
        await self.step([leave(leaving) for leaving in leavings])

    async def first_byte(self, id: str) -> None:
        """Its prompt has been read."""
        await self.step((first_byte(id),))

    async def grew(self, id: str, completion_tokens: int) -> None:
        """Its answer has so many tokens so far."""
        await self.step((grew(id, completion_tokens),))

    async def move(self, ask: Ask) -> Answer:
        """Give back the slot of an engine that failed, for one of the candidates now named."""
        (answer,) = await self.step((move(ask.id, ask.candidates),))
        return unpack_answer(answer, ask.limits)

    async def learn(self, capacities: Sequence[Capacity]) -> None:
        """What engines can bear."""
        await self.step((learn(capacities),))

    async def renew(self) -> int:
        """This worker lives; returns how many of its requests the queue knows."""
        ((count,),) = await self.step((renew(),))
        return int(count)

    async def known(self) -> list[str]:
        """The requests that the queue holds for this worker."""
        (ids,) = await self.step((known(),))
        return [str(id) for id in ids]

    async def restore(self, held: Sequence[Held]) -> None:
        """What this worker holds, after the queue lost it."""
        await self.step((restore(held),))

    async def poke(self) -> None:
        """What time has brought: dead workers' slots, prompts that have been read."""
        await self.step((poke(),))

    async def places(self, asks: Sequence[Ask]) -> list[Answer]:
        """Where these stand."""
        found: list[Answer] = []
        for first in range(0, len(asks), _PLACES_AT_ONCE):
            some = asks[first : first + _PLACES_AT_ONCE]
            (answers,) = await self.step((places([ask.id for ask in some]),))
            found += [unpack_answer(answer, ask.limits) for answer, ask in zip(answers, some, strict=True)]
        return found

    async def unseeded(self) -> list[str]:
        """Budgets whose use before they were counted here is not known: "KIND START_MS SINCE_MS SCOPE"."""
        (members,) = await self.step((b'["unseeded"]',))
        return [str(member) for member in members]

    async def seed(self, budget: str, tokens: int) -> None:
        """What the ledger knows of such a budget."""
        await self.step((orjson.dumps(("seed", budget, tokens)),))


def unpack_answer(answer: Sequence[Any], limits: Sequence[AppliedLimit] = ()) -> Answer:
    """limits: those of the request that asked."""
    match answer[0]:
        case "slot":
            return Slot(answer[1], _unpacked_states(answer[2], limits))
        case "place":
            return Place(answer[1], answer[2], answer[3], _unpacked_states(answer[4], limits))
        case "full":
            return Full(answer[1])
        case "refused":
            wait_ms = answer[2]
            retry_after_s = None if wait_ms < 0 else wait_ms / 1000
            return Refused(limits[answer[1]], retry_after_s, _unpacked_states(answer[3], limits))
    return Gone()


def _unpacked_states(
    states: Sequence[tuple[int, int]], limits: Sequence[AppliedLimit]
) -> tuple[LimitState, ...]:
    if not states:
        return ()
    return tuple(
        LimitState(limit, int(left), reset_ms / 1000)
        for limit, (left, reset_ms) in zip(limits, states, strict=True)
    )


def _packed_ask(ask: Ask) -> list[Any]:
    kind = "b" if ask.is_batch else "i"
    packed: list[Any] = [
        ask.id,
        ask.pool,
        ask.model,
        ask.user,
        [part for node, weight in node_path(ask.shares) for part in (kind + node, weight)],
        _packed_candidates(ask.candidates),
        ask.prompt_tokens,
        -1 if ask.max_tokens is None else ask.max_tokens,
        kind,
        ask.request_id,
    ]
    if ask.limits:
        packed.append([{"scope": a.scope, "kind": a.kind, "most": a.most} for a in ask.limits])
    return packed


def _packed_candidates(candidates: Sequence[Candidate]) -> list[Any]:
    return [part for c in candidates for part in (c.engine, c.slots, int(c.is_fallback))]


def packed_rules(worker: str, rules: FairRules, run: str = "", has_called: bool = False) -> bytes:
    """The function's first argument: who calls, and the constants.

    run: Valkey's present life; has_called: whether this worker has something to lose.
    """
    return orjson.dumps(
        {
            "worker": worker,
            "run": run,
            "has_called": has_called,
            "settle_ms": _SETTLE_MS,
            "silence_us": _SILENCE_US,
            "max_queue": rules.max_queue,
            "max_queue_per_user": rules.max_queue_per_user,
            "reserved": -1 if rules.reserved is None else rules.reserved,
            "prefill_tokens": rules.prefill_tokens,
            "prompt_weight": rules.prompt_weight,
            "completion_weight": rules.completion_weight,
            "cached_weight": rules.cached_weight,
            "max_running": rules.max_running_per_user or -1,
            "promoted_after_us": int(rules.batch_promoted_after_s * 1e6),
            "default_completion_tokens": rules.default_completion_tokens,
            "spread": rules.spread,
            "patience_us": patience_us(rules.lease_s),
        }
    )

"""What can be asked of the shared queue and what it answers. `queue_operations.lua` is the other end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson

from appliance.fairness.admission import (
    Answer,
    AppliedLimit,
    Ask,
    Candidate,
    Capacity,
    Full,
    Gone,
    Held,
    Leaving,
    LimitState,
    Place,
    Refused,
    Slot,
)
from appliance.fairness.queue.virtual_time import node_path

Operation = bytes
"""One packed step of the queue, made by the functions below."""


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


def cross(ask: Ask) -> Operation:
    """From where it waits into a free slot of the ask's pool, or not at all. Answered by `unpack_answer`."""
    return orjson.dumps(("cross", _packed_ask(ask)))


def learn(capacities: Sequence[Capacity]) -> Operation:
    """What engines can bear. Answers nothing."""
    return orjson.dumps(
        ("learn", [(c.engine, c.slots, -1 if c.kv_tokens is None else c.kv_tokens) for c in capacities])
    )


def keep(engines: Collection[str]) -> Operation:
    """The engines that there are; others may be forgotten. Answers nothing."""
    return orjson.dumps(("keep", sorted(engines)))


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


# answers ------------------------------------------------------------------------------------------------


def unpack_grants(message: bytes) -> list[tuple[str, str]]:
    """(request, engine) of slots that came free."""
    return [(id, engine) for id, engine in orjson.loads(message)]


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
        ask.conversation,
    ]
    if ask.limits:
        packed.append([{"scope": a.scope, "kind": a.kind, "most": a.most} for a in ask.limits])
    return packed


def _packed_candidates(candidates: Sequence[Candidate]) -> list[Any]:
    return [part for c in candidates for part in (c.engine, c.slots, int(c.is_fallback))]

"""How many requests an engine gets at once, learned from how it fares: additive increase, multiplicative decrease.

The order in which people are served is decided before the engine, so its own waiting queue has to stay near zero; and
slots it could use must not lie idle. The numbers are those of vLLM's metrics page. Pure: no clock, no I/O.
Additive increase and multiplicative decrease as in Chiu and Jain, 1989, and TCP.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from inference.types import EngineLoad

MOST_SLOTS = 256
"""Bound for an engine that says nothing of its own: vLLM's usual --max-num-seqs."""
TRUSTED_S = 5.0
"""Numbers older than this change nothing."""
BLIND_S = 15.0
"""After so long without numbers the slots are halved, once."""
_KEPT = 0.9
_FULL_KV, _ROOMY_KV = 0.90, 0.80
_MOST_WAITING = 1
_LOOKS_UNTIL_CUT = _LOOKS_UNTIL_MORE = 2
_LOOKS_UNTIL_NEXT_CUT = 5


@dataclass(frozen=True, slots=True)
class SlotControl:
    """What is known of one engine from look to look.

    slots: how many requests it gets, at least 1. seen_at_s: when its numbers were last news, on the clock of whoever
    looks. looks_waiting, looks_free: looks running in which more than one request waited there, or none.
    looks_since_cut: since the slots were last cut. recover_to: slots to return to after a blind time, in use or not.
    preemptions, steps: the engine's counters at the last look.
    """

    slots: int
    seen_at_s: float
    looks_waiting: int = 0
    looks_free: int = 0
    looks_since_cut: int = _LOOKS_UNTIL_NEXT_CUT
    recover_to: int = 0
    is_halved: bool = False
    preemptions: int | None = None
    steps: int | None = None

    def packed(self, now_s: float) -> dict[str, Any]:
        """For another process to go on with: an age instead of a time, because clocks differ."""
        return {**asdict(self), "seen_at_s": now_s - self.seen_at_s}

    @staticmethod
    def unpacked(fields: Mapping[str, Any], now_s: float) -> SlotControl:
        """The opposite, on the clock of the process that goes on."""
        return SlotControl(**{**fields, "seen_at_s": now_s - fields["seen_at_s"]})


def first_slots(load: EngineLoad, now_s: float, default_slots: int) -> SlotControl:
    """The number that is configured or reported, else the default. Pure."""
    slots = _cap(load) or default_slots
    return SlotControl(slots, now_s, preemptions=load.preemptions, steps=load.steps)


def next_slots(
    state: SlotControl, load: EngineLoad | None, now_s: float, *, default_slots: int, held: int = 0
) -> SlotControl:
    """What follows from another look. Pure.

    load None: it did not answer. held: requests that the looking process itself has running there; a page that calls
    the engine idle meanwhile is old. Never below 1, never above what is configured or reported.
    """
    if load is None or not (load.running >= 0 and load.waiting >= 0):
        return _blind(state, now_s)
    if not load.is_measured:
        return SlotControl(_cap(load) or default_slots, now_s)
    if _is_news(state, load, held):
        return replace(_adapted(state, load), seen_at_s=now_s, is_halved=False)
    if now_s - state.seen_at_s <= TRUSTED_S:
        return _adapted(state, load)
    return _blind(state, now_s)


def _is_news(state: SlotControl, load: EngineLoad, held: int) -> bool:
    """Whether the page is kept: while requests run it has to move, and it knows of those that run."""
    if load.running + load.waiting == 0:
        return held <= 0
    return load.running == 0 or load.steps is None or load.steps != state.steps


def _blind(state: SlotControl, now_s: float) -> SlotControl:
    """Nothing changes but for the one halving: an engine that cannot be seen may be ill, or just busy."""
    if state.is_halved or now_s - state.seen_at_s <= BLIND_S:
        return state
    slots = max(1, state.slots // 2)
    recover_to = max(state.slots, state.recover_to)
    return replace(state, slots=slots, recover_to=recover_to, is_halved=True, looks_waiting=0, looks_free=0)


def _adapted(state: SlotControl, load: EngineLoad) -> SlotControl:
    seen = replace(
        state,
        slots=min(state.slots, _cap(load) or MOST_SLOTS),
        looks_waiting=state.looks_waiting + 1 if load.waiting > _MOST_WAITING else 0,
        looks_free=state.looks_free + 1 if load.waiting == 0 else 0,
        looks_since_cut=min(state.looks_since_cut + 1, _LOOKS_UNTIL_NEXT_CUT),
        preemptions=load.preemptions,
        steps=load.steps,
    )
    # fewer than before: the engine was started anew and counts from zero
    was_preempted = None not in (state.preemptions, load.preemptions) and (
        (load.preemptions or 0) > (state.preemptions or 0)
    )
    slots = min(_cut_for_waiting(seen, load), _cut_for_memory(seen, load, was_preempted))
    if slots < seen.slots:
        return replace(seen, slots=slots, looks_since_cut=0, recover_to=0)
    if _has_room(seen, load) and not was_preempted:
        return replace(seen, slots=min(seen.slots + 1, _cap(load) or MOST_SLOTS))
    return seen


def _cut_for_waiting(state: SlotControl, load: EngineLoad) -> int:
    """Fewer where requests wait in the engine, but never fewer than it evidently runs at once.

    What waits there was sent before the cut and goes only when answers end: without that floor a minute of long
    answers would bring the slots down to one.
    """
    if state.looks_waiting < _LOOKS_UNTIL_CUT:
        return state.slots
    return max(_fewer(state.slots), min(state.slots, load.running))


def _cut_for_memory(state: SlotControl, load: EngineLoad, was_preempted: bool) -> int:
    """Fewer where the KV cache overflows; again only when the cut before has taken effect, or has had its time."""
    kv_use = _kv_use(load)
    if not was_preempted and (kv_use is None or kv_use <= _FULL_KV):
        return state.slots
    has_taken_effect = load.running + load.waiting <= state.slots
    if has_taken_effect or state.looks_since_cut >= _LOOKS_UNTIL_NEXT_CUT:
        return _fewer(state.slots)
    return state.slots


def _has_room(state: SlotControl, load: EngineLoad) -> bool:
    """Whether one more is worth trying: all are in use and nothing waits, or there were more before a blind time.

    With one that waits the engine has all it can use and its queue is as long as it may be; in two looks running,
    because that one is missing while a slot changes hands. All in use: from eight on three quarters, because the queue
    lets batch requests have no more than that (`FairRules.batch_slots_of`) and keeps some for people who hold none.
    """
    kv_use = _kv_use(load)
    if load.waiting > 0 or (kv_use is not None and kv_use >= _ROOMY_KV):
        return False
    if state.slots < state.recover_to:
        return True
    in_use = state.slots - state.slots // 4 if state.slots >= 8 else state.slots
    return state.looks_free >= _LOOKS_UNTIL_MORE and load.running >= in_use


def _fewer(slots: int) -> int:
    return max(1, min(slots - 1, int(slots * _KEPT)))


def _cap(load: EngineLoad) -> int | None:
    return load.slots if load.slots is not None and load.slots >= 1 else None


def _kv_use(load: EngineLoad) -> float | None:
    """None for what is no share."""
    kv_use = load.kv_use
    return kv_use if kv_use is not None and math.isfinite(kv_use) and 0 <= kv_use <= 1.01 else None

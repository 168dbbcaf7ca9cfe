"""What to do next with the models in memory. Pure: no clock, no process; times are handed in, in seconds.

The rule, in the order in which it is applied:

1. One model is loaded at a time.
2. Whoever was started by hand comes first, then the model whose first request has waited longest.
3. Where there is room it is loaded at once. Where there is none, others give way: those that nobody uses before those
   in use, and of equals the one that was used longest ago.
4. A model in use gives way only after its turn: `least_stay_s`, and twice what the other one takes to load, so that
   with two models that are both wanted all the time no more than a third of it goes into loading.
5. Giving way means: it takes nobody new, what it answers is answered to the end, for `drain_s` at most.
6. Whoever was not used for `idle_s` leaves memory even if nobody wants its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from inference.keeping.states import Phase

Room = Mapping[str, int]
"""Bytes by place: `ram`, `gpu:0`, `gpu:1` …"""

LOAD_SHARE = 2.0


@dataclass(frozen=True, slots=True)
class Manners:
    """idle_s None: unused models stay. most_loaded None: as many as memory holds."""

    idle_s: float | None = 1800.0
    least_stay_s: float = 60.0
    drain_s: float = 120.0
    most_loaded: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One model as the rule sees it.

    needs: what it takes of memory, measured or planned. load_s: estimated. is_called: started by hand and not up yet.
    waiting_since: when the first of those who wait for it came; None: nobody waits. running: answers under way.
    ready_since, used_at, drained_since, retry_at: None where that does not hold.
    """

    name: str
    phase: Phase
    needs: Room
    load_s: float = 0.0
    is_called: bool = False
    waiting_since: float | None = None
    running: int = 0
    ready_since: float | None = None
    used_at: float = 0.0
    drained_since: float | None = None
    retry_at: float | None = None

    @property
    def is_in_use(self) -> bool:
        return self.running > 0 or self.waiting_since is not None


@dataclass(frozen=True, slots=True)
class Step:
    """load: start it. drain: let no new request in. unload: end its process. none: nothing to be done.

    name: of which; for_name: for whom it gives way. again_at: look again then at the latest.
    """

    do: Literal["load", "drain", "unload", "none"]
    name: str = ""
    for_name: str = ""
    again_at: float | None = None


def next_step(members: Sequence[Member], free: Room, now: float, manners: Manners) -> Step:
    """free: what is left of memory as it stands, the loaded ones' part not counted."""
    for member in members:
        if member.phase == "draining" and _is_drained(member, now, manners):
            return Step("unload", member.name)
    if any(member.phase in ("loading", "restarting") for member in members):
        return _idle_step(members, now, manners)
    wanted = _wanted(members, now)
    if wanted is None:
        return _idle_step(members, now, manners)
    return _make_room(wanted, members, free, now, manners)


def _wanted(members: Sequence[Member], now: float) -> Member | None:
    """The one to load next."""
    asked = [
        member
        for member in members
        if (member.is_called or member.waiting_since is not None)
        and (member.phase == "unloaded" or (member.phase == "failed" and (member.retry_at or 0.0) <= now))
    ]
    return min(asked, key=lambda one: (not one.is_called, one.waiting_since or now, one.name), default=None)


def _make_room(wanted: Member, members: Sequence[Member], free: Room, now: float, manners: Manners) -> Step:
    loaded = [member for member in members if member.phase in ("ready", "draining")]
    leaving = [member for member in loaded if member.phase == "draining"]
    if _fits(wanted, [], loaded, free, manners):
        return Step("load", wanted.name)
    if _fits(wanted, leaving, loaded, free, manners):
        return _later(leaving, now, manners)  # enough are on their way out
    staying = sorted(
        (member for member in loaded if member.phase == "ready"),
        key=lambda one: (one.is_in_use, max(one.used_at, one.ready_since or 0.0), one.name),
    )
    going = list(leaving)
    for member in staying:
        going.append(member)
        if _fits(wanted, going, loaded, free, manners):
            break
    else:
        # All of them together would not be enough, as far as can be foretold: then it is tried alone.
        if not staying and not leaving:
            return Step("load", wanted.name)
    chosen = going[len(leaving) :]
    if not chosen:
        return _later(leaving, now, manners)
    due = max(_may_go_at(member, wanted, manners) for member in chosen)
    if due > now:
        return Step("none", again_at=due)
    return Step("drain", chosen[0].name, wanted.name)


def _fits(
    wanted: Member, going: Sequence[Member], loaded: Sequence[Member], free: Room, manners: Manners
) -> bool:
    if manners.most_loaded is not None and len(loaded) - len(going) >= manners.most_loaded:
        return False
    return all(
        need <= free.get(place, 0) + sum(member.needs.get(place, 0) for member in going)
        for place, need in wanted.needs.items()
    )


def _may_go_at(member: Member, wanted: Member, manners: Manners) -> float:
    """From when on it may be asked to give way."""
    if not member.is_in_use:
        return 0.0
    return (member.ready_since or 0.0) + max(manners.least_stay_s, LOAD_SHARE * wanted.load_s)


def _is_drained(member: Member, now: float, manners: Manners) -> bool:
    return member.running == 0 or now - (member.drained_since or now) >= manners.drain_s


def _later(leaving: Sequence[Member], now: float, manners: Manners) -> Step:
    ends = [(member.drained_since or now) + manners.drain_s for member in leaving]
    return Step("none", again_at=min(ends) if ends else None)


def _idle_step(members: Sequence[Member], now: float, manners: Manners) -> Step:
    if manners.idle_s is None:
        return Step("none", again_at=_retry(members, now))
    again_at = _retry(members, now)
    for member in members:
        if member.phase != "ready" or member.is_in_use:
            continue
        due = max(member.used_at, member.ready_since or 0.0) + manners.idle_s
        if due <= now:
            return Step("drain", member.name)
        again_at = due if again_at is None else min(again_at, due)
    return Step("none", again_at=again_at)


def _retry(members: Sequence[Member], now: float) -> float | None:
    """When the next of those that wait for another try, or for the end of a drain, is due."""
    due = [
        member.retry_at
        for member in members
        if member.phase == "failed" and member.retry_at is not None and member.waiting_since is not None
    ]
    return min((at for at in due if at > now), default=None)

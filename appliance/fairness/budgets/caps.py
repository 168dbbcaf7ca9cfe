"""What operators decided about spending, and which of it counts for a call. Pure.

A cap holds in a day or a month, for calls of clouds alone or for all calls that have a price. One on `everyone` means
each person, unless that person has an own one of that window and kind. One on a group counts all its people together,
those of the groups below it too; one on the organisation counts everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args
from uuid import UUID

from appliance.domain.people import Caller

CapSubject = Literal["organisation", "everyone", "user", "group"]
CapWindow = Literal["day", "month"]
Covers = Literal["cloud", "all"]
CAP_SUBJECTS: tuple[CapSubject, ...] = get_args(CapSubject)
CAP_WINDOWS: tuple[CapWindow, ...] = get_args(CapWindow)
COVERS: tuple[Covers, ...] = get_args(Covers)
ALL = ""
"""The subject of a cap on the organisation or on everyone."""

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap as an operator set it. subject: an id, or ALL. micros: millionths of the currency, > 0."""

    id: UUID
    subject_kind: CapSubject
    subject: str
    window: CapWindow
    covers: Covers
    micros: int


@dataclass(frozen=True, slots=True)
class NamedCap:
    """A cap as people read it: by an e-mail address or a group's name."""

    cap: Cap
    subject_name: str


@dataclass(frozen=True, slots=True)
class AppliedCap:
    """A cap that counts for a call. scope names whose spending is counted: `organisation:`, `user:ID`, `group:ID`."""

    scope: str
    window: CapWindow
    covers: Covers
    micros: int

    @property
    def subject_kind(self) -> str:
        return self.scope.partition(":")[0]


class HasCaps(Protocol):
    """`limits.policy.Policy` fulfils it."""

    @property
    def caps(self) -> Sequence[Cap]: ...

    def with_parents(self, group_ids: Iterable[UUID]) -> set[UUID]:
        """These groups, and those above them."""
        ...


@dataclass(frozen=True)
class CapTable:
    """The caps of one policy, found quickly."""

    policy: HasCaps
    _by_subject: dict[tuple[CapSubject, str], list[Cap]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _known: dict[tuple[UUID, frozenset[UUID]], tuple[AppliedCap, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for cap in self.policy.caps:
            self._by_subject.setdefault((cap.subject_kind, cap.subject), []).append(cap)

    def caps_for(self, caller: Caller, *, is_cloud: bool) -> tuple[AppliedCap, ...]:
        """Those that a call counts in; one that stays in the house counts in no cap on clouds."""
        found = self.all_for(caller)
        return found if is_cloud else tuple(cap for cap in found if cap.covers == "all")

    def all_for(self, caller: Caller) -> tuple[AppliedCap, ...]:
        """The organisation's, the groups', then the person's."""
        if not self._by_subject:
            return ()
        key = (caller.user_id, caller.group_ids)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[key] = self._find(caller)
        return known

    def _find(self, caller: Caller) -> tuple[AppliedCap, ...]:
        user = str(caller.user_id)
        own = self._of("user", user)
        own_kinds = {(cap.window, cap.covers) for cap in own}
        defaults = [cap for cap in self._of("everyone", ALL) if (cap.window, cap.covers) not in own_kinds]
        found = [_applied(cap, "organisation:") for cap in self._of("organisation", ALL)]
        for group_id in sorted(self.policy.with_parents(caller.group_ids)):
            found += [_applied(cap, f"group:{group_id}") for cap in self._of("group", str(group_id))]
        return tuple(found + [_applied(cap, f"user:{user}") for cap in (*own, *defaults)])

    def _of(self, kind: CapSubject, subject: str) -> Sequence[Cap]:
        return self._by_subject.get((kind, subject), ())


def _applied(cap: Cap, scope: str) -> AppliedCap:
    return AppliedCap(scope, cap.window, cap.covers, cap.micros)

"""What operators decided about shares and limits, as one snapshot. Pure: whoever reloads it makes a new one.

Shares. People share an engine by their weight. Groups take part only where they were given a weight: a group without
one is looked through, to the nearest group above it that has one. Somebody in several such groups shares in the
heaviest (of equals, the one with the lowest id), and in the groups above it.

Limits. One on `everyone` means each person, unless that person has an own one of that kind. One on a group or a model
counts all its people together; a group's counts those of the groups below it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

from appliance.domain.people import Caller
from appliance.fairness.admission import AppliedLimit, LimitKind, Share
from appliance.fairness.budgets.caps import Cap

SubjectKind = Literal["everyone", "user", "group", "key", "model"]
LIMIT_KINDS: tuple[LimitKind, ...] = get_args(LimitKind)
SUBJECT_KINDS: tuple[SubjectKind, ...] = get_args(SubjectKind)
EVERYONE = ""
"""The subject of a limit on everyone."""

SMALLEST_WEIGHT, LARGEST_WEIGHT = 0.001, 1000.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as an operator set it. subject: an id, a model's name, or EVERYONE. most: tokens or requests, > 0."""

    id: UUID
    subject_kind: SubjectKind
    subject: str
    kind: LimitKind
    most: int


@dataclass(frozen=True, slots=True)
class NamedLimit:
    """A limit as people read it: by an e-mail address, a group's name, a key's first characters or a model's name."""

    limit: Limit
    subject_name: str


@dataclass(frozen=True, slots=True)
class GroupShare:
    """A group's part in sharing. weight None: it takes none."""

    weight: float | None = None
    parent_id: UUID | None = None


@dataclass(frozen=True)
class Policy:
    """user_weights: of those whose weight is not 1. caps: in money, which `fairness.budgets` counts."""

    user_weights: Mapping[UUID, float] = field(default_factory=dict)
    groups: Mapping[UUID, GroupShare] = field(default_factory=dict)
    limits: Sequence[Limit] = ()
    caps: Sequence[Cap] = ()
    _by_subject: dict[tuple[SubjectKind, str], list[Limit]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    _shares: dict[tuple[UUID, frozenset[UUID]], tuple[Share, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """Every request asks; people are as many as the box has."""
    _limits: dict[tuple[UUID, frozenset[UUID], UUID | None, tuple[str, ...]], tuple[AppliedLimit, ...]] = (
        field(init=False, repr=False, compare=False, default_factory=dict)
    )

    def __post_init__(self) -> None:
        for limit in self.limits:
            self._by_subject.setdefault((limit.subject_kind, limit.subject), []).append(limit)

    def shares_of(self, caller: Caller) -> tuple[Share, ...]:
        """From the outermost group to the person."""
        key = (caller.user_id, caller.group_ids)
        known = self._shares.get(key)
        if known is None:
            known = self._shares[key] = self._find_shares(caller)
        return known

    def _find_shares(self, caller: Caller) -> tuple[Share, ...]:
        person = Share(str(caller.user_id), _bounded(self.user_weights.get(caller.user_id, 1.0)))
        weighted = filter(None, map(self._nearest_weighted, caller.group_ids))
        heaviest = min(weighted, key=lambda found: (-found[1], found[0]), default=None)
        if heaviest is None:
            return (person,)
        groups = [
            Share(f"group:{group_id}", _bounded(share.weight))
            for group_id, share in self._upwards(heaviest[0])
            if share.weight is not None
        ]
        return (*reversed(groups), person)

    def limits_for(self, caller: Caller, *models: str) -> tuple[AppliedLimit, ...]:
        """What counts for this caller. models: every name of the model that is asked, an alias and the engine's own."""
        if not self._by_subject:
            return ()
        key = (caller.user_id, caller.group_ids, caller.key_id, models)
        known = self._limits.get(key)
        if known is None:
            if len(self._limits) >= _MOST_REMEMBERED:
                self._limits.clear()
            known = self._limits[key] = self._find_limits(caller, models)
        return known

    def _find_limits(self, caller: Caller, models: Sequence[str]) -> tuple[AppliedLimit, ...]:
        user = str(caller.user_id)
        own = self._of("user", user)
        own_kinds = {limit.kind for limit in own}
        applied = [_applied(limit, f"user:{user}") for limit in own]
        applied += [
            _applied(limit, f"user:{user}")
            for limit in self._of("everyone", EVERYONE)
            if limit.kind not in own_kinds
        ]
        for group_id in sorted(self.with_parents(caller.group_ids)):
            applied += [_applied(limit, f"group:{group_id}") for limit in self._of("group", str(group_id))]
        if caller.key_id is not None:
            applied += [
                _applied(limit, f"key:{caller.key_id}") for limit in self._of("key", str(caller.key_id))
            ]
        for model in dict.fromkeys(models):
            applied += [_applied(limit, f"model:{model}") for limit in self._of("model", model)]
        return tuple(applied)

    @property
    def limited_models(self) -> tuple[str, ...]:
        """The models that have limits of their own."""
        return tuple(subject for kind, subject in self._by_subject if kind == "model")

    def groups_in_cycles(self) -> list[UUID]:
        """Groups that are above themselves, which no door lets anybody make. They count once."""
        return sorted(group_id for group_id in self.groups if self._is_above_itself(group_id))

    def _of(self, kind: SubjectKind, subject: str) -> Sequence[Limit]:
        return self._by_subject.get((kind, subject), ())

    def with_parents(self, group_ids: Iterable[UUID]) -> set[UUID]:
        """These groups, and those above them."""
        return {found for group_id in group_ids for found, _ in self._upwards(group_id)} | set(group_ids)

    def _nearest_weighted(self, group_id: UUID) -> tuple[UUID, float] | None:
        for found, share in self._upwards(group_id):
            if share.weight is not None:
                return found, share.weight
        return None

    def _upwards(self, group_id: UUID) -> Iterator[tuple[UUID, GroupShare]]:
        """The group and those above it; a circle is cut where it closes."""
        seen: set[UUID] = set()
        at: UUID | None = group_id
        while at is not None and at not in seen and at in self.groups:
            seen.add(at)
            yield at, self.groups[at]
            at = self.groups[at].parent_id

    def _is_above_itself(self, group_id: UUID) -> bool:
        return any(share.parent_id == group_id for _, share in self._upwards(group_id))


def _bounded(weight: float) -> float:
    """What came past the doors, by SQL: a tokens' count divided by the smallest numbers there are is no number."""
    return min(max(weight, SMALLEST_WEIGHT), LARGEST_WEIGHT)


def _applied(limit: Limit, scope: str) -> AppliedLimit:
    return AppliedLimit(scope, limit.kind, limit.most)

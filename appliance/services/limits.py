"""The limits that operators set, and what is left of them.

Administrators set limits, auditors read them, everybody sees what applies to themselves. A change counts in this
process at once and in the others within a second.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller, User
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound
from appliance.fairness.admission import AppliedLimit, LimitKind, LimitState, Share
from appliance.fairness.limits.policy import EVERYONE, Limit, NamedLimit, SubjectKind
from appliance.services.accounts.names import checked_name
from appliance.services.accounts.people import require_admin, require_reader
from appliance.services.policy_watch import PolicyWatch

_MOST_PER_MINUTE = 10**9
_MOST_EVER = 10**15  # beyond that numbers in JSON and Lua are not whole any more
_WHERE_TO_LOOK: dict[SubjectKind, str] = {
    "user": "`appliance user list` or GET /api/users names all",
    "group": "`appliance group list` or GET /api/groups names all",
    "key": "`appliance key list --all` or GET /api/keys?everybody=true names all",
}


class LimitRepository(Protocol):
    """Each change is written together with its event, in one transaction."""

    async def limits(self) -> Sequence[NamedLimit]: ...

    async def limit(self, limit_id: UUID) -> NamedLimit | None: ...

    async def add(self, new: Limit, event: AccountEvent) -> NamedLimit:
        """Raises NotFound for an unknown subject, Conflict where there is a limit of that kind."""
        ...

    async def put(self, new: Limit, event: AccountEvent) -> tuple[NamedLimit, bool]:
        """Set it, whether or not it was there; True: it was not. Raises NotFound."""
        ...

    async def remove(self, limit_id: UUID, event: AccountEvent) -> bool: ...


class LimitCounters(Protocol):
    """How limits stand; fairness.budget_seeding.CountersInValkey fulfils it."""

    async def states(self, limits: Sequence[AppliedLimit]) -> tuple[LimitState, ...]:
        """Raises PartUnavailable."""
        ...


class UserLookup(Protocol):
    """services.accounts.people.People fulfils it."""

    async def by_email(self, email: str) -> User | None: ...


@dataclass(frozen=True, slots=True)
class OwnStanding:
    """What counts for a caller: the shares from the outermost group to the person, and how each limit stands."""

    shares: tuple[Share, ...]
    limits: tuple[LimitState, ...]


class OperatorLimits:
    """known_models: the names that can be asked for now; empty while no engine has told any.

    new_id: of a limit, time-ordered.
    """

    def __init__(
        self,
        repository: LimitRepository,
        watch: PolicyWatch,
        counters: LimitCounters,
        people: UserLookup,
        known_models: Callable[[], Collection[str]],
        new_id: Callable[[], UUID],
    ) -> None:
        self._repository = repository
        self._watch = watch
        self._counters = counters
        self._people = people
        self._known_models = known_models
        self._new_id = new_id

    async def limits(self, caller: Caller) -> Sequence[NamedLimit]:
        """All of them, for administrators and auditors."""
        require_reader(caller)
        return await self._repository.limits()

    async def add(
        self, caller: Caller | None, subject_kind: SubjectKind, subject: str, kind: LimitKind, most: int
    ) -> NamedLimit:
        """A new limit. subject: an id, an e-mail address, a model's name, or EVERYONE.

        Raises NotPermitted, InvalidRequest, NotFound for an unknown subject, Conflict for one that is there already.
        """
        limit, event = await self._checked(caller, subject_kind, subject, kind, most)
        added = await self._repository.add(limit, event)
        await self._watch.announce()
        return added

    async def put(
        self, caller: Caller | None, subject_kind: SubjectKind, subject: str, kind: LimitKind, most: int
    ) -> tuple[NamedLimit, bool]:
        """Like `add`, or a new value for the one that is there already; True: it was not."""
        limit, event = await self._checked(caller, subject_kind, subject, kind, most)
        put = await self._repository.put(limit, event)
        await self._watch.announce()
        return put

    async def remove(self, caller: Caller | None, limit_id: UUID) -> None:
        """Raises NotPermitted, NotFound."""
        require_admin(caller)
        found = await self._repository.limit(limit_id)
        if found is None or not await self._repository.remove(
            limit_id, _event("limit.removed", caller, found.limit)
        ):
            raise NotFound(f"There is no limit {limit_id}.")
        await self._watch.announce()

    async def own(self, caller: Caller) -> OwnStanding:
        """What applies to the caller, and to everybody who asks a limited model, and what is left.

        Raises PartUnavailable while the counters cannot be read.
        """
        policy = self._watch.policy
        applied = policy.limits_for(caller, *policy.limited_models)
        return OwnStanding(policy.shares_of(caller), await self._counters.states(applied))

    async def _checked(
        self, caller: Caller | None, subject_kind: SubjectKind, subject: str, kind: LimitKind, most: int
    ) -> tuple[Limit, AccountEvent]:
        require_admin(caller)
        largest = _MOST_PER_MINUTE if kind.endswith("per_minute") else _MOST_EVER
        if not 1 <= most <= largest:
            raise InvalidRequest(
                Told("limit_wrong", most=largest),
                param="most",
            )
        subject = await self._subject(subject_kind, subject)
        limit = Limit(self._new_id(), subject_kind, subject, kind, most)
        return limit, _event("limit.set", caller, limit)

    async def _subject(self, kind: SubjectKind, subject: str) -> str:
        if kind == "everyone":
            if subject != EVERYONE:
                raise InvalidRequest("A limit on everyone has no `subject`; leave it out.", param="subject")
            return EVERYONE
        if kind == "model":
            return self._model(checked_name(subject, "subject", may_be_empty=False))
        if kind == "user" and "@" in subject:
            user = await self._people.by_email(subject)
            if user is None:
                raise NotFound(Told("address_unknown", address=subject), param="subject")
            return str(user.id)
        try:
            return str(UUID(subject))
        except ValueError as error:
            raise InvalidRequest(
                f"`subject` must be the id of a {kind}; {_WHERE_TO_LOOK[kind]}.", param="subject"
            ) from error

    def _model(self, name: str) -> str:
        """A misspelled model's limit would be without effect, silently."""
        known = self._known_models()
        if known and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(known))}."
            raise NotFound(f"There is no model {name!r}. {hint}", param="subject")
        return name


def _event(action: str, caller: Caller | None, limit: Limit) -> AccountEvent:
    detail = {"limit": str(limit.id), "on": limit.subject_kind, "kind": limit.kind, "most": limit.most}
    subject_id = None
    if limit.subject_kind == "model":
        detail["model"] = limit.subject
    elif limit.subject_kind != "everyone":
        subject_id = UUID(limit.subject)
    return AccountEvent(action, None if caller is None else caller.user_id, subject_id, detail)

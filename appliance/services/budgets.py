"""The budgets in money that operators set, and how they stand.

Administrators set budgets, auditors read them, everybody sees those that count for themselves. A change counts in this
process at once and in the others within a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller, User
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound, PartUnavailable
from appliance.fairness.budgets.caps import ALL, AppliedCap, Cap, CapSubject, CapWindow, Covers, NamedCap
from appliance.fairness.budgets.counting import LEVELS, WindowState, threshold
from appliance.fairness.budgets.money import MICROS, MOST_MICROS, amount_of
from appliance.fairness.budgets.windows import Span, Window
from appliance.services.accounts.people import require_admin, require_reader
from appliance.services.policy_watch import PolicyWatch

_SPENDERS = 50
_WHERE_TO_LOOK = {
    "user": "`appliance user list` or GET /api/users names all",
    "group": "`appliance group list` or GET /api/groups names all",
}


class BudgetRepository(Protocol):
    """`storage.budgets` fulfils it. Each change is written together with its event, in one transaction."""

    async def caps(self) -> Sequence[NamedCap]: ...

    async def cap(self, cap_id: UUID) -> NamedCap | None: ...

    async def put(self, new: Cap, event: AccountEvent) -> tuple[NamedCap, bool]:
        """Set it, whether or not it was there; True: it was not. Raises NotFound."""
        ...

    async def remove(self, cap_id: UUID, event: AccountEvent) -> bool: ...

    async def spenders(self, covers: Covers, span: Span, most: int) -> Sequence[tuple[UUID, str, int]]:
        """(person, e-mail address, micros) of those who spent most in it, most first."""
        ...


class Counted(Protocol):
    """What is spent and held; `fairness.budgets` and, while Valkey is away, the ledger alone fulfil it."""

    async def states(self, windows: Sequence[Window]) -> tuple[WindowState, ...]:
        """Raises PartUnavailable."""
        ...


class Spending(Protocol):
    """The ledger's sums."""

    async def spent(self, wanted: Sequence[Window]) -> Sequence[int]:
        """Micros. Raises PartUnavailable."""
        ...


class Applied(Protocol):
    """Which caps count for whom; `fairness.budgets.budgets.MoneyBudgets` fulfils it."""

    def all_for(self, caller: Caller) -> tuple[AppliedCap, ...]: ...

    def windows(self, caps: Sequence[AppliedCap]) -> tuple[Window, ...]: ...


class UserLookup(Protocol):
    """services.accounts.people.People fulfils it."""

    async def by_email(self, email: str) -> User | None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands, micros. subject_name: empty for the organisation and for oneself. cap_id: of the cap."""

    window: Window
    subject_name: str
    spent: int
    held: int = 0
    cap_id: UUID | None = None

    @property
    def level(self) -> int:
        """Of 50, 80 and 100 per cent the highest that is reached; 0: none."""
        most = self.window.most
        return max((level for level in LEVELS if self.spent >= threshold(most, level)), default=0)


class OperatorBudgets:
    """new_id: of a budget, time-ordered."""

    def __init__(
        self,
        repository: BudgetRepository,
        watch: PolicyWatch,
        counted: Counted,
        spending: Spending,
        applied: Applied,
        people: UserLookup,
        currency: str,
        new_id: Callable[[], UUID],
    ) -> None:
        self.currency = currency
        self._repository = repository
        self._watch = watch
        self._counted = counted
        self._spending = spending
        self._applied = applied
        self._people = people
        self._new_id = new_id

    async def caps(self, caller: Caller) -> Sequence[NamedCap]:
        """All of them, for administrators and auditors."""
        require_reader(caller)
        return await self._repository.caps()

    async def put(
        self,
        caller: Caller | None,
        subject_kind: CapSubject,
        subject: str,
        window: CapWindow,
        covers: Covers,
        amount: Decimal,
    ) -> tuple[NamedCap, bool]:
        """Set a budget; True: it is a new one. subject: an id, an e-mail address, or ALL.

        Raises NotPermitted, InvalidRequest, NotFound for an unknown subject.
        """
        require_admin(caller)
        micros = int(amount * MICROS)
        if not 0 < micros <= MOST_MICROS:
            raise InvalidRequest(Told("budget_wrong", most=int(amount_of(MOST_MICROS))), param="amount")
        found = await self._subject(subject_kind, subject)
        cap = Cap(self._new_id(), subject_kind, found, window, covers, micros)
        put = await self._repository.put(cap, self._event("budget.set", caller, cap))
        await self._watch.announce()
        return put

    async def remove(self, caller: Caller | None, cap_id: UUID) -> None:
        """Raises NotPermitted, NotFound."""
        require_admin(caller)
        found = await self._repository.cap(cap_id)
        if found is None or not await self._repository.remove(
            cap_id, self._event("budget.removed", caller, found.cap)
        ):
            raise NotFound(f"There is no budget {cap_id}.")
        await self._watch.announce()

    async def standings(self, caller: Caller) -> Sequence[Standing]:
        """How each budget stands now; everyone's: those who spent most. For administrators and auditors."""
        require_reader(caller)
        named = await self._repository.caps()
        single = [one for one in named if one.cap.subject_kind != "everyone"]
        found = await self._stand([(_applied(one.cap), one.subject_name, one.cap.id) for one in single])
        for one in named:
            if one.cap.subject_kind == "everyone":
                found += await self._people_under(one.cap, named)
        return found

    async def own(self, caller: Caller) -> Sequence[Standing]:
        """Those that count for the caller's own calls."""
        return await self._stand([(cap, "", None) for cap in self._applied.all_for(caller)])

    async def _people_under(self, cap: Cap, named: Sequence[NamedCap]) -> list[Standing]:
        kind = (cap.window, cap.covers)
        own = {one.cap.subject for one in named if one.cap.subject_kind == "user" and kind == _kind(one.cap)}
        (window,) = self._applied.windows([AppliedCap("user:", cap.window, cap.covers, cap.micros)])
        spenders = await self._repository.spenders(cap.covers, window.span, _SPENDERS)
        people = [
            (AppliedCap(f"user:{user_id}", cap.window, cap.covers, cap.micros), email, cap.id)
            for user_id, email, _ in spenders
            if str(user_id) not in own
        ]
        return await self._stand(people)

    async def _stand(self, wanted: Sequence[tuple[AppliedCap, str, UUID | None]]) -> list[Standing]:
        windows = self._applied.windows([cap for cap, _, _ in wanted])
        if not windows:
            return []
        try:
            states = await self._counted.states(windows)
        except PartUnavailable:
            states = tuple(WindowState(spent, 0) for spent in await self._spending.spent(windows))
        return [
            Standing(window, name, state.spent, state.held, cap_id)
            for window, state, (_, name, cap_id) in zip(windows, states, wanted, strict=True)
        ]

    async def _subject(self, kind: CapSubject, subject: str) -> str:
        if kind in ("organisation", "everyone"):
            if subject != ALL:
                raise InvalidRequest(f"A budget of {kind} has no `subject`; leave it out.", param="subject")
            return ALL
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

    def _event(self, action: str, caller: Caller | None, cap: Cap) -> AccountEvent:
        detail = {
            "budget": str(cap.id),
            "on": cap.subject_kind,
            "window": cap.window,
            "covers": cap.covers,
            "amount": amount_of(cap.micros),
            "currency": self.currency,
        }
        subject_id = UUID(cap.subject) if cap.subject else None
        return AccountEvent(action, None if caller is None else caller.user_id, subject_id, detail)


def _applied(cap: Cap) -> AppliedCap:
    return AppliedCap(f"{cap.subject_kind}:{cap.subject}", cap.window, cap.covers, cap.micros)


def _kind(cap: Cap) -> tuple[CapWindow, Covers]:
    return cap.window, cap.covers

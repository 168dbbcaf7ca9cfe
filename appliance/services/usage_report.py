"""What was used: everybody sees their own, administrators and auditors anybody's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.domain.administration import UsageBy, UsageQuery, UsageRow
from appliance.domain.people import Caller, Role, User, Viewer
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound, NotPermitted
from appliance.services.accounts.people import require_reader

DEFAULT_DAYS = 30
MOST_DAYS = 366 * 3


class UsageRepository(Protocol):
    """`storage.usage_report` fulfils it. Raises PartUnavailable."""

    async def usage(self, viewer: Viewer, query: UsageQuery) -> Sequence[UsageRow]: ...

    async def members(self, group_id: UUID) -> Sequence[UUID] | None: ...


class KnowsPeople(Protocol):
    """`services.accounts.people.People` fulfils it."""

    async def search_by_email(self, caller: Caller, email: str) -> User | None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """user: "me", an id or an address; group: an id; neither: oneself, or everybody for who may see that."""

    first: date | None = None
    last: date | None = None
    by: UsageBy = "day"
    user: str | None = None
    group: UUID | None = None
    zone: str = "UTC"


class UsageReport:
    """The use case behind `/api/usage`. today: of a time zone."""

    def __init__(
        self, usage: UsageRepository, people: KnowsPeople, today: Callable[[ZoneInfo], date] | None = None
    ) -> None:
        self._usage = usage
        self._people = people
        self._today = today or (lambda zone: datetime.now(zone).date())

    async def report(self, caller: Caller, wanted: Wanted) -> tuple[UsageQuery, Sequence[UsageRow]]:
        """Raises InvalidRequest, NotPermitted for what is somebody else's, NotFound for who is not there."""
        zone = _zone(wanted.zone)
        last = wanted.last or self._today(zone)
        first = wanted.first or last - timedelta(days=DEFAULT_DAYS - 1)
        if first > last:
            raise InvalidRequest(Told("dates_reversed"), param="from")
        if (last - first).days >= MOST_DAYS:
            raise InvalidRequest(Told("dates_far", most=MOST_DAYS), param="from")
        query = UsageQuery(first, last, zone, wanted.by, await self._whose(caller, wanted))
        rows = await self._usage.usage(caller.viewer, query)
        return query, _every_day(query, rows) if query.by == "day" else rows

    async def _whose(self, caller: Caller, wanted: Wanted) -> tuple[UUID, ...] | None:
        if wanted.group is not None:
            require_reader(caller)
            members = await self._usage.members(wanted.group)
            if members is None:
                raise NotFound(f"There is no group {wanted.group}.", param="group")
            return tuple(members)
        own = str(caller.user_id), caller.email, "me"
        if wanted.user in own or (wanted.user is None and caller.role is Role.USER):
            if wanted.by == "group" and caller.role is Role.USER:
                raise NotPermitted(Told("overseers_only"))
            return (caller.user_id,)
        require_reader(caller)
        if wanted.user is None:
            return None
        try:
            return (UUID(wanted.user),)
        except ValueError:
            found = await self._people.search_by_email(caller, wanted.user)
        if found is None:
            raise NotFound(Told("address_unknown", address=wanted.user), param="user")
        return (found.id,)


def _every_day(query: UsageQuery, rows: Sequence[UsageRow]) -> Sequence[UsageRow]:
    """Days without any use too: who draws them needs no calendar."""
    used = {row.key: row for row in rows}
    days = (
        (query.first + timedelta(days=past)).isoformat()
        for past in range((query.last - query.first).days + 1)
    )
    return [used.get(day) or UsageRow(day, day, 0, 0, 0, 0, 0, 0, 0.0) for day in days]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidRequest("`tz` is the name of a time zone, such as Europe/Madrid.", param="tz") from None

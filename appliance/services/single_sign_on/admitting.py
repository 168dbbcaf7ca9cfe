"""From a person at the provider to an account here: found by the link, linked by e-mail, or made; then role and groups.

The link is issuer and subject, never the e-mail address, which the provider may give to somebody else one day.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from datetime import datetime, timedelta
from uuid import UUID

from appliance.domain.people import AccountEvent, Role, User
from appliance.errors import (
    AccountSuspended,
    CompanyAccountNotLinked,
    CompanyAccountUnknown,
    Conflict,
    InvalidRequest,
    LastAdministrator,
)
from appliance.ports.accounts import IdentityLink, NewUser
from appliance.services.accounts.live_requests import Withdrawal
from appliance.services.accounts.names import checked_name, email_key, name_key
from appliance.services.accounts.people import People
from appliance.services.accounts.ports import UserRepository
from appliance.services.accounts.withdrawals import Withdrawals
from appliance.services.single_sign_on.claims import (
    Person,
    mapped_groups,
    require_admission,
    role_of,
    uses_groups,
)
from appliance.services.single_sign_on.ports import LinkRepository
from appliance.services.single_sign_on.settings import OidcSettings

logger = logging.getLogger(__name__)


class Admission:
    """Who may come in, and as what."""

    def __init__(
        self,
        settings: OidcSettings,
        users: UserRepository,
        links: LinkRepository,
        people: People,
        withdrawals: Withdrawals,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._users = users
        self._links = links
        self._people = people
        self._withdrawals = withdrawals
        self._clock = clock

    async def admit(self, person: Person, address: str = "") -> User:
        """The account of somebody who has just proved who they are.

        Raises CompanyDomainNotAllowed, CompanyGroupNotAllowed, CompanyAccountUnknown, CompanyAccountNotLinked,
        AccountSuspended.
        """
        require_admission(person, self._settings)
        issuer = self._settings.issuer
        link = await self._links.find(issuer, person.subject)
        if link is None:
            try:
                await self._first_time(person, address)
            except Conflict as error:  # made at the same moment, or taken meanwhile
                if await self._links.find(issuer, person.subject) is None:
                    raise CompanyAccountNotLinked from error
            link = await self._links.find(issuer, person.subject)
        if link is None:
            raise CompanyAccountUnknown
        return await self._as_told(link, person)

    async def confirm(self, person: Person) -> None:
        """The same for somebody whose sign-in the provider has just confirmed again. Raises what `admit` raises."""
        require_admission(person, self._settings)
        link = await self._links.find(self._settings.issuer, person.subject)
        if link is None:
            raise CompanyAccountUnknown
        await self._as_told(link, person)

    async def confirm_unchanged(self, subject: str) -> None:
        """The provider says yes and nothing else."""
        link = await self._links.find(self._settings.issuer, subject)
        if link is None or link.user.is_suspended:
            raise AccountSuspended
        await self._note_confirmed(subject)

    async def _first_time(self, person: Person, address: str) -> None:
        settings, key = self._settings, email_key(person.email)
        found = await self._users.user_by_email(key)
        detail = {"issuer": settings.issuer, "subject": person.subject, "email": person.email}
        if found is not None:
            user, _ = found
            if not settings.link_by_email:
                raise CompanyAccountNotLinked
            if user.is_suspended:
                raise AccountSuspended
            event = AccountEvent("user.linked", None, user.id, detail, address)
            await self._links.link(user.id, settings.issuer, person.subject, event)
            return
        if not settings.create_users:
            raise CompanyAccountUnknown
        role = role_of(person.groups or set(), settings)
        new = NewUser(person.email, key, _name_of(person), role or Role.USER)
        event = AccountEvent("user.added", None, None, {**detail, "role": new.role.value}, address)
        await self._links.add(new, settings.issuer, person.subject, event)

    async def _as_told(self, link: IdentityLink, person: Person) -> User:
        """Role and groups as the provider has them now. What an administrator gave here is left alone."""
        if link.user.is_suspended:
            raise AccountSuspended
        user = link.user
        groups = person.groups if person.groups is not None else frozenset()
        role = role_of(groups, self._settings)
        if role is not None and role is not user.role:
            try:
                user = await self._people.change(None, user.id, role=role)
            except LastAdministrator:
                logger.warning("%s stays administrator, being the last one", user.email)
        if uses_groups(self._settings) or link.given:
            wanted = set(await self._group_ids(mapped_groups(groups, self._settings)))
            if self._settings.same_group_names:
                wanted |= set((await self._users.groups_by_name({name_key(one) for one in groups})).values())
            event = AccountEvent("user.groups", None, user.id, {"by": self._settings.issuer})
            if await self._links.give_groups(link, wanted, event):
                await self._withdrawals.publish(Withdrawal(user_id=user.id, role=user.role))
        await self._note_confirmed(person.subject)
        return await self._users.user(user.id) or user

    async def _group_ids(self, names: Set[str]) -> list[UUID]:
        try:
            return await self._people.group_ids(None, sorted(names), create=True)
        except Conflict:  # somebody else's sign-in made the same group just now
            return await self._people.group_ids(None, sorted(names), create=True)

    async def _note_confirmed(self, subject: str) -> None:
        now = self._clock()
        days = self._settings.keys_days
        await self._links.confirm(
            self._settings.issuer, subject, now, now + timedelta(days=days) if days else None
        )


def _name_of(person: Person) -> str:
    try:
        return checked_name(person.name)
    except InvalidRequest:
        return ""

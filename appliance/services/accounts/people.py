"""People and groups: who there is, what role they have, who is suspended, and one's own name, language and password.

Administrators change people and groups, auditors read them, everybody sees themselves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller, Group, Language, Role, User
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound, NotPermitted, SignInFailed
from appliance.fairness.limits.policy import LARGEST_WEIGHT, SMALLEST_WEIGHT
from appliance.ports.accounts import GroupChanges, NewUser, PeopleFilter
from appliance.ports.keeping import Keep
from appliance.services.accounts.live_requests import Withdrawal
from appliance.services.accounts.names import checked_email, checked_name, email_key, name_key
from appliance.services.accounts.passwords import PasswordRule, Passwords
from appliance.services.accounts.ports import UserRepository
from appliance.services.accounts.slow_down import SlowDown
from appliance.services.accounts.withdrawals import Withdrawals

_PAGE = 1000

PasswordChanged = Callable[[User], object]
PolicyChanged = Callable[[], Awaitable[None]]


async def _tell_nobody() -> None:
    """Where no gateway runs in this process."""


class People:
    """password_changed: told after somebody chose a new password, in the process where it happened.

    policy_changed: told after weights or the tree of groups changed.
    """

    def __init__(
        self,
        users: UserRepository,
        passwords: Passwords,
        rule: PasswordRule,
        slow_down: SlowDown,
        withdrawals: Withdrawals,
        password_changed: PasswordChanged | None = None,
        policy_changed: PolicyChanged | None = None,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._rule = rule
        self._slow_down = slow_down
        self._withdrawals = withdrawals
        self._password_changed = password_changed or (lambda user: None)
        self._policy_changed = policy_changed or _tell_nobody

    # People -------------------------------------------------------------------------------------------

    async def me(self, caller: Caller) -> User:
        return await self._existing(caller.user_id)

    async def user(self, caller: Caller, user_id: UUID) -> User:
        """Oneself; anybody, for administrators and auditors. Raises NotFound otherwise."""
        if user_id != caller.user_id and caller.role is Role.USER:
            raise NotFound(f"There is no user {user_id}.")
        return await self._existing(user_id)

    async def user_to_read(self, caller: Caller, user_id: UUID) -> User:
        """Anybody, for administrators and auditors only. Raises NotPermitted, NotFound."""
        require_reader(caller)
        return await self._existing(user_id)

    async def users(self, caller: Caller, after: str = "", limit: int = 100) -> Sequence[User]:
        """By e-mail address. after: the last address of the page before."""
        require_reader(caller)
        return await self._users.users(email_key(after), limit)

    async def found(
        self, caller: Caller, wanted: PeopleFilter, after: str = "", limit: int = 100
    ) -> tuple[Sequence[User], int]:
        """Those who fit, by e-mail address, and how many fit in all. after: the last address of the page before."""
        require_reader(caller)
        return await self._users.found(wanted, email_key(after), limit)

    async def everybody(self, caller: Caller) -> AsyncIterator[User]:
        """All of them by e-mail address, a page at a time. Raises NotPermitted before the first is asked for."""
        require_reader(caller)
        return self._pages(caller)

    async def _pages(self, caller: Caller) -> AsyncIterator[User]:
        page = await self.users(caller, "", _PAGE)
        while page:
            for user in page:
                yield user
            page = await self.users(caller, page[-1].email, _PAGE) if len(page) == _PAGE else ()

    async def add(
        self,
        caller: Caller | None,
        email: str,
        *,
        name: str = "",
        role: Role = Role.USER,
        group_ids: Collection[UUID] = (),
        password: str | None = None,
        language: Language | None = None,
    ) -> User:
        """Add somebody; without a password they cannot sign in until a link let them choose one.

        caller None: the operator at the machine. Raises Conflict for a known address, InvalidRequest, PasswordRefused.
        """
        require_admin(caller)
        address = checked_email(email)
        password_hash = None
        if password is not None:
            self._rule.check(password, email_key(address))
            password_hash = await self._passwords.hash(password)
        new = NewUser(address, email_key(address), checked_name(name), role, password_hash, language)
        event = AccountEvent("user.added", _id(caller), detail={"email": address, "role": role.value})
        return await self._users.add_user(new, group_ids, event)

    async def change(
        self,
        caller: Caller | None,
        user_id: UUID,
        *,
        name: str | None = None,
        role: Role | None = None,
        is_suspended: bool | None = None,
        language: Language | None = None,
        weight: float | None = None,
    ) -> User:
        """One's own name and language, or for administrators anybody's everything.

        Raises InvalidRequest, NotPermitted, NotFound, LastAdministrator. A role taken away and a suspension act at
        once, everywhere.
        """
        is_own = caller is not None and caller.user_id == user_id
        if not is_own or role is not None or is_suspended is not None or weight is not None:
            require_admin(caller)
        _check_weight(weight)
        changes = {
            "name": name,
            "role": role,
            "is_suspended": is_suspended,
            "language": language,
            "weight": weight,
        }
        detail = {field: value for field, value in changes.items() if value is not None}
        user = await self._users.update_user(
            user_id,
            AccountEvent("user.changed", _id(caller), user_id, detail),
            name=None if name is None else checked_name(name),
            role=role,
            is_suspended=is_suspended,
            language=language,
            weight=weight,
        )
        await self._withdrawals.publish(_as_it_stands(user))
        if weight is not None:
            await self._policy_changed()
        return user

    async def change_password(self, caller: Caller, old: str, new: str) -> None:
        """One's own; ends every other sign-in and this one. Raises SignInFailed, PasswordRefused, NotPermitted."""
        if caller.session_id is None:
            raise NotPermitted("A password is changed by who is signed in, not with a key.")
        user = await self._existing(caller.user_id)
        key = email_key(user.email)
        self._rule.check(new, key)
        await self._slow_down.attempt(key, "")
        if not await self._passwords.verify(await self._users.password_hash(user.id), old):
            raise SignInFailed
        await self._slow_down.forgive(key, "")
        await self.set_password(caller, user, new)

    async def set_password(self, caller: Caller | None, user: User, new: str) -> None:
        """Without the old one: for the operator at the machine and for `change_password`."""
        self._rule.check(new, email_key(user.email))
        hashed = await self._passwords.hash(new)
        event = AccountEvent("password.changed", _id(caller), user.id)
        ended = await self._users.set_password(user.id, hashed, event)
        await self.password_was_changed(user, ended)

    async def password_was_changed(self, user: User, ended_sessions: Sequence[UUID]) -> None:
        """Tell everybody who has to know."""
        await self._withdrawals.publish(*(Withdrawal(session_id=session) for session in ended_sessions))
        self._password_changed(user)

    async def events(self, caller: Caller, before: int | None, limit: int) -> Sequence[AccountEvent]:
        """What was done to accounts, newest first; before: an event's number."""
        require_reader(caller)
        return await self._users.events(before, limit)

    async def by_email(self, email: str) -> User | None:
        """For the operator at the machine, and for imports."""
        found = await self._users.user_by_email(email_key(email))
        return None if found is None else found[0]

    async def search_by_email(self, caller: Caller, email: str) -> User | None:
        """Whose address that is, for administrators and auditors."""
        require_reader(caller)
        return await self.by_email(email)

    async def _existing(self, user_id: UUID) -> User:
        user = await self._users.user(user_id)
        if user is None:
            raise NotFound(f"There is no user {user_id}.")
        return user

    # Groups -------------------------------------------------------------------------------------------

    async def groups(self, caller: Caller) -> Sequence[Group]:
        """All of them, for administrators and auditors; otherwise one's own, without telling who else is in them."""
        if caller.role is not Role.USER:
            return await self._users.groups()
        own = await self._users.groups(caller.user_id)
        return [replace(group, member_ids=frozenset({caller.user_id})) for group in own]

    async def add_group(
        self, caller: Caller | None, name: str, *, weight: float | None = None, parent_id: UUID | None = None
    ) -> Group:
        """weight None: it takes no part in sharing. Raises Conflict, InvalidRequest, NotFound for the parent."""
        require_admin(caller)
        text = checked_name(name, may_be_empty=False)
        _check_weight(weight)
        detail: dict[str, Any] = {"name": text}
        if weight is not None:
            detail["weight"] = weight
        if parent_id is not None:
            detail["parent_id"] = str(parent_id)
        event = AccountEvent("group.added", _id(caller), detail=detail)
        group = await self._users.add_group(text, name_key(text), event, weight=weight, parent_id=parent_id)
        if weight is not None or parent_id is not None:
            await self._policy_changed()
        return group

    async def change_group(self, caller: Caller, group_id: UUID, changes: GroupChanges) -> Group:
        """Raises NotFound, Conflict for a name that is taken, InvalidRequest for a weight or a circle."""
        require_admin(caller)
        detail: dict[str, Any] = {}
        if changes.name is not None:
            changes = replace(changes, name=checked_name(changes.name, may_be_empty=False))
            detail["name"] = changes.name
        if not isinstance(changes.weight, Keep):
            _check_weight(changes.weight)
            detail["weight"] = changes.weight
        if not isinstance(changes.parent_id, Keep):
            detail["parent_id"] = None if changes.parent_id is None else str(changes.parent_id)
        key = None if changes.name is None else name_key(changes.name)
        event = AccountEvent("group.changed", caller.user_id, group_id, detail)
        group = await self._users.change_group(group_id, changes, key, event)
        await self._policy_changed()
        return group

    async def remove_group(self, caller: Caller, group_id: UUID) -> None:
        require_admin(caller)
        members = await self._users.remove_group(
            group_id, AccountEvent("group.removed", caller.user_id, group_id)
        )
        await self._tell_members(members)
        await self._policy_changed()

    async def set_members(self, caller: Caller, group_id: UUID, user_ids: Collection[UUID]) -> None:
        """Exactly these people are in the group from now on."""
        require_admin(caller)
        detail = {"members": sorted(str(user_id) for user_id in user_ids)}
        event = AccountEvent("group.members", caller.user_id, group_id, detail)
        await self._tell_members(await self._users.set_members(group_id, user_ids, event))

    async def group_ids(self, caller: Caller | None, names: Collection[str], *, create: bool) -> list[UUID]:
        """Groups by name; create: make those that are missing, else raise InvalidRequest."""
        require_admin(caller)
        wanted: dict[str, str] = {}
        for name in names:
            wanted.setdefault(name_key(name), name)
        found = dict(await self._users.groups_by_name(wanted.keys()))
        for key, name in wanted.items():
            if key not in found and not create:
                raise InvalidRequest(f"There is no group {name!r}.", param="groups")
            if key not in found:
                found[key] = (await self.add_group(caller, name)).id
        return list(found.values())

    async def _tell_members(self, user_ids: Collection[UUID]) -> None:
        users = [await self._users.user(user_id) for user_id in user_ids]
        await self._withdrawals.publish(*(_as_it_stands(user) for user in users if user is not None))


def require_admin(caller: Caller | None) -> None:
    """None is the operator at the machine. Raises NotPermitted."""
    if caller is not None and not caller.is_admin:
        raise NotPermitted(Told("administrators_only"))
    if caller is not None and caller.scopes.models is not None:
        raise NotPermitted("A key that is limited to some models cannot administer.")


def require_reader(caller: Caller) -> None:
    """Administrators and auditors. Raises NotPermitted."""
    if caller.role is Role.USER:
        raise NotPermitted(Told("overseers_only"))


def _check_weight(weight: float | None) -> None:
    if weight is not None and not SMALLEST_WEIGHT <= weight <= LARGEST_WEIGHT:
        raise InvalidRequest(
            Told("weight_wrong", least=format(SMALLEST_WEIGHT, "g"), most=format(LARGEST_WEIGHT, "g")),
            param="weight",
        )


def _as_it_stands(user: User) -> Withdrawal:
    """Requests that had more than this person has now end; what is cached about them is forgotten."""
    return Withdrawal(user_id=user.id, role=None if user.is_suspended else user.role)


def _id(caller: Caller | None) -> UUID | None:
    return None if caller is None else caller.user_id

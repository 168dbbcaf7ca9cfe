"""One-time links: an invitation, or a way to a new password. Only a hash is kept, and a link works once.

The token stands behind `#` in the address, so it reaches neither a log nor a Referer header.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller, User
from appliance.errors import LinkNotValid, NotFound
from appliance.ports.accounts import LinkKind, NewLink
from appliance.services.accounts import tokens
from appliance.services.accounts.names import email_key
from appliance.services.accounts.passwords import PasswordRule, Passwords
from appliance.services.accounts.people import People, require_admin
from appliance.services.accounts.ports import CredentialRepository, UserRepository
from appliance.services.settings import AccountSettings

PATHS: dict[LinkKind, str] = {"invitation": "/invitation", "password_reset": "/password-reset"}


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """path: to be put behind the appliance's own address."""

    kind: LinkKind
    user: User
    token: str
    expires_at: datetime

    @property
    def path(self) -> str:
        return f"{PATHS[self.kind]}#{self.token}"


class Links:
    """Made by administrators and by the operator at the machine, used by whoever holds them."""

    def __init__(
        self,
        users: UserRepository,
        credentials: CredentialRepository,
        people: People,
        passwords: Passwords,
        rule: PasswordRule,
        settings: AccountSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._users = users
        self._credentials = credentials
        self._people = people
        self._passwords = passwords
        self._rule = rule
        self._lasts: dict[LinkKind, timedelta] = {
            "invitation": timedelta(days=settings.invitation_days),
            "password_reset": timedelta(hours=settings.reset_hours),
        }
        self._clock = clock

    @property
    def min_password_length(self) -> int:
        """Told to who holds a link, before a password is chosen."""
        return self._rule.min_length

    async def make(self, caller: Caller | None, kind: LinkKind, user_id: UUID) -> OneTimeLink:
        """A new link; older ones of its kind for this person stop working. Raises NotPermitted, NotFound."""
        require_admin(caller)
        user = await self._users.user(user_id)
        if user is None:
            raise NotFound(f"There is no user {user_id}.")
        token, now = tokens.mint_token(), self._clock()
        expires_at = now + self._lasts[kind]
        actor = None if caller is None else caller.user_id
        await self._credentials.add_link(
            NewLink(kind, user_id, tokens.fingerprint(token), actor, now, expires_at),
            AccountEvent(f"{kind}.made", actor, user_id),
        )
        return OneTimeLink(kind, user, token, expires_at)

    async def look(self, kind: LinkKind, token: str) -> User:
        """Whom the link is for, without using it. Raises LinkNotValid."""
        if not tokens.looks_like_token(token):
            raise LinkNotValid
        user = await self._credentials.open_link(kind, tokens.fingerprint(token), self._clock())
        if user is None:
            raise LinkNotValid
        return user

    async def use(self, kind: LinkKind, token: str, password: str, address: str = "") -> User:
        """Choose a password with it; every sign-in of the person ends. Raises LinkNotValid, PasswordRefused."""
        user = await self.look(kind, token)
        self._rule.check(password, email_key(user.email))
        password_hash = await self._passwords.hash(password)
        event = AccountEvent(f"{kind}.used", user.id, user.id, address=address)
        used = await self._credentials.use_link(
            kind, tokens.fingerprint(token), password_hash, self._clock(), event
        )
        if used is None:
            raise LinkNotValid
        await self._people.password_was_changed(user, used[1])
        return user

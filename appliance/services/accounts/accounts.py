"""The accounts of one process, put together: what the doors are handed, and the tasks that keep it true."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis

from appliance.domain.people import Role
from appliance.errors import ApplianceError, PartUnavailable
from appliance.fairness.accounting.contact import PostgresContact
from appliance.services.accounts.authentication import Authentication, utc_now
from appliance.services.accounts.caller_cache import CallerCache
from appliance.services.accounts.keys import Keys
from appliance.services.accounts.links import Links
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.accounts.passwords import PasswordRule, Passwords, generate_password
from appliance.services.accounts.people import PasswordChanged, People, PolicyChanged
from appliance.services.accounts.ports import CredentialRepository, UserRepository
from appliance.services.accounts.sign_in import NeedsCompany, SignIn
from appliance.services.accounts.slow_down import SlowDown
from appliance.services.accounts.tokens import mint_key
from appliance.services.accounts.withdrawals import Withdrawals
from appliance.services.settings import AccountSettings

logger = logging.getLogger(__name__)

_NOTE_EVERY_S = 5.0
_TIDY_EVERY = 720  # notes: once an hour


@dataclass(frozen=True, slots=True, repr=False)
class FirstAdministrator:
    """Told once, at the very first start."""

    email: str
    password: str
    api_key: str


def mint_first_administrator(email: str) -> FirstAdministrator:
    """A fresh password and key; nothing is stored yet."""
    return FirstAdministrator(email, generate_password(), mint_key())


class Accounts:
    """Everything about accounts in this process. `start` before use, `close` at the end."""

    def __init__(
        self,
        users: UserRepository,
        credentials: CredentialRepository,
        valkey: Redis,
        settings: AccountSettings,
        secret: bytes,
        *,
        passwords: Passwords | None = None,
        password_changed: PasswordChanged | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        contact: PostgresContact | None = None,
        policy_changed: PolicyChanged | None = None,
        needs_company: NeedsCompany | None = None,
    ) -> None:
        hashing = passwords or Passwords()
        rule = PasswordRule(settings.min_password_length)
        cache = CallerCache(monotonic)
        slow_down = SlowDown(valkey, settings.attempts_before_delay)
        self._users = users
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self.live = LiveRequests()
        self.withdrawals = Withdrawals(valkey, cache, self.live, credentials, clock)
        self.authentication = Authentication(credentials, cache, secret, clock, contact)
        self.sign_in = SignIn(
            users, credentials, hashing, slow_down, self.withdrawals, settings, clock, needs_company
        )
        self.people = People(
            users, hashing, rule, slow_down, self.withdrawals, password_changed, policy_changed
        )
        self.links = Links(users, credentials, self.people, hashing, rule, settings, clock)
        self.keys = Keys(users, credentials, self.withdrawals, clock)

    async def start(self) -> None:
        """Listen for withdrawn credentials and note uses now and then."""
        self._tasks = [
            asyncio.create_task(self.withdrawals.run(), name="accounts-withdrawals"),
            asyncio.create_task(self._note_uses(), name="accounts-uses"),
        ]

    async def close(self) -> None:
        """Stop, and write down the last uses."""
        for task in self._tasks:
            # Until Python 3.12 `wait_for`, which the database pool uses, may lose a cancellation: ask again.
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.2)
        self._tasks = []
        with suppress(PartUnavailable):
            await self.note_uses()

    async def note_uses(self) -> None:
        """Write down when keys and sessions were last used; sessions so live on."""
        keys, sessions = self.authentication.take_uses()
        if keys or sessions:
            await self._credentials.note_use(keys, sessions, self._settings.session_days)

    async def create_first_administrator(self, first: FirstAdministrator, name: str = "") -> bool:
        """Make the administrator when there is nobody yet; True when that, or the rest of it, was done now.

        Write `first` (mint_first_administrator) to disk before, and hand in the same after a crash: what is missing
        is made, nothing is made twice, and nothing changes once the key has been there.
        """
        user = None
        if await self._users.count_users() == 0:
            user = await self.people.add(
                None, first.email, name=name, role=Role.ADMIN, password=first.password
            )
        elif await self._users.count_users() == 1:
            user = await self.people.by_email(first.email)
        if user is None or await self._credentials.keys(None):
            return False
        await self.keys.make(None, user.id, name="first key", secret=first.api_key)
        return True

    async def _note_uses(self) -> None:
        round_number = 0
        while True:
            try:
                if round_number % _TIDY_EVERY == 0:
                    await self._credentials.remove_expired(self._clock())
                await self.note_uses()
            except ApplianceError as error:
                logger.warning("Last uses of keys and sessions were not written: %s", error)
            except Exception:
                logger.exception("Last uses of keys and sessions were not written.")
            round_number += 1
            await asyncio.sleep(_NOTE_EVERY_S)

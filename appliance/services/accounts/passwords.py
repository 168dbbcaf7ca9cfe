"""Passwords: which are accepted, and argon2id in threads, a few at a time.

Each check needs MEMORY_KIB, so a burst of sign-ins waits in line instead of eating the memory; when the line is long
the next one is sent away. An unknown address is checked against a hash of nobody, so it takes as long as a known one.
Does not know lists of leaked passwords.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.domain.refusals import Told
from appliance.errors import PasswordRefused, TooManyAttempts

MEMORY_KIB = 64 * 1024
PASSES = 3  # with 64 MiB the second choice of RFC 9106, with one lane: 0.15 s of one core
LONGEST = 1024  # characters
T = TypeVar("T")
_AT_ONCE = 2
_IN_LINE = 32
_GENERATED = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without l, I, O, 0, 1, i, o


@dataclass(frozen=True, slots=True)
class PasswordRule:
    """Shortest length in characters. There are no rules about which characters."""

    min_length: int

    def check(self, password: str, email_key: str) -> None:
        """Raises PasswordRefused."""
        if len(password) < self.min_length:
            raise PasswordRefused(Told("password_short", least=self.min_length), param="password")
        if len(password) > LONGEST:
            raise PasswordRefused(Told("password_long", most=LONGEST), param="password")
        if password.casefold() in (email_key, email_key.partition("@")[0]) or len(set(password)) < 4:
            raise PasswordRefused(param="password")


def generate_password() -> str:
    """20 characters that can be read out aloud: 115 bits."""
    return "".join(secrets.choice(_GENERATED) for _ in range(20))


class Passwords:
    """memory_kib and passes: argon2id's cost; the defaults are for production."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")
        self._in_line = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        return await self._in_turn(self._hasher.hash, _bytes(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """password_hash None: nobody's, which takes as long and is never right."""
        if password_hash is None:
            if self._nobody is None:
                self._nobody = await self.hash(secrets.token_hex())
            await self._in_turn(self._is_right, self._nobody, password)
            return False
        return await self._in_turn(self._is_right, password_hash, password)

    def needs_rehash(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    def _is_right(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[..., T], *texts: str | bytes) -> T:
        if self._in_line >= _IN_LINE:
            raise TooManyAttempts("Many people are signing in just now.", retry_after_s=2.0)
        self._in_line += 1
        # Never more than _AT_ONCE at work, also when who asked has gone away meanwhile.
        future = asyncio.wrap_future(self._threads.submit(work, *texts))
        future.add_done_callback(self._one_less)
        return await future

    def _one_less(self, _: object) -> None:
        self._in_line -= 1


def _bytes(password: str) -> bytes:
    # JSON can carry half a surrogate pair; it is as good a character as any in a password.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")

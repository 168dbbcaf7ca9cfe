"""Signing in and out: a password becomes a session, a sign-in always gets a new token.

A session lasts `session_days` after its last use, `session_max_days` in all. Its token is known to the browser alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller, Session, User
from appliance.errors import AccountSuspended, CompanyAccountOnly, NotFound, NotPermitted, SignInFailed
from appliance.ports.accounts import NewSession, ProviderProof
from appliance.services.accounts import tokens
from appliance.services.accounts.live_requests import Withdrawal
from appliance.services.accounts.names import email_key
from appliance.services.accounts.passwords import LONGEST, Passwords
from appliance.services.accounts.people import require_admin, require_reader
from appliance.services.accounts.ports import CredentialRepository, UserRepository
from appliance.services.accounts.slow_down import SlowDown
from appliance.services.accounts.withdrawals import Withdrawals
from appliance.services.settings import AccountSettings

_AGENT_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Device:
    """What asks: shown in the list of sessions, and what failed attempts are counted by."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; token goes into the cookie and nowhere else."""

    user: User
    session: Session
    token: str


NeedsCompany = Callable[[UUID], Awaitable[bool]]


class SignIn:
    """Sessions. needs_company: whether somebody may sign in with the company's provider only; None: nobody must."""

    def __init__(
        self,
        users: UserRepository,
        credentials: CredentialRepository,
        passwords: Passwords,
        slow_down: SlowDown,
        withdrawals: Withdrawals,
        settings: AccountSettings,
        clock: Callable[[], datetime],
        needs_company: NeedsCompany | None = None,
    ) -> None:
        self._users = users
        self._credentials = credentials
        self._passwords = passwords
        self._slow_down = slow_down
        self._withdrawals = withdrawals
        self._settings = settings
        self._clock = clock
        self._needs_company = needs_company

    @property
    def cookie_age_s(self) -> int:
        return self._settings.session_days * 86_400

    async def sign_in(
        self, email: str, password: str, device: Device, old_token: str | None = None
    ) -> SignedIn:
        """old_token: what the browser held before; its session ends.

        Raises SignInFailed, TooManyAttempts, AccountSuspended, CompanyAccountOnly.
        """
        account = email_key(email)
        await self._slow_down.attempt(account, device.address)
        found = await self._users.user_by_email(account)
        user, password_hash = found if found is not None else (None, None)
        is_right = await self._passwords.verify(password_hash, password[: LONGEST + 1])
        if user is None or password_hash is None or not is_right:
            await self._users.record(
                AccountEvent("sign_in.failed", None, user.id if user else None, address=device.address)
            )
            raise SignInFailed
        await self._slow_down.forgive(account, device.address)
        if user.is_suspended:
            raise AccountSuspended
        if self._needs_company is not None and await self._needs_company(user.id):
            raise CompanyAccountOnly
        if self._passwords.needs_rehash(password_hash):
            await self._users.rehash_password(user.id, password_hash, await self._passwords.hash(password))
        return await self.begin(user, device, old_token)

    async def begin(
        self,
        user: User,
        device: Device,
        old_token: str | None,
        *,
        proof: ProviderProof | None = None,
        at_most: timedelta | None = None,
    ) -> SignedIn:
        """A session for somebody who has proved who they are. proof, at_most: where the company's provider said so."""
        token, now = tokens.mint_token(), self._clock()
        ends_at = now + min(timedelta(days=self._settings.session_max_days), at_most or timedelta.max)
        new = NewSession(
            user_id=user.id,
            token_hash=tokens.fingerprint(token),
            user_agent=_printable(device.user_agent)[:_AGENT_CHARACTERS],
            address=device.address,
            created_at=now,
            expires_at=min(now + timedelta(days=self._settings.session_days), ends_at),
            ends_at=ends_at,
            proof=proof,
        )
        replaces = tokens.fingerprint(old_token) if old_token and tokens.looks_like_token(old_token) else None
        old = await self._credentials.by_session_token(replaces) if replaces else None
        session = await self._credentials.add_session(
            new, replaces, AccountEvent("sign_in", user.id, user.id, _how(proof), device.address)
        )
        if old is not None:
            await self._withdrawals.publish(Withdrawal(session_id=old.caller.session_id))
        return SignedIn(user, session, token)

    async def sign_out(self, caller: Caller) -> None:
        """End the session the request came with. Raises NotPermitted for a key."""
        if caller.session_id is None:
            raise NotPermitted("A key is not signed out but revoked.")
        await self._end(caller.user_id, caller, caller.session_id, "sign_out")

    async def sessions(self, caller: Caller) -> Sequence[Session]:
        """One's own, last used first."""
        return await self._credentials.sessions(caller.user_id, self._clock())

    async def withdraw(self, user_id: UUID, session_id: UUID, why: str) -> bool:
        """End a session for a reason of ours or of the company's provider; False where it had ended."""
        event = AccountEvent("session.ended", None, user_id, {"session": str(session_id), "why": why})
        ended = await self._credentials.end_sessions(user_id, event, only=session_id)
        await self._withdrawals.publish(Withdrawal(session_id=session_id))
        return bool(ended)

    async def end_session(self, caller: Caller, session_id: UUID) -> None:
        """One's own. Raises NotFound for anybody else's."""
        await self._end(caller.user_id, caller, session_id, "session.ended")

    async def end_other_sessions(self, caller: Caller) -> int:
        """Sign out everywhere else; returns how many that were."""
        event = AccountEvent("sessions.ended", caller.user_id, caller.user_id)
        ended = await self._credentials.end_sessions(caller.user_id, event, keep=caller.session_id)
        await self._withdrawals.publish(*(Withdrawal(session_id=session) for session in ended))
        return len(ended)

    async def sessions_of(self, caller: Caller, user_id: UUID) -> Sequence[Session]:
        """Somebody's, for administrators and auditors. Raises NotPermitted."""
        require_reader(caller)
        return await self._credentials.sessions(user_id, self._clock())

    async def end_sessions_of(self, caller: Caller, user_id: UUID, *, only: UUID | None = None) -> int:
        """Sign somebody out, everywhere or of one session; returns how many that were.

        Raises NotPermitted for who is no administrator, NotFound for a session that is not that person's.
        """
        require_admin(caller)
        action, detail = "sessions.ended", {}
        if only is not None:
            action, detail = "session.ended", {"session": str(only)}
        event = AccountEvent(action, caller.user_id, user_id, detail)
        ended = await self._credentials.end_sessions(user_id, event, only=only)
        if only is not None and not ended:
            raise NotFound(f"There is no session {only}.")
        await self._withdrawals.publish(*(Withdrawal(session_id=session) for session in ended))
        return len(ended)

    async def _end(self, user_id: UUID, caller: Caller, session_id: UUID, action: str) -> None:
        event = AccountEvent(action, caller.user_id, user_id, {"session": str(session_id)})
        ended = await self._credentials.end_sessions(user_id, event, only=session_id)
        if not ended:
            raise NotFound(f"There is no session {session_id}.")
        await self._withdrawals.publish(Withdrawal(session_id=session_id))


def _how(proof: ProviderProof | None) -> dict[str, str]:
    return {} if proof is None else {"by": proof.issuer}


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)

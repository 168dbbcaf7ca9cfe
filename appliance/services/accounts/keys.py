"""API keys: shown once, scoped, expiring, revoked at once everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from appliance.domain.people import AccountEvent, ApiKey, Caller, Role, Scopes
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound, NotPermitted
from appliance.ports.accounts import NewKey
from appliance.services.accounts import tokens
from appliance.services.accounts.live_requests import Withdrawal
from appliance.services.accounts.names import checked_name
from appliance.services.accounts.people import require_admin
from appliance.services.accounts.ports import CredentialRepository, UserRepository
from appliance.services.accounts.withdrawals import Withdrawals

_MOST_SCOPES = 100
_LONGEST_SCOPE = 200


@dataclass(frozen=True, slots=True)
class NewlyMadeKey:
    """secret is shown now and never again."""

    key: ApiKey
    secret: str


class Keys:
    """Everybody makes and revokes their own; administrators everybody's; auditors read."""

    def __init__(
        self,
        users: UserRepository,
        credentials: CredentialRepository,
        withdrawals: Withdrawals,
        clock: Callable[[], datetime],
    ) -> None:
        self._users = users
        self._credentials = credentials
        self._withdrawals = withdrawals
        self._clock = clock

    async def make(
        self,
        caller: Caller | None,
        user_id: UUID,
        *,
        name: str = "",
        scopes: Scopes | None = None,
        expires_at: datetime | None = None,
        secret: str | None = None,
        is_batch: bool = False,
        stays_local: bool = False,
        allows_smaller: bool = True,
    ) -> NewlyMadeKey:
        """A key of user_id. caller None: the operator at the machine, who may bring a minted secret.

        Raises NotPermitted for somebody else's key, and for a key that would make a key with more rights than its own.
        """
        if caller is not None and caller.user_id != user_id:
            if not caller.is_admin:
                raise NotPermitted("A key can only be made for oneself.")
            require_admin(caller)
        wanted = scopes or Scopes()
        _check_scopes(wanted)
        if caller is not None and not is_within(wanted, caller.scopes):
            raise NotPermitted("A key cannot make a key that may do more than itself.", param="scopes")
        if caller is not None and caller.is_batch and not is_batch:
            raise NotPermitted(
                "A batch key makes batch keys only: set `is_batch`, or use another key.", param="is_batch"
            )
        if caller is not None and caller.stays_local and not stays_local:
            raise NotPermitted(
                "A key that stays local makes such keys only: set `stays_local`, or use another key.",
                param="stays_local",
            )
        await self._require_not_longer(caller, expires_at)
        now = self._clock()
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest(Told("expiry_past"), param="expires_at")
        if await self._users.user(user_id) is None:
            raise NotFound(f"There is no user {user_id}.")
        if secret is None or caller is not None or not tokens.looks_like_key(secret):
            secret = tokens.mint_key()
        new = NewKey(
            user_id,
            checked_name(name),
            secret[: tokens.SHOWN_CHARACTERS],
            tokens.fingerprint(secret),
            wanted,
            now,
            expires_at,
            is_batch,
            stays_local,
            allows_smaller,
        )
        actor = None if caller is None else caller.user_id
        detail = {
            "prefix": new.prefix,
            "name": new.name,
            "is_batch": is_batch,
            **({"stays_local": True} if stays_local else {}),
            **({} if allows_smaller else {"allows_smaller": False}),
        }
        event = AccountEvent("key.made", actor, user_id, detail)
        return NewlyMadeKey(await self._credentials.add_key(new, event), secret)

    async def keys(self, caller: Caller, *, everybody: bool = False) -> Sequence[ApiKey]:
        """One's own, newest first; everybody's for administrators and auditors."""
        if everybody and caller.role is Role.USER:
            raise NotPermitted("Only administrators and auditors can see everybody's keys.")
        return await self._credentials.keys(None if everybody else caller.user_id)

    async def revoke(self, caller: Caller | None, key_id: UUID) -> ApiKey:
        """From now on it is refused, and what runs with it ends. Raises NotFound for a key one may not see."""
        key = await self._credentials.key(key_id)
        if key is None or (caller is not None and key.user_id != caller.user_id and not caller.is_admin):
            raise NotFound(f"There is no key {key_id}.")
        if caller is not None and key.user_id != caller.user_id:
            require_admin(caller)
        actor = None if caller is None else caller.user_id
        event = AccountEvent("key.revoked", actor, key.user_id, {"prefix": key.prefix, "key": str(key_id)})
        revoked = await self._credentials.revoke_key(key_id, self._clock(), event)
        await self._withdrawals.publish(Withdrawal(key_id=key_id))
        return revoked or key

    async def _require_not_longer(self, caller: Caller | None, expires_at: datetime | None) -> None:
        """A key that was lent for a time makes none that outlives it."""
        if caller is None or caller.key_id is None:
            return
        own = await self._credentials.key(caller.key_id)
        ends = None if own is None else own.expires_at
        if ends is not None and (expires_at is None or expires_at > ends):
            raise NotPermitted(
                f"This key ends at {ends.isoformat()}: set `expires_at` to that or earlier.",
                param="expires_at",
            )


def is_within(wanted: Scopes, own: Scopes) -> bool:
    """Whether wanted allows nothing that own does not."""
    models = own.models is None or (wanted.models is not None and wanted.models <= own.models)
    routes = own.routes is None or (
        wanted.routes is not None and all(own.allow_route(route) for route in wanted.routes)
    )
    return models and routes


def _check_scopes(scopes: Scopes) -> None:
    for name, entries in (("models", scopes.models), ("routes", scopes.routes)):
        if entries is None:
            continue
        if not entries or len(entries) > _MOST_SCOPES or any(len(e) > _LONGEST_SCOPE for e in entries):
            raise InvalidRequest(
                f"`{name}` must have 1 to {_MOST_SCOPES} entries of at most {_LONGEST_SCOPE} characters; "
                "leave it out to allow all.",
                param=name,
            )
        for entry in entries:
            checked_name(entry, name, may_be_empty=False)
    if any(not route.startswith("/") for route in scopes.routes or ()):
        raise InvalidRequest(
            "Each of `routes` must begin with `/`, such as `/v1/embeddings`.", param="routes"
        )

"""The accounts room, joined to PostgreSQL and Valkey, and how requests say who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from redis.asyncio import Redis

from appliance.api.identity import Identity
from appliance.api.origins import Origins
from appliance.errors import StartupError
from appliance.fairness.accounting.contact import PostgresContact
from appliance.services.accounts import Accounts
from appliance.services.accounts.people import PasswordChanged, PolicyChanged
from appliance.services.accounts.sign_in import NeedsCompany
from appliance.services.single_sign_on.settings import OidcSettings
from appliance.settings import ServerSettings, Settings
from appliance.storage.accounts import PostgresUsers
from appliance.storage.credentials import PostgresCredentials
from appliance.storage.database import Database
from appliance.storage.identity_links import PostgresIdentityLinks
from appliance.storage.roles import DatabaseRole

if TYPE_CHECKING:
    from appliance.bootstrap.box import Box


def build_accounts(
    database: Database,
    valkey: Redis,
    settings: Settings,
    session_secret: str,
    password_changed: PasswordChanged | None = None,
    contact: PostgresContact | None = None,
    policy_changed: PolicyChanged | None = None,
) -> Accounts:
    """database: of the api role. password_changed: told in the process where somebody chose a new password.

    contact: for how long who is known may go on while PostgreSQL is away; None: not at all.
    policy_changed: told after weights or the tree of groups changed.
    """
    return Accounts(
        PostgresUsers(database),
        PostgresCredentials(database),
        valkey,
        settings.accounts,
        session_secret.encode(),
        password_changed=password_changed,
        contact=contact,
        policy_changed=policy_changed,
        needs_company=company_only(database, settings.identity.oidc),
    )


def company_only(database: Database, oidc: OidcSettings) -> NeedsCompany | None:
    """Whose password is not enough: linked accounts, unless the operator allows both."""
    if not oidc.is_on or oidc.password_when_linked:
        return None
    links = PostgresIdentityLinks(database)

    async def needs_company(user_id: UUID) -> bool:
        return await links.is_linked(user_id, oidc.issuer)

    return needs_company


def build_identity(accounts: Accounts, server: ServerSettings) -> Identity:
    """Raises StartupError for a trusted proxy that is not a network."""
    try:
        origins = Origins.of(server.trusted_proxies, server.public_url)
    except ValueError as error:
        raise StartupError(
            f"`server.trusted_proxies`: {error}. Write a network such as 172.18.0.0/16."
        ) from error
    return Identity(accounts.authentication, origins, allow_plain_http=server.allow_plain_http)


@asynccontextmanager
async def opened_accounts(
    box: Box, password_changed: PasswordChanged | None = None
) -> AsyncIterator[Accounts]:
    """The accounts of a box for a command at the machine; its PostgreSQL must be running."""
    database = Database(box.database_url(DatabaseRole.API), pool_size=1)
    await database.open()
    valkey = Redis.from_url(box.valkey_url)
    try:
        yield build_accounts(database, valkey, box.settings, box.secrets.session_secret, password_changed)
    finally:
        await valkey.aclose()
        await database.close()

"""The accounts room, joined to PostgreSQL and Valkey, and how requests say who they are."""

from __future__ import annotations

from redis.asyncio import Redis

from appliance.api.identity import Identity
from appliance.api.origins import Origins
from appliance.errors import StartupError
from appliance.services.accounts import Accounts
from appliance.services.accounts.people import PasswordChanged
from appliance.settings import ServerSettings, Settings
from appliance.storage.accounts import PostgresUsers
from appliance.storage.credentials import PostgresCredentials
from appliance.storage.database import Database


def build_accounts(
    database: Database,
    valkey: Redis,
    settings: Settings,
    session_secret: str,
    password_changed: PasswordChanged | None = None,
) -> Accounts:
    """database: of the api role. password_changed: told in the process where somebody chose a new password."""
    return Accounts(
        PostgresUsers(database),
        PostgresCredentials(database),
        valkey,
        settings.accounts,
        session_secret.encode(),
        password_changed=password_changed,
    )


def build_identity(accounts: Accounts, server: ServerSettings) -> Identity:
    """Raises StartupError for a trusted proxy that is not a network."""
    try:
        origins = Origins.of(server.trusted_proxies, server.public_url)
    except ValueError as error:
        raise StartupError(
            f"`server.trusted_proxies`: {error}. Write a network such as 172.18.0.0/16."
        ) from error
    return Identity(accounts.authentication, origins, allow_plain_http=server.allow_plain_http)

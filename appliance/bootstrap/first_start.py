"""The very first start: an administrator, a key, credentials.json and the sample documents.

A marker in the data folder says that all of it is done. Until then every start goes through all of it again, and each
step bears that, so a crash at any point costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from redis.asyncio import Redis

from appliance.bootstrap.accounts import build_accounts
from appliance.bootstrap.box import Box
from appliance.bootstrap.credentials_file import drop_password, read_credentials, write_credentials
from appliance.domain.people import Caller, Role, User
from appliance.services.accounts import Accounts, FirstAdministrator, mint_first_administrator
from appliance.storage.accounts import PostgresUsers
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole

FIRST_EMAIL = "admin@appliance.local"
_MARKER = "first-start-done"


def is_done(box: Box) -> bool:
    """True when there is nothing to do here any more."""
    return (box.data / _MARKER).exists()


async def first_start(box: Box, url: str) -> None:
    """url: the address people use. Raises ApplianceError."""
    async with _accounts(box) as (accounts, database):
        first = await _administrator(box, url, database)
        if first is not None:
            await accounts.create_first_administrator(first)
            if box.settings.knowledge.sample:
                await _load_sample(box, accounts, database, first.email)
    mark_done(box)


def mark_done(box: Box) -> None:
    """Nothing of it will be done again."""
    (box.data / _MARKER).touch(mode=0o600)


def forget_password(credentials: Path, user: User) -> None:
    """Once its owner has chosen another password the first one has no business lying about."""
    drop_password(credentials, user.email)


async def _administrator(box: Box, url: str, database: Database) -> FirstAdministrator | None:
    """From credentials.json where an interrupted start wrote it; None in a database that has people already."""
    kept = read_credentials(box.credentials_path)
    if {"email", "password", "api_key"} <= set(kept):
        return FirstAdministrator(kept["email"], kept["password"], kept["api_key"])
    if await PostgresUsers(database).count_users():
        return None
    first = mint_first_administrator(FIRST_EMAIL)
    write_credentials(
        box.credentials_path, url=url, email=first.email, password=first.password, api_key=first.api_key
    )
    return first


async def _load_sample(box: Box, accounts: Accounts, database: Database, email: str) -> None:
    from appliance.bootstrap.knowledge import build_knowledge  # numpy and the doors: only when needed
    from appliance.bootstrap.sample_data import ensure_sample_sales
    from appliance.services.knowledge.sample import ensure_sample
    from inference.embedding.client import EmbedderClient

    user = await accounts.people.by_email(email)
    if user is None:
        return
    embedder = EmbedderClient(box.embedder_socket)
    try:
        parts = build_knowledge(database, embedder, box.settings, box.data)
        administrator = Caller(user.id, user.email, Role.ADMIN)
        await ensure_sample(parts.knowledge, administrator)
        await ensure_sample_sales(box, database, embedder, administrator, datetime.now().astimezone().date())
    finally:
        await embedder.close()


@asynccontextmanager
async def _accounts(box: Box) -> AsyncIterator[tuple[Accounts, Database]]:
    database = Database(box.database_url(DatabaseRole.API), pool_size=2)
    await database.open()
    valkey = Redis.from_url(box.valkey_url)
    try:
        yield build_accounts(database, valkey, box.settings, box.secrets.session_secret), database
    finally:
        await valkey.aclose()
        await database.close()

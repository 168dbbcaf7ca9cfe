"""Runs the canaries of a box: made-up people through the accounts, their documents and probes over HTTP.

`appliance doctor --canaries` does it now, the worker once a night. The people are called canary-…@canary.invalid, have
no password, and are suspended whenever no run is going on; their keys live for an hour at most and are revoked before.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp

from appliance.bootstrap.accounts import opened_accounts
from appliance.bootstrap.box import Box
from appliance.domain.people import Role, User, Viewer
from appliance.services.accounts import Accounts
from appliance.services.canaries.plants import Tally
from appliance.services.canaries.run import NOBODY, Actor, CanaryRun
from appliance.storage.canaries import CanaryNet
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.state import read_state

logger = logging.getLogger(__name__)

DOMAIN, GROUP = "canary.invalid", "canaries"
_KEY_LIVES = timedelta(hours=1)
_TIMEOUT_S = 120.0
# role -> (rights, in the group)
_PEOPLE = {
    "owner": (Role.USER, False),
    "outsider": (Role.USER, False),
    "member": (Role.USER, True),
    "colleague": (Role.USER, True),
    "administrator": (Role.ADMIN, False),
    "auditor": (Role.AUDITOR, False),
}


class HttpDoor:
    """Fulfils services.canaries.run.Door."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, key: str | None, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        async with self._session.request(method, path, json=body, headers=_headers(key)) as answer:
            return answer.status, await answer.read()

    async def upload(
        self, key: str, filename: str, content: bytes, path: str = "/v1/files"
    ) -> tuple[int, bytes]:
        form = aiohttp.FormData({"purpose": "assistants"})
        form.add_field("file", content, filename=filename)
        async with self._session.post(path, data=form, headers=_headers(key)) as answer:
            return answer.status, await answer.read()


async def run_canaries(box: Box, url: str) -> Tally:
    """One run against the appliance at url; recorded, and logged as an error where something was reached.

    One run at a time: a second one waits for the first, whichever process it is in.
    """
    started = datetime.now(UTC)
    async with prepared_run(box, url) as (run, net):
        tally = await run.run()
        hits = [asdict(hit) for hit in tally.hits]
        await net.record(started, datetime.now(UTC), tally.probes, hits)
    for hit in tally.hits:
        logger.error("CANARY LEAK: as %s, %s reached what is %s's", hit.role, hit.probe, hit.owner)
    logger.info("canaries: %d probes, %d hits", tally.probes, len(tally.hits))
    return tally


@asynccontextmanager
async def prepared_run(box: Box, url: str) -> AsyncIterator[tuple[CanaryRun, CanaryNet]]:
    """A run that has not begun, alone in the whole appliance; its people are let in for as long as this is open."""
    async with _opened(box, DatabaseRole.API) as api, _opened(box, DatabaseRole.MAINTENANCE) as maintenance:
        net = CanaryNet(api, maintenance, domain=DOMAIN, group=GROUP)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with (
            maintenance.connection() as alone,
            opened_accounts(box) as accounts,
            aiohttp.ClientSession(url, timeout=timeout) as session,
        ):
            await alone.execute("SELECT pg_advisory_lock(hashtext('canaries'))")
            try:
                async with _actors(accounts) as (actors, group_id):
                    yield (
                        CanaryRun(
                            actors, group_id, HttpDoor(session), net, lambda: f"c{secrets.token_hex(12)}"
                        ),
                        net,
                    )
            finally:
                await alone.execute("SELECT pg_advisory_unlock(hashtext('canaries'))")


@asynccontextmanager
async def _actors(accounts: Accounts) -> AsyncIterator[tuple[list[Actor], UUID]]:
    """The people, let in for the time of a run, and the id of their group."""
    (group_id,) = await accounts.people.group_ids(None, [GROUP], create=True)
    users: dict[str, User] = {}
    keys = {}
    try:
        for role, (rights, is_member) in _PEOPLE.items():
            address = f"canary-{role}@{DOMAIN}"
            user = await accounts.people.by_email(address)
            if user is None:
                groups = [group_id] if is_member else []
                user = await accounts.people.add(None, address, role=rights, group_ids=groups)
            elif user.is_suspended:
                user = await accounts.people.change(None, user.id, is_suspended=False)
            users[role] = user
            ends = datetime.now(UTC) + _KEY_LIVES
            keys[role] = await accounts.keys.make(None, user.id, name="canaries", expires_at=ends)
        actors = [
            Actor(
                role,
                keys[role].secret,
                Viewer(user.id, frozenset([group_id] if _PEOPLE[role][1] else []), user.role),
            )
            for role, user in users.items()
        ]
        stranger = Viewer(group_id)  # nobody's id
        yield [*actors, Actor(NOBODY, None, stranger)], group_id
    finally:
        for key in keys.values():
            await accounts.keys.revoke(None, key.key.id)
        for user in users.values():
            await accounts.people.change(None, user.id, is_suspended=True)


@asynccontextmanager
async def _opened(box: Box, role: DatabaseRole) -> AsyncIterator[Database]:
    database = Database(box.database_url(role), pool_size=2)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


async def run_nightly(
    box: Box,
    hour: int | None,
    *,
    run: Callable[[Box, str], Awaitable[object]] = run_canaries,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Once a day at that hour of the machine's clock, until cancelled; None: never."""
    if hour is None:
        return
    while True:
        await sleep(seconds_until(hour, datetime.now().astimezone()))
        url = _own_url(box)
        if url is None:
            logger.warning("canaries: the appliance's address is not known; trying again tomorrow")
            continue
        try:
            await run(box, url)
        except Exception:
            logger.exception("the canaries could not be run; trying again tomorrow")


def seconds_until(hour: int, now: datetime) -> float:
    """To the next full hour of that number, at least a minute from now."""
    then = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    while (then - now).total_seconds() < 60:
        then += timedelta(days=1)
    return (then - now).total_seconds()


def _own_url(box: Box) -> str | None:
    state = read_state(box.data)
    return None if state is None else state.url

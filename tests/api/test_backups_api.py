"""/api/backups: administrators see the last good backup, ask for one, follow it and end it; the worker makes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from redis.asyncio import Redis

from appliance.bootstrap.backups.desk import build_backup_routes
from appliance.bootstrap.backups.nightly import back_up_when_asked
from appliance.bootstrap.backups.running import BackupFiles
from appliance.bootstrap.backups.status import BackupStatus, note_failure, read_status
from appliance.bootstrap.box import Box, open_box
from appliance.domain.people import Role
from appliance.storage.backups.steps import Step
from appliance.storage.database import Database
from tests.accounts_world import add_person, bearer, first_administrator, key_of, worker
from tests.conftest import ROLE_SECRET
from tests.waiting import until as looked_for

until = partial(looked_for, timeout_s=300.0)  # a process starts, and a backup is made


@dataclass
class Room:
    """A box whose administrators ask over HTTP."""

    box: Box
    client: httpx.AsyncClient
    keys: dict[str, dict[str, str]]

    async def call(self, method: str, path: str = "", who: str = "admin") -> httpx.Response:
        return await self.client.request(method, f"/api/backups{path}", headers=self.keys[who])

    async def told(self) -> dict[str, Any]:
        """What the administrator sees."""
        answer = await self.call("GET")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
def box(owner_url: str, tmp_path: Path) -> Box:
    """Backups are kept beside it."""
    (tmp_path / "passphrase").write_text("correct horse battery\n")
    (tmp_path / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n'
        f'[backup]\nfolder = "{tmp_path}/kept"\npassphrase_file = "{tmp_path}/passphrase"\nverify = false\n',
        encoding="utf-8",
    )
    return open_box(tmp_path)


@pytest.fixture
async def room(box: Box, database: Database, valkey: Redis) -> AsyncIterator[Room]:
    """An administrator, an auditor and somebody else, each with a key."""
    async with worker(
        database,
        valkey,
        wait_for_news=False,
        more_routes=lambda _accounts, identity: [
            build_backup_routes(box.data, box.settings.backup, database, identity)
        ],
    ) as one:
        first = await first_administrator(one.accounts)
        keys = {"admin": bearer(first.api_key)}
        for name, role in (("auditor", Role.AUDITOR), ("ana", Role.USER)):
            user = await add_person(one.accounts, f"{name}@box.example", role)
            keys[name] = bearer(await key_of(one.accounts, user))
        yield Room(box, one.client, keys)


async def test_a_backup_is_asked_for_followed_cancelled_and_made(room: Room, owner_url: str) -> None:
    """Cancelled, it leaves nothing behind; the next one is the last good one; who asked is on record."""
    assert (await room.told())["last"] is None
    working = asyncio.create_task(back_up_when_asked(room.box))
    try:
        with psycopg.connect(owner_url) as holding:  # so that saving the database has to wait
            holding.execute("LOCK TABLE files IN ACCESS EXCLUSIVE MODE")
            asked = await room.call("POST")
            assert asked.status_code == 202
            assert asked.json()["run"]["state"] in ("waiting", "running")
            await until(lambda: (BackupFiles(room.box.data).progress() or {}).get("name") is not None)
            assert (await room.told())["run"]["state"] == "running"
            again = await room.call("POST")
            assert (again.status_code, again.json()["error"]["detail"]["code"]) == (409, "backup_running")
            assert (await room.call("POST", "/cancel")).status_code == 202
            await until(lambda: BackupFiles(room.box.data).progress() is None)
        await until(lambda: not BackupFiles(room.box.data).is_cancelled)
        told = await room.told()
        assert (told["run"], told["last"], told["failure"]) == (None, None, None)
        assert list((room.box.data / "kept").glob("[0-9]*")) == []

        assert (await room.call("POST")).status_code == 202
        await until(lambda: read_status(room.box.data).succeeded_at != "")
        await until(lambda: not BackupFiles(room.box.data).is_asked)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    told = await room.told()
    assert (told["run"], told["is_old"], told["tried_at"]) == (None, False, None)
    assert told["last"]["size_bytes"] > 0
    assert told["last"]["place"].startswith(str(room.box.data / "kept"))
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT action FROM account_events WHERE action LIKE 'backup.%' ORDER BY id"
        ).fetchall()
    assert [row[0] for row in rows] == ["backup.asked", "backup.cancelled", "backup.asked"]


async def test_only_administrators_ask_for_one_and_auditors_look(room: Room) -> None:
    """And nobody ends what is not there."""
    assert [(await room.call("GET", who=who)).status_code for who in ("admin", "auditor", "ana")] == [
        200,
        200,
        403,
    ]
    assert [(await room.call("POST", who=who)).status_code for who in ("auditor", "ana")] == [403, 403]
    assert (await room.call("POST", "/cancel", who="ana")).status_code == 403
    none = await room.call("POST", "/cancel")
    assert (none.status_code, none.json()["error"]["detail"]["code"]) == (409, "backup_not_running")


async def test_one_that_has_not_begun_is_cancelled_at_once(room: Room) -> None:
    """No worker is there to make it."""
    assert (await room.call("POST")).json()["run"]["state"] == "waiting"
    assert (await room.call("POST", "/cancel")).json()["run"] is None
    assert not BackupFiles(room.box.data).is_asked


async def test_without_a_place_for_them_none_is_asked_for(room: Room) -> None:
    """It is said what to set."""
    object.__setattr__(room.box.settings.backup, "folder", "")

    refused = await room.call("POST")

    assert (refused.status_code, refused.json()["error"]["detail"]["code"]) == (409, "backup_no_folder")
    assert (await room.told())["folder"] is None


async def test_a_failure_and_how_far_one_is_are_told(room: Room) -> None:
    """As the process writes it; the step, and how many files of how many."""
    note_failure(room.box.data, "The disk is full.")
    with BackupFiles(room.box.data).telling() as tell:
        assert tell is not None
        assert (await room.told())["run"]["step"] is None
        tell(Step("files", 2_000, 3, 7))
        told = await room.told()
        with BackupFiles(room.box.data).telling() as second:
            assert second is None  # one at a time

    assert told["failure"]["message"] == "The disk is full."
    run = told["run"]
    assert (run["state"], run["step"], run["size_bytes"], run["files"], run["of_files"]) == (
        "running", "files", 2_000, 3, 7,
    )  # fmt: skip
    assert datetime.fromisoformat(run["started_at"]) <= datetime.now(UTC)
    assert (await room.told())["run"] is None


def test_what_is_on_disk_of_a_version_before_is_read(tmp_path: Path) -> None:
    """It did not know when a restore was tried last."""
    (tmp_path / "backup-status.json").write_text(
        '{"succeeded_at": "2026-11-21T02:00:00+00:00", "is_verified": true}'
    )

    assert read_status(tmp_path) == BackupStatus(succeeded_at="2026-11-21T02:00:00+00:00", is_verified=True)

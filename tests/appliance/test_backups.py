"""A box backed up while people write, and put onto an empty machine: real PostgreSQL on both sides."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from appliance.bootstrap.backups.making import Made, Wishes, make_backup
from appliance.bootstrap.backups.nightly import log_deletions
from appliance.bootstrap.backups.restoring import Restored, restore_backup
from appliance.bootstrap.backups.servers import running
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.removal import remove_person
from appliance.commands.entry import run
from appliance.domain.people import Caller, Role
from appliance.errors import StartupError
from appliance.storage.backups.copying import place_of
from appliance.storage.backups.deletions import LOG, read_log
from appliance.storage.backups.errors import BackupDamaged, BackupError, WrongPassphrase
from appliance.storage.backups.manifest import BLOBS, DUMP
from appliance.storage.backups.snapshot import count_rows
from appliance.storage.backups.steps import Step
from appliance.storage.database import Database
from appliance.storage.egress_ledger import EgressLedger
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.data_folder import RESTORING, check_version
from appliance.supervisor.unprivileged import account_for_servers
from inference.egress import Departure
from tests.conftest import ROLE_SECRET, Servers
from tests.ingestion_desk import Desk, ana, document
from tests.waiting import until

PASSPHRASE = "correct horse battery"
ANA = ana()
GONE = UUID(int=6)
WRITTEN = ("pipelines/letter.yaml", "databases/passwords/shop", "tool-secrets/crm.key")
_ASKED = "INSERT INTO conversations (id, user_id, title) VALUES (%s, %s, 'a chat')"
_ANSWERED = """
INSERT INTO turns (id, conversation_id, user_id, question, model, status, answer)
VALUES (%s, %s, %s, 'Why?', 'tiny', 'done', 'Because.')
"""
HEIR = Caller(UUID(int=5), "heir@example.com", Role.USER, frozenset())


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can walk to and whose path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def box(owner_url: str, servers: Servers, place: Path) -> Box:
    """A data folder for that database, with two people who have accounts."""
    data = place / "data"
    data.mkdir()
    (data / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n[valkey]\nurl = "{servers.valkey.url}"\n',
        encoding="utf-8",
    )
    with psycopg.connect(owner_url) as connection:
        for caller in (ANA, HEIR):
            connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, 'user')",
                (caller.user_id, caller.email, caller.email),
            )
    return replace(open_box(data), account=account_for_servers())


@pytest.fixture
def desk(box: Box, database: Database, worker_database: Database) -> Desk:
    """The use cases of that box."""
    return Desk(database, worker_database, box.data)


@pytest.fixture
def fresh(place: Path) -> Path:
    """The configuration of the new machine: an embedded PostgreSQL."""
    path = place / "new.toml"
    path.write_text("", encoding="utf-8")
    return path


LEFT = Departure(
    "ended", datetime(2026, 11, 22, tzinfo=UTC), "cloud", "ana@x.example", "POST", "cloud.example", "/"
)


def wishes(place: Path, **more: object) -> Wishes:
    """Into one folder beside the box."""
    return replace(Wishes(place / "backups", PASSPHRASE), **more)  # type: ignore[arg-type]


async def back_up(box: Box, wanted: Wishes) -> Made:
    """In a thread, as it blocks."""
    return await asyncio.to_thread(make_backup, box, wanted)


async def restore(folder: Path, place: Path, fresh: Path, **more: object) -> Restored:
    """Onto the empty machine."""
    doing = partial(restore_backup, folder, place / "new", PASSPHRASE, config=fresh, **more)  # type: ignore[arg-type]
    return await asyncio.to_thread(doing)


@asynccontextmanager
async def opened(place: Path, fresh: Path) -> AsyncIterator[Desk]:
    """The use cases of the restored box."""
    box = open_box(place / "new", fresh, account_for_servers())
    assert box.postgres is not None
    with running(box.postgres):
        databases = [Database(box.database_url(r)) for r in (DatabaseRole.API, DatabaseRole.WORKER)]
        for one in databases:
            await one.open()
        try:
            yield Desk(*databases, box.data)
        finally:
            for one in databases:
                await one.close()


async def shelf_of(desk: Desk, *words: str) -> tuple[UUID, dict[str, UUID]]:
    """A collection of Ana's with a read document for each word, and their ids."""
    shelf = await desk.collection(ANA)
    files = {w: await desk.add(ANA, shelf, document(f"{w} " * 20), f"{w}.json") for w in words}
    await desk.work()
    return shelf, files


async def content(desk: Desk, caller: Caller, file_id: UUID) -> bytes:
    """Its bytes, as its owner downloads them."""
    _, pieces = await desk.knowledge.content(caller, file_id)
    return b"".join([piece async for piece in pieces])


@pytest.mark.slow
async def test_a_backup_restored_elsewhere_is_the_same_box(
    box: Box, desk: Desk, place: Path, fresh: Path
) -> None:
    """Rows and files are counted and checked; searches, pages and bytes are the same; the secrets are back.

    A restore that was killed before has left its marker: nothing starts from it, and this one begins anew.
    """
    shelf, files = await shelf_of(desk, "apple", "pear")
    before = {w: (await desk.found(ANA, shelf, w), await content(desk, ANA, files[w])) for w in files}
    (box.data / "credentials.json").write_text('{"api_key": "k"}')
    for name in WRITTEN:
        (box.data / name).parent.mkdir(parents=True, exist_ok=True)
        (box.data / name).write_text(f"by hand: {name}")
    EgressLedger(box.data / "egress")(LEFT)

    (place / "new").mkdir()
    (place / "new" / RESTORING).touch()
    (place / "new" / "half").mkdir()
    with pytest.raises(StartupError, match="broken off"):
        check_version(place / "new")

    made = await back_up(box, wishes(place))
    done = await restore(made.folder, place, fresh)

    check_version(place / "new")
    assert not (place / "new" / "half").exists()
    assert made.manifest.files == 2 and made.manifest.missing == ()
    assert done.manifest.rows["files"] == 2 and done.migrated == []
    for name in ("secrets/session_secret", "credentials.json", "egress/ledger.jsonl", *WRITTEN):
        assert (place / "new" / name).read_text() == (box.data / name).read_text()
    async with opened(place, fresh) as new:
        assert {
            w: (await new.found(ANA, shelf, w), await content(new, ANA, files[w])) for w in files
        } == before
        assert await new.page(ANA, shelf, files["pear"]) == await desk.page(ANA, shelf, files["pear"])
        assert await new.found(HEIR, shelf, "apple") == []  # row-level security came along
    sealed = b"".join(path.read_bytes() for path in made.folder.glob("*.*") if path.name != DUMP)
    assert box.secrets.session_secret.encode() not in sealed and b"by hand" not in sealed


@pytest.mark.slow
async def test_a_backup_under_load_is_of_one_moment(
    box: Box, desk: Desk, place: Path, owner_url: str
) -> None:
    """While documents come and go, and people chat: every row's blob is there, and all rows that were counted."""
    stop, chatted = asyncio.Event(), asyncio.Event()

    async def chat() -> None:
        async with await psycopg.AsyncConnection.connect(owner_url) as connection:
            while not stop.is_set():
                values = (uuid4(), ANA.user_id)
                await connection.execute(_ASKED, values)
                await connection.execute(_ANSWERED, (uuid4(), *values))
                await connection.commit()
                chatted.set()

    async def write() -> int:
        shelf, number, last = await desk.collection(ANA), 0, None
        while not stop.is_set():
            number += 1
            file = await desk.add(ANA, shelf, document(f"leaf {number} " * 20), f"{number}.json")
            await desk.work()
            if last is not None and number % 2:
                await desk.knowledge.remove_file(ANA, last)
            last = file
        return number

    writing, chatting = asyncio.create_task(write()), asyncio.create_task(chat())
    await until(lambda: has_files(owner_url, 3))
    await chatted.wait()
    made = await back_up(box, wishes(place, verify=True))  # the trial counts the rows of every table
    await until(lambda: has_files(owner_url, made.manifest.rows["files"] + 1))  # it never stood still
    stop.set()
    await writing
    await chatting

    manifest = made.manifest
    assert manifest.missing == ()
    assert manifest.files + len(manifest.deleted_meanwhile) == manifest.rows["files"] >= 2
    assert manifest.rows["conversations"] == manifest.rows["turns"] >= 1


@pytest.mark.slow
async def test_what_was_deleted_since_stays_deleted(
    box: Box, desk: Desk, place: Path, fresh: Path, owner_url: str
) -> None:
    """The log beside the backups is read at the restore, and all of it is deleted by the code that deletes."""
    shelf, files = await shelf_of(desk, "apple", "pear")
    other, _ = await shelf_of(desk, "plum")
    key = UUID(int=8)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO api_keys (id, user_id, prefix, secret_hash, created_at) VALUES (%s, %s, 'p', %s, now())",
            (key, ANA.user_id, b"h" * 32),
        )
        connection.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, 'g@example.com', 'g@example.com', 'user')",
            (GONE,),
        )
    made = await back_up(box, wishes(place))
    await desk.knowledge.remove_file(ANA, files["apple"])
    await desk.knowledge.remove_collection(ANA, other)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO account_events (action, subject_id, detail) VALUES ('key.revoked', %s, %s),"
            " ('user.changed', %s, '{\"is_suspended\": true}')",
            (ANA.user_id, f'{{"key": "{key}"}}', HEIR.user_id),
        )
    await remove_person(box, "g@example.com", ANA.email)
    assert await asyncio.to_thread(log_deletions, box, place / "backups") == 6  # suspended first
    assert {(one.kind, one.heir) for one in read_log(place / "backups" / LOG)} >= {("user", ANA.user_id)}

    done = await restore(made.folder, place, fresh)

    assert dict(done.deleted) == {"file": 1, "collection": 1, "key": 1, "suspended": 2, "user": 1}
    async with opened(place, fresh) as new:
        assert await new.found(ANA, shelf, "apple") == []
        assert await new.found(ANA, shelf, "pear") == ["pear.json"]
        assert await new.found(ANA, other, "plum") == []
        async with new.worker.connection() as connection:
            rows = await connection.execute("SELECT id, is_suspended FROM users ORDER BY is_suspended")
            assert await rows.fetchall() == [(ANA.user_id, False), (HEIR.user_id, True)]
        assert len([p for p in (place / "new" / "blobs").rglob("*") if p.is_file()]) == 2


@pytest.mark.slow
async def test_a_content_deleted_while_the_backup_was_made_is_no_hole(
    box: Box, desk: Desk, place: Path, fresh: Path
) -> None:
    """Its file goes at the restore; a content that the box has lost is told, and its row stays as it was."""
    shelf, files = await shelf_of(desk, "apple", "pear", "plum")
    hashes = {w: (await desk.knowledge.file(ANA, files[w])).sha256.hex() for w in files}
    place_of(box.data / BLOBS, hashes["pear"]).unlink()  # lost by the box itself
    loop = asyncio.get_running_loop()

    def delete_one(step: Step) -> None:
        if step.name == "counting":  # the moment that the database is saved of has passed
            removing = desk.knowledge.remove_file(ANA, files["plum"])
            asyncio.run_coroutine_threadsafe(removing, loop).result()

    made = await asyncio.to_thread(make_backup, box, wishes(place), delete_one)
    assert read_log(place / "backups" / LOG) != []
    done = await restore(made.folder, place, fresh, with_deletions=False)

    assert made.manifest.deleted_meanwhile == (hashes["plum"],)
    assert made.manifest.missing == (hashes["pear"],)
    assert dict(done.deleted) == {"file": 1}
    async with opened(place, fresh) as new:
        assert sorted(await new.listed(ANA, shelf)) == ["apple.json", "pear.json"]
        assert await new.found(ANA, shelf, "plum") == []


async def test_what_cannot_be_restored_changes_nothing(
    box: Box, desk: Desk, place: Path, fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong passphrase, a flipped byte, a folder in use: each is said, and leaves the folder as it was."""
    _, files = await shelf_of(desk, "apple")
    made = await back_up(box, wishes(place))
    sha256 = (await desk.knowledge.file(ANA, files["apple"])).sha256.hex()

    with pytest.raises(WrongPassphrase):
        restore_backup(made.folder, place / "new", "wrong horse", config=fresh)
    assert not (place / "new").exists()

    for damaged in (made.folder / DUMP, place_of(made.folder / BLOBS, sha256)):
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(BackupDamaged, match=damaged.name):
            await restore(made.folder, place, fresh)
        assert [path.name for path in (place / "new").iterdir()] == ["appliance.lock"]
        assert run(["backup", "verify", str(made.folder)]) == 1
        assert damaged.name in capsys.readouterr().err
        damaged.write_bytes(whole)

    (place / "new" / "mine.txt").write_text("keep")
    with pytest.raises(BackupError, match=r"not empty \(it has mine\.txt\)"):
        await restore(made.folder, place, fresh)
    assert (place / "new" / "mine.txt").read_text() == "keep"
    with pytest.raises(BackupError, match=r"database\.url has tables already"):  # the old machine's own
        await asyncio.to_thread(restore_backup, made.folder, place / "other", PASSPHRASE)


async def test_the_folder_of_another_appliance_is_left_alone(box: Box, place: Path) -> None:
    """Its backups would be counted among ours, and be removed."""
    await back_up(box, wishes(place))
    (box.data / "secrets" / "session_secret").write_text("another one\n")
    other = replace(open_box(box.data), account=box.account)

    with pytest.raises(BackupError, match="another appliance"):
        await back_up(other, wishes(place))


async def test_unchanged_files_take_no_second_room_and_old_backups_go(
    box: Box, desk: Desk, place: Path
) -> None:
    """Hard links among backups; keep_last and keep_days afterwards; what stays is whole."""
    await shelf_of(desk, "apple")
    first = await back_up(box, wishes(place))
    second = await back_up(box, wishes(place))
    (name,) = [path for path in (second.folder / BLOBS).rglob("*") if path.is_file()]
    assert name.stat().st_nlink == 2

    third = await back_up(box, wishes(place, keep_last=2, keep_days=0))

    assert third.removed == [first.folder.name]
    assert not first.folder.exists()
    assert second.folder != third.folder
    assert name.stat().st_nlink == 2
    assert sorted(p.name for p in third.folder.iterdir()) == sorted(p.name for p in second.folder.iterdir())
    words = ["sha256sum", "--check", "--quiet", "SHA256SUMS", "FILES.sha256"]
    checking = await asyncio.create_subprocess_exec(*words, cwd=third.folder)
    assert await checking.wait() == 0


async def test_ctrl_c_leaves_nothing_half(box: Box, place: Path, owner_url: str) -> None:
    """Interrupted while it waits for a table: exit code 130, no folder, and the next one works."""
    (place / "passphrase").write_text(PASSPHRASE)
    words = [sys.executable, "-m", "appliance", "backup", "--to", str(place / "backups")]
    words += ["--data", str(box.data), "--passphrase-file", str(place / "passphrase")]
    with psycopg.connect(owner_url) as connection:
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        process = await asyncio.create_subprocess_exec(*words)
        await until(lambda: bool(list((place / "backups").glob(".*.part"))))
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
    assert [path.name for path in (place / "backups").iterdir()] == [".lock"]

    process = await asyncio.create_subprocess_exec(*words, "--json", stdout=subprocess.PIPE)
    told, _ = await process.communicate()
    assert process.returncode == 0
    assert b'"is_verified": false' in told


def has_files(owner_url: str, count: int) -> bool:
    """At least so many."""
    with psycopg.connect(owner_url) as connection:
        return count_rows(connection)["files"] >= count

"""`appliance upgrade` and `rollback` on a real data folder that a version before has left."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from appliance.bootstrap.backups.servers import create_database, running
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.upgrading import delete_what_was_deleted
from appliance.commands.entry import run
from appliance.storage.migrating import migrate, packaged_migrations
from appliance.supervisor.data_folder import prepare_data_folder, stamp_of, stamp_version
from appliance.supervisor.unprivileged import account_for_servers

KEY, USER = UUID(int=8), UUID(int=1)
KNOWN = packaged_migrations()


@pytest.fixture
def box() -> Iterator[Box]:
    """Its database lacks the newest migration; somebody has a key."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    folder.chmod(0o755)
    account = account_for_servers()
    prepare_data_folder(folder / "data", is_shared=account is not None)
    stamp_version(folder / "data", "0.0.9")
    made = open_box(folder / "data", None, account)
    assert made.postgres is not None
    with running(made.postgres):
        create_database(made.postgres)
        asyncio.run(migrate(made.owner_url, made.role_secret, KNOWN[:-1]))
        with psycopg.connect(made.owner_url) as connection:
            connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, 'a@example.com', 'a@example.com', 'user')",
                (USER,),
            )
            connection.execute(
                "INSERT INTO api_keys (id, user_id, prefix, secret_hash, created_at) VALUES (%s, %s, 'p', %s, now())",
                (KEY, USER, b"h" * 32),
            )
    yield made
    shutil.rmtree(folder, ignore_errors=True)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """What a command prints for programs."""
    code = run([*words, "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    told: dict[str, object] = json.loads(printed.out)
    return told


def test_an_upgrade_is_tried_then_made_then_taken_back(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    """--check leaves all as it was; rollback brings the old data and deletes again what was deleted since."""
    newest, data = KNOWN[-1].name, str(box.data)
    assert box.postgres is not None

    assert said(capsys, "upgrade", "--check", "--data", data) == {
        "migrations": [newest],
        "checked_only": True,
        "questions": 0,
        "compared": True,
        "differences": [],
    }
    stamp_version(box.data, "0.1.0")  # as `appliance up` of the new version does
    assert said(capsys, "upgrade", "--data", data)["migrations"] == [newest]
    assert said(capsys, "upgrade", "--data", data)["migrations"] == []
    with running(box.postgres), psycopg.connect(box.owner_url) as connection:
        connection.execute("UPDATE api_keys SET revoked_at = now()")
        connection.execute(
            "INSERT INTO account_events (action, subject_id, detail) VALUES ('key.revoked', %s, %s)",
            (USER, json.dumps({"key": str(KEY)})),
        )

    assert run(["rollback", "--since", "2100-01-01T00:00:00+00:00", "--data", data]) == 78
    assert "nothing was taken back" in capsys.readouterr().err
    since = ("--since", "2026-01-01T00:00:00+00:00")
    assert said(capsys, "rollback", *since, "--data", data)["version"] == "0.0.9"

    assert stamp_of(box.data)["written_by"] == "0.0.9"
    with running(box.postgres):
        applied, revoked = state(box)
        assert newest not in applied
        assert revoked == 0  # until the next start
        asyncio.run(delete_what_was_deleted(box))
        assert state(box)[1] == 1
    assert run(["rollback", "--data", data]) == 78
    assert "no restore point" in capsys.readouterr().err


def state(box: Box) -> tuple[set[str], int]:
    """Migrations that have run, and how many keys are revoked."""
    with psycopg.connect(box.owner_url) as connection:
        names = connection.execute("SELECT name FROM schema_migrations").fetchall()
        revoked = connection.execute("SELECT count(*) FROM api_keys WHERE revoked_at IS NOT NULL").fetchone()
    assert revoked is not None
    return {row[0] for row in names}, int(revoked[0])


def test_a_folder_without_a_database_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made there by looking."""
    (tmp_path / "secrets").mkdir()

    assert run(["rollback", "--data", str(tmp_path)]) == 1
    assert "--data" in capsys.readouterr().err
    assert not (tmp_path / "postgres").exists()
    assert run(["upgrade", "--check", "--data", str(tmp_path / "nowhere")]) == 1
    assert "not the data folder" in capsys.readouterr().err

"""Backups sent to another machine by ssh: a real sshd on loopback with keys of its own."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from appliance.bootstrap.backups.fetching import restore_from
from appliance.bootstrap.backups.making import Made, Wishes
from appliance.bootstrap.backups.restoring import FETCHED
from appliance.bootstrap.backups.sending import back_up_to, send_deletions
from appliance.bootstrap.box import Box, open_box
from appliance.storage.backups.copying import check_files, place_of
from appliance.storage.backups.deletions import LOG, read_log
from appliance.storage.backups.errors import BackupError, WrongPassphrase
from appliance.storage.backups.manifest import BLOBS, read_manifest
from appliance.storage.backups.ssh_shelf import expired_names, ssh_shelf
from appliance.supervisor.data_folder import check_version
from tests.conftest import ROLE_SECRET
from tests.ports import free_port
from tests.supervisor.conftest import wait_until

pytestmark = pytest.mark.slow

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
FILE = UUID(int=3)


@dataclass(frozen=True)
class Elsewhere:
    """A machine that is reached by ssh. folder: where backups are kept on it."""

    address: str
    options: str
    folder: Path

    def there(self) -> list[Path]:
        """The backups on it."""
        return sorted(self.folder.glob("[0-9]*"))


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """Answers until the end of the test."""
    for program in ("rsync", "ssh", "ssh-keygen"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")
    if SSHD is None:
        pytest.skip("sshd is not installed here")
    folder = Path(tempfile.mkdtemp(prefix="apl-ssh-", dir="/tmp"))
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    words = [SSHD, "-D", "-e", "-f", "/dev/null", "-p", str(port), "-h", str(folder / "host")]
    for option in (
        "ListenAddress=127.0.0.1",
        f"AuthorizedKeysFile={folder / 'client.pub'}",
        "StrictModes=no",
        "UsePAM=no",
        "PidFile=none",
    ):
        words += ["-o", option]
    daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(port), "sshd listens")
        yield Elsewhere(
            f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder / 'kept'}",
            f"-i {folder / 'client'} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
            folder / "kept",
        )
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def box(owner_url: str, elsewhere: Elsewhere, tmp_path: Path) -> Box:
    """One file, which Ana has uploaded; backups go to the other machine."""
    (tmp_path / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n'
        f"[backup]\nssh_options = {json.dumps(elsewhere.options)}\n",
        encoding="utf-8",
    )
    content = b"what Ana uploaded"
    place = place_of(tmp_path / BLOBS, sha256(content).hexdigest())
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose)"
            " VALUES (%s, %s, 'a.txt', 'text/plain', %s, %s, 'assistants')",
            (FILE, UUID(int=1), len(content), sha256(content).digest()),
        )
    return open_box(tmp_path)


def send(box: Box, elsewhere: Elsewhere, **more: int) -> Made:
    """One more."""
    return back_up_to(box, elsewhere.address, Wishes(Path(), "correct horse battery", **more))


def test_a_backup_arrives_whole_shares_what_did_not_change_and_takes_the_log_along(
    box: Box, elsewhere: Elsewhere, owner_url: str
) -> None:
    """Checked there before it has its name; nothing is left here; old ones go; deletions are told between two."""
    first = send(box, elsewhere)
    send(box, elsewhere)

    one, two = elsewhere.there()
    assert first.address.endswith(one.name)
    assert read_manifest(two).rows["files"] == 1
    check_files(two, lambda _: None)
    (blob,) = [path for path in (two / BLOBS).rglob("*") if path.is_file()]
    assert blob.stat().st_nlink == 2  # with the first one
    assert not list(box.data.glob("backup-staging*"))

    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO receipts (kind, subject_id, removed) VALUES ('file', %s, '{}')", (FILE,)
        )
    send_deletions(box, elsewhere.address)
    assert [deletion.id for deletion in read_log(elsewhere.folder / LOG)] == [FILE]

    third = send(box, elsewhere, keep_last=1)
    assert third.removed == [one.name, two.name]
    assert [path.name for path in elsewhere.there()] == [third.address.rpartition("/")[2]]


def test_what_does_not_work_over_there_is_said_and_leaves_nothing_half(
    box: Box, elsewhere: Elsewhere
) -> None:
    """A folder that cannot be made, a machine that does not answer, somebody else's backups, a wrong address."""
    send(box, elsewhere)
    (elsewhere.folder / ".2026-01-01T00-00-00Z.part").mkdir()
    (box.data / "secrets" / "session_secret").write_text("another\n")
    with pytest.raises(BackupError, match="another appliance"):
        send(open_box(box.data), elsewhere)
    assert len(elsewhere.there()) == 1
    assert not list(elsewhere.folder.glob(".*.part"))

    with pytest.raises(BackupError, match=r"ssh to 127\.0\.0\.1"):
        back_up_to(box, f"ssh://127.0.0.1:{free_port()}/x", Wishes(Path(), "correct horse battery"))
    for wrong in ("ssh://host", "ssh:///path", "ssh://-oProxyCommand=x/path", "ssh://a:b@host/path"):
        with pytest.raises(BackupError, match="not an address"):
            ssh_shelf(wrong, lambda: None)


@pytest.fixture
def fresh() -> Iterator[Path]:
    """Where the new machine's data goes: every user can walk there."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("has_rsync", [True, False], ids=["rsync", "tar"])
def test_a_backup_is_restored_from_the_other_machine(
    box: Box,
    elsewhere: Elsewhere,
    empty_database: str,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_rsync: bool,
) -> None:
    """A wrong passphrase is found before anything is fetched; a fetch that broke off goes on; nothing is left over."""
    made = send(box, elsewhere)
    (fresh / "new.toml").write_text(
        f'[database]\nurl = "{empty_database}"\nrole_secret = "{ROLE_SECRET}"\n', encoding="utf-8"
    )
    if not has_rsync:
        monkeypatch.setattr("appliance.storage.backups.ssh_shelf.shutil.which", lambda _program: None)
    data = fresh / "data"
    how = {"ssh_options": elsewhere.options, "config": fresh / "new.toml"}

    with pytest.raises(WrongPassphrase):
        restore_from(made.address, data, "wrong horse battery", **how)  # type: ignore[arg-type]
    assert not data.exists()
    half = data / FETCHED / elsewhere.there()[0].name / "database.dump"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half of it")
    done = restore_from(elsewhere.address, data, "correct horse battery", **how)  # type: ignore[arg-type]

    assert done.manifest.rows["files"] == 1
    (blob,) = [path for path in (data / BLOBS).rglob("*") if path.is_file()]
    assert blob.read_bytes() == b"what Ana uploaded"
    assert not (data / FETCHED).exists()
    check_version(data)


def test_a_machine_without_rsync_or_without_a_backup_is_told_what_to_do(
    box: Box, elsewhere: Elsewhere, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent or fetched."""
    with pytest.raises(BackupError, match="There is no backup in"):
        Path(elsewhere.folder).mkdir()
        restore_from(elsewhere.address, fresh / "data", "correct", ssh_options=elsewhere.options)
    nothing = f"{elsewhere.address}/2026-01-01T00-00-00Z"
    with pytest.raises(BackupError, match="is not a backup"):
        restore_from(nothing, fresh / "data", "correct", ssh_options=elsewhere.options)
    monkeypatch.setattr("appliance.storage.backups.ssh_shelf.shutil.which", lambda _program: None)
    with pytest.raises(
        BackupError, match=r"This machine lacks rsync\. Install it there: apt-get install rsync"
    ):
        send(box, elsewhere)
    assert not (box.data / "backup-staging").exists()


def test_old_names_go_but_the_last_ones_stay() -> None:
    """Older than keep_days and beyond keep_last: both, or it stays."""
    names = ["2026-10-01T02-00-00Z", "2026-11-20T02-00-00Z", "2026-11-20T02-00-00Z-2"]
    now = datetime(2026, 11, 21, tzinfo=UTC)

    assert expired_names(names, now, keep_last=1, keep_days=30) == names[:1]
    assert expired_names(names, now, keep_last=1, keep_days=0) == names[:2]
    assert expired_names(names, now, keep_last=3, keep_days=0) == []


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

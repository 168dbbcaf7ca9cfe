"""Parts of a backup without a database: sealing, the shelf, sums, the log of deletions."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from appliance.storage.backups.copying import copy_blobs, place_of, restore_blobs
from appliance.storage.backups.deletions import Deletion, merge_log, read_log
from appliance.storage.backups.errors import BackupDamaged, BackupError, BackupTooNew, WrongPassphrase
from appliance.storage.backups.manifest import (
    LISTING,
    MANIFEST,
    SEALED,
    Manifest,
    read_manifest,
    require_known,
    seal_sums,
)
from appliance.storage.backups.sealing import seal, unseal
from appliance.storage.backups.shelf import Kept, Shelf, expired
from appliance.storage.backups.snapshot import different

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRETS = {"secrets/session_secret": "abc\n", "appliance.toml": "[server]\nport = 1\n"}


def manifest(created_at: datetime = NOON, **more: object) -> Manifest:
    """A small one."""
    values: dict[str, object] = {
        "appliance_version": "0.1.0",
        "data_version": 1,
        "created_at": created_at,
        "box_id": "b",
        "postgres": "18.4",
        "migrations": {"0001_a.sql": "x"},
        "rows": {"users": 1},
        "files": 0,
        "files_bytes": 0,
        "dump_bytes": 0,
    }
    return Manifest.model_validate(values | more)


def put(folder: Path, made: Manifest) -> Path:
    """The top of a backup."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_bytes(made.as_bytes())
    (folder / SEALED).write_text("{}")
    (folder / LISTING).write_text("")
    seal_sums(folder)
    return folder


def test_what_is_sealed_opens_with_its_passphrase_and_its_manifest_only() -> None:
    """Another passphrase, another manifest or a flipped byte open nothing."""
    sealed = seal(SECRETS, "correct horse", b"manifest")
    told = json.loads(sealed)
    bent = json.dumps(told | {"sealed": told["sealed"].replace(told["sealed"][3], "A", 1)[:-4] + "AAA="})

    assert unseal(sealed, "correct horse", b"manifest") == SECRETS
    assert b"session" not in sealed
    for document, passphrase, bound in (
        (sealed, "wrong horse", b"manifest"),
        (sealed, "correct horse", b"other manifest"),
        (bent.encode(), "correct horse", b"manifest"),
    ):
        with pytest.raises(WrongPassphrase):
            unseal(document, passphrase, bound)
    with pytest.raises(BackupDamaged):
        unseal(b"{", "correct horse", b"manifest")


def test_a_flipped_byte_at_the_top_is_named(tmp_path: Path) -> None:
    """The sums of the top files are looked at before anything is believed."""
    folder = put(tmp_path / "one", manifest())
    assert read_manifest(folder).rows == {"users": 1}
    for name in (MANIFEST, SEALED, LISTING):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole + b" ")
        with pytest.raises(BackupDamaged, match=name):
            read_manifest(folder)
        (folder / name).write_bytes(whole)
    with pytest.raises(BackupError, match="not a backup"):
        read_manifest(tmp_path)


def test_a_backup_of_a_newer_version_is_refused_by_name() -> None:
    """Unknown migrations, newer data; an altered migration is another sentence."""
    ours = {"0001_a.sql": "x", "0002_b.sql": "y"}
    require_known(manifest(), ours, 1)
    with pytest.raises(BackupTooNew, match=r"0\.1\.0: it knows 0009_z\.sql"):
        require_known(manifest(migrations={"0009_z.sql": "z"}), ours, 1)
    with pytest.raises(BackupTooNew, match="newer version"):
        require_known(manifest(data_version=2), ours, 1)
    with pytest.raises(BackupError, match=r"0001_a\.sql has changed"):
        require_known(manifest(migrations={"0001_a.sql": "other"}), ours, 1)


def test_a_backup_that_is_broken_off_was_never_there(tmp_path: Path) -> None:
    """It gets its name at the end; what a crash left is cleared by the next; two at a time are refused."""
    shelf = Shelf(tmp_path / "backups")
    with pytest.raises(KeyboardInterrupt), shelf.opened(), shelf.begun("2026-1"):
        raise KeyboardInterrupt
    assert list(shelf.folder.glob("*2026*")) == []
    (shelf.folder / ".2026-0.part").mkdir()
    with shelf.opened():
        assert list(shelf.folder.glob("*2026*")) == []
        with pytest.raises(BackupError, match="being made"), Shelf(shelf.folder).opened():
            pass
        for _ in range(2):
            with shelf.begun("2026-1") as part:
                put(part, manifest())
    assert [kept.folder.name for kept in shelf.kept()] == ["2026-1", "2026-1-2"]


def test_old_ones_go_but_the_last_ones_stay(tmp_path: Path) -> None:
    """Older than keep_days and beyond keep_last: both, or it stays."""
    ages = [40, 20, 5, 1]
    kept = [Kept(tmp_path / str(age), manifest(NOON - timedelta(days=age))) for age in ages]

    def names(last: int, days: int) -> list[str]:
        return [one.folder.name for one in expired(kept, NOON, keep_last=last, keep_days=days)]

    assert names(1, 30) == ["40"]
    assert names(2, 0) == ["40", "20"]
    assert names(4, 0) == names(9, 3) == []


def test_contents_are_shared_with_the_backup_before_and_checked_on_the_way(tmp_path: Path) -> None:
    """A second backup links what the first has; a damaged link is copied anew; a lost content is told."""
    box, first, second = tmp_path / "box", tmp_path / "1", tmp_path / "2"
    names = [put_blob(box, text) for text in (b"one", b"two")]
    lost, bent = sha256(b"lost").hexdigest(), put_blob(box, b"bent")
    place_of(box, bent).write_bytes(b"damaged on the box")
    listing = io.StringIO()

    made = copy_blobs([*names, lost, bent], box, first, None, listing, lambda _: None, reads_links=False)
    place_of(first / "blobs", names[1]).write_bytes(b"damaged in the backup")
    again = copy_blobs(names, box, second, first, io.StringIO(), lambda _: None, reads_links=True)

    assert (made.files, made.size_bytes, made.lost) == (2, 6, [lost, bent])
    assert (again.files, again.lost) == (2, [])
    inodes = [[place_of(one / "blobs", name).stat().st_ino for one in (first, second)] for name in names]
    assert inodes[0][0] == inodes[0][1]
    assert inodes[1][0] != inodes[1][1]
    assert place_of(second / "blobs", names[1]).read_bytes() == b"two"

    (first / LISTING).write_text(listing.getvalue())
    with pytest.raises(BackupDamaged, match=names[1]):
        restore_blobs(first, tmp_path / "restored", lambda _: None)


def test_the_log_of_deletions_grows_and_forgets_what_no_backup_has(tmp_path: Path) -> None:
    """The latest word of each; older than the oldest backup goes; a line that cannot be read is named."""
    log = tmp_path / "deletions.jsonl"
    early = Deletion(NOON - timedelta(days=2), "file", UUID(int=1), UUID(int=9))
    away = Deletion(NOON, "suspended", UUID(int=2))
    back = Deletion(NOON + timedelta(hours=1), "resumed", UUID(int=2))

    assert merge_log(log, [early, away], NOON - timedelta(days=3)) == [early, away]
    assert merge_log(log, [back], NOON - timedelta(days=1)) == [back]
    assert read_log(log) == [back]
    log.write_text(log.read_text() + "{}\n")
    with pytest.raises(BackupError, match=r"Line 2 .*--without-deletions"):
        read_log(log)
    assert read_log(tmp_path / "none") == []


def test_tables_are_compared_by_name_and_number() -> None:
    """What is more, less or not there is said; equal is silence."""
    assert different({"a": 1, "b": 2}, {"a": 1, "b": 2}) == ""
    assert different({"a": 1}, {"a": 2}) == "a has 2 rows, not 1"
    assert "no table of" in different({"a": 1}, {})


def put_blob(folder: Path, text: bytes) -> str:
    """Returns its name."""
    name = sha256(text).hexdigest()
    place_of(folder, name).parent.mkdir(parents=True, exist_ok=True)
    place_of(folder, name).write_bytes(text)
    return name

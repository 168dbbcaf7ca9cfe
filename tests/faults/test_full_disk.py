"""A disk that is really full while documents are unpacked and pages are drawn: nothing is lost, and it goes on."""

from __future__ import annotations

import asyncio
import io
import os
import random
import subprocess
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.storage.database import Database
from tests.documents import pdf
from tests.faults.test_ingestion import require_whole
from tests.knowledge_harness import (
    PATIENCE_S,
    Room,
    count_blobs,
    data,
    embedder_home,
    make_box,
    open_room,
    working,
)

pytestmark = pytest.mark.slow

__all__ = ["data", "embedder_home"]

MEMBERS = 6
DISK_KIB = 1024


@pytest.fixture
def small_disk(data: Path) -> Iterator[Path]:
    """A file system of 1 MiB in which contents and pictures lie, where we may mount one."""
    place = data.parent / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mount: a small file system can be made by root only")
    data.mkdir()
    for name in ("blobs", "page-images"):
        (place / name).mkdir()
        (data / name).symlink_to(place / name)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path, small_disk: Path) -> AsyncIterator[Room]:
    """The doors and a worker, on that disk, with no reserve."""
    box = make_box(owner_url, embedder_home, data, "[knowledge]\nmin_free_mib = 0\n")
    async with open_room(box) as opened, working(box):
        yield opened


async def test_an_archive_waits_for_room_and_is_read_to_its_end(
    room: Room, small_disk: Path, maintenance_database: Database
) -> None:
    """The disk fills while its documents are unpacked: it says so, and with room again all of them are found once."""
    store, ballast = await room.store(), small_disk / "ballast"
    file = await room.upload(archive(), "box.zip")
    fill(ballast, small_disk, spare=200 * 1024)
    await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})

    waiting = await told(room, store, file, "disk of the appliance is full")
    await require_whole(maintenance_database)
    ballast.unlink()

    assert waiting["status"] == "in_progress"
    assert (await room.settled(store, file))["status"] == "completed"
    _, listed = await room.call("GET", f"/vector_stores/{store}/files?limit=100")
    inside = [one["id"] for one in listed["data"] if one["id"] != file]
    for one in inside:
        assert (await room.settled(store, one))["status"] == "completed"
    assert len(inside) == MEMBERS
    for number in range(MEMBERS):
        found = await room.found(store, f"member{number}")
        assert len({one["file_id"] for one in found if f"member{number}" in one["content"][0]["text"]}) == 1
    assert count_blobs(room.box) == 1 + MEMBERS


async def test_a_page_is_shown_while_its_picture_cannot_be_kept(
    room: Room, small_disk: Path, tmp_path: Path
) -> None:
    """The picture is drawn and sent, nothing half is kept; with room again it is kept."""
    content = pdf(tmp_path / "a.pdf", [["Hall 2 carries 600 kg at most."]]).read_bytes()
    file = await room.added(content, await room.store(), filename="a.pdf")
    ballast = small_disk / "ballast"
    fill(ballast, small_disk, spare=0)

    shown = [await page(room, file)]
    kept_when_full = pictures(small_disk)
    ballast.unlink()
    shown += [await page(room, file), await page(room, file)]

    assert all(one.startswith(b"\x89PNG") for one in shown) and len(set(shown)) == 1
    assert kept_when_full == []
    assert [path.read_bytes() for path in pictures(small_disk)] == [shown[0]]


def archive() -> bytes:
    """Of documents that take much more room outside than inside."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(MEMBERS):
            words = " ".join(random.Random(number).choices(["scale", "hall", "floor", "door"], k=60))
            packed.writestr(f"{number}.html", f"<p>member{number} {words}</p><!--{' ' * 90 * 1024}-->")
    return buffer.getvalue()


def fill(ballast: Path, disk: Path, spare: int) -> None:
    """Take all room but `spare` bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with ballast.open("wb", buffering=0) as file:
        try:
            file.write(bytes(free - spare))
            while not spare:
                file.write(bytes(4096))
        except OSError:
            return


async def told(room: Room, store: str, file: str, words: str) -> dict[str, Any]:
    """The vector store file once its notes say so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            _, body = await room.call("GET", f"/vector_stores/{store}/files/{file}")
            if any(words in str(note) for note in body["notes"]):
                return body
            assert body["status"] == "in_progress", body
            await asyncio.sleep(0.05)


async def page(room: Room, file: str) -> bytes:
    """The first page as a picture."""
    asked = {"authorization": "Bearer ana"}
    url = f"{room.url}/api/documents/{file}/pages/1?width=800"
    async with room.session.get(url, headers=asked) as answer:
        assert answer.status == 200
        return await answer.read()


def pictures(disk: Path) -> list[Path]:
    """Whatever lies where pictures are kept."""
    return [path for path in (disk / "page-images").rglob("*") if path.is_file()]

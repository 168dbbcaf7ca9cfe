"""`appliance ingest --watch` in a process of its own: it follows a folder until Ctrl-C, and ends in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.knowledge_harness import Room, data, embedder_home, make_box, open_room, working
from tests.waiting import until

__all__ = ["data", "embedder_home"]

PATIENCE_S = 180.0


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


@asynccontextmanager
async def following(room: Room, folder: Path) -> AsyncIterator[Process]:
    """The command as ana types it; killed at the end where it still runs."""
    words = [sys.executable, "-m", "appliance", "ingest", str(folder), "--collection", "handbook"]
    words += ["--watch", "--every", "1", "--delete", "--url", room.url, "--key", "ana"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APPLIANCE_")}
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=PIPE, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def interrupted(process: Process) -> tuple[int, str]:
    """Ctrl-C; (exit code, all that was printed)."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


async def listed(room: Room) -> dict[str, str]:
    """Status by name of what is in the collection; nothing before it is there."""
    _, stores = await room.call("GET", "/vector_stores")
    for store in stores["data"]:
        _, files = await room.call("GET", f"/vector_stores/{store['id']}/files?limit=100")
        return {file["filename"]: file["status"] for file in files["data"]}
    return {}


async def test_a_folder_is_followed_until_ctrl_c(room: Room, tmp_path: Path) -> None:
    """What appears is read and what goes is removed while it stays; Ctrl-C ends it with 130 and says how to go on."""
    (tmp_path / "a.md").write_text("# Holidays\n\nEverybody has 23 days of holiday.\n", encoding="utf-8")
    (tmp_path / "b.md").write_text("# Parking\n\nThe car park closes at nine.\n", encoding="utf-8")

    async def collection_is(**wanted: str) -> bool:
        return await listed(room) == {f"{name}.md": status for name, status in wanted.items()}

    async with following(room, tmp_path) as process:
        await until(lambda: collection_is(a="completed", b="completed"), PATIENCE_S)
        (tmp_path / "c.md").write_text("# Canteen\n\nSoup is on Tuesdays.\n", encoding="utf-8")
        (tmp_path / "a.md").unlink()
        await until(lambda: collection_is(b="completed", c="completed"), PATIENCE_S)
        code, told = await interrupted(process)

    assert code == 130, told
    assert "Run the same command again" in told and "Traceback" not in told


async def test_ctrl_c_while_files_are_sent_leaves_none_that_belongs_nowhere(
    room: Room, tmp_path: Path
) -> None:
    """What was on its way is in the collection, what was not is not begun; run again, it goes on where it was."""
    count = 200
    for number in range(count):
        (tmp_path / f"{number}.md").write_text(f"# Rule {number}\n\nIt says {number}.\n", encoding="utf-8")

    async with following(room, tmp_path) as process:
        await until(lambda: _has_begun(room), PATIENCE_S)
        code, told = await interrupted(process)
    _, files = await room.call("GET", f"/files?limit={count + 1}")
    _, stores = await room.call("GET", "/vector_stores")
    (store,) = stores["data"]

    assert code == 130 and "Traceback" not in told, told
    assert 0 < len(files["data"]) == store["file_counts"]["total"] <= count


async def _has_begun(room: Room) -> bool:
    return bool(await listed(room))

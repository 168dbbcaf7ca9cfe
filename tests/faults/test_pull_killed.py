"""A pull that is killed without a word, or whose disk is full: nothing is half there, and it goes on."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from inference.errors import NoRoomForModel
from inference.library import ModelLibrary
from inference.testing.fake_hub import FakeHub, FakeRepo
from tests.faults.pulling_process import get
from tests.inference.model_files import chat_model, safetensors
from tests.waiting import until

SIZE = 6 * 2**20
DISK_KIB = 4096
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    """A model of 6 MiB."""
    async with FakeHub({"acme/tiny": FakeRepo(chat_model(SIZE))}) as made:
        yield made


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB, where we may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mount: a small file system can be made by root only")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_killed_pull_goes_on_from_what_is_there(hub: FakeHub, tmp_path: Path) -> None:
    """kill -9 in the middle of the weights: no model is listed, and the next attempt asks for the rest only."""
    hub.faults.hold_at = SIZE // 2
    words = [sys.executable, "-m", "tests.faults.pulling_process", str(tmp_path), hub.root_url, *hub.inside]
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT)
    part = tmp_path / "pull" / "files" / "model.safetensors.part"
    try:
        await until(lambda: part.exists() and part.stat().st_size >= SIZE // 4, timeout_s=300)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    library = ModelLibrary(tmp_path / "library")
    assert library.installed() == []
    there = part.stat().st_size

    hub.faults.hold_at = None
    await get(tmp_path, hub.root_url, hub.inside)

    assert hub.cdn.requests[-1].headers["range"] == f"bytes={there}-"
    model = library.find("tiny")
    assert model is not None
    assert (model.path / "model.safetensors").read_bytes() == safetensors(SIZE)


async def test_a_disk_that_fills_up_on_the_way_gives_its_room_back(
    hub: FakeHub, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else took the room after it had been looked at: one sentence, no model, and not one byte is kept."""
    usage = type(shutil.disk_usage(small_disk))
    free_before = shutil.disk_usage(small_disk).free
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, 10**12))
        with pytest.raises(NoRoomForModel, match="The disk was full before all of it had come"):
            await get(small_disk, hub.root_url, hub.inside)

    assert ModelLibrary(small_disk / "library").installed() == []
    assert shutil.disk_usage(small_disk).free >= free_before - 64 * 1024


async def test_a_disk_that_is_too_small_is_seen_before_the_first_byte(hub: FakeHub, small_disk: Path) -> None:
    """The weights are not even asked for."""
    with pytest.raises(NoRoomForModel, match=r"It needs 6\.3 MB .* are free"):
        await get(small_disk, hub.root_url, hub.inside)

    assert hub.cdn.requests == []

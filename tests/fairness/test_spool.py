"""The spool: what was acknowledged is read back, in order, whatever the disk and `kill -9` do."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PartUnavailable, StorageFull
from appliance.fairness.accounting import spool_file
from appliance.fairness.accounting.spool import Spool

MOST = 8 << 20
ROOM = {"reserve": 0, "most": MOST}


def rows_of(name: str, count: int) -> list[bytes]:
    """Different rows."""
    return [b'{"id":"%b-%d"}' % (name.encode(), number) for number in range(count)]


def read_all(file: spool_file.SpoolFile) -> tuple[list[bytes], list[bytes], int]:
    """Starts, ends and how many lines were left out."""
    starts: list[bytes] = []
    ends: list[bytes] = []
    damaged, offset = 0, 0
    while rows := file.read(offset, most_rows=7):
        starts += rows.starts
        ends += rows.ends
        damaged += rows.damaged
        offset = rows.next_offset
    return starts, ends, damaged + rows.damaged


def adopted(folder: Path) -> spool_file.SpoolFile:
    """The one file that nobody holds."""
    (file,) = spool_file.adopt(folder)
    return file


def files_in(folder: Path) -> list[str]:
    """Their names."""
    return [path.name for path in folder.iterdir()]


def test_a_file_is_ours_alone(tmp_path: Path) -> None:
    """Folder 0700, file 0600, and nobody adopts it while it is open."""
    folder = tmp_path / "spool"
    file = spool_file.create(folder, "one")
    file.append(rows_of("a", 3), rows_of("b", 2), **ROOM)

    assert folder.stat().st_mode & 0o777 == 0o700 and file.path.stat().st_mode & 0o777 == 0o600
    assert list(spool_file.adopt(folder)) == []
    assert read_all(file) == (rows_of("a", 3), rows_of("b", 2), 0)
    file.close()
    heir = adopted(folder)
    assert read_all(heir) == (rows_of("a", 3), rows_of("b", 2), 0)
    heir.remove()
    assert list(folder.iterdir()) == []


@given(groups=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8), cut=st.integers(0, 4000))
def test_what_was_acknowledged_survives_a_torn_end(
    tmp_path_factory: pytest.TempPathFactory, groups: list[tuple[int, int]], cut: int
) -> None:
    """Cut anywhere behind the last acknowledged byte, or filled with rubbish: every acknowledged row is read."""
    folder = tmp_path_factory.mktemp("spool")
    file = spool_file.create(folder, "one")
    starts: list[bytes] = []
    ends: list[bytes] = []
    for number, (some, others) in enumerate(groups):
        file.append(rows_of(f"s{number}", some), rows_of(f"e{number}", others), **ROOM)
        starts += rows_of(f"s{number}", some)
        ends += rows_of(f"e{number}", others)
    acknowledged = file.end
    file.append(rows_of("torn", 20), (), **ROOM)
    whole = file.end
    file.close()
    with file.path.open("r+b") as raw:
        raw.truncate(min(whole, acknowledged + cut))

    found, found_ends, _ = read_all(adopted(folder))

    assert found[: len(starts)] == starts and found_ends == ends
    assert found[len(starts) :] == rows_of("torn", 20)[: len(found) - len(starts)]


def test_a_line_with_a_wrong_checksum_is_left_out_and_told(tmp_path: Path) -> None:
    """One turned bit costs one row, not those behind it."""
    file = spool_file.create(tmp_path, "one")
    file.append(rows_of("a", 3), (), **ROOM)
    file.close()
    data = bytearray(file.path.read_bytes())
    data[data.index(b"a-1")] ^= 1
    file.path.write_bytes(data)

    starts, _, damaged = read_all(adopted(tmp_path))

    assert starts == [rows_of("a", 3)[0], rows_of("a", 3)[2]] and damaged == 1


def test_a_full_disk_takes_nothing_and_keeps_the_room_of_the_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starts are refused as long as there is no room behind them; ends go into what was kept free."""
    file = spool_file.create(tmp_path, "one")
    file.append(rows_of("a", 3), (), reserve=3000, most=MOST)

    def no_room(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    with pytest.raises(StorageFull):
        file.append(rows_of("b", 3), (), reserve=2 << 20, most=MOST)
    file.append((), rows_of("a", 3), **ROOM)

    assert read_all(file) == (rows_of("a", 3), rows_of("a", 3), 0)


def test_what_a_failed_sync_left_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were refused are not read back by the process that refused them."""
    file = spool_file.create(tmp_path, "one")
    with monkeypatch.context() as broken:

        def fails(descriptor: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        broken.setattr(os, "fdatasync", fails)
        with pytest.raises(PartUnavailable):
            file.append(rows_of("refused", 3), (), **ROOM)
    file.append(rows_of("a", 1), (), **ROOM)

    assert read_all(file) == (rows_of("a", 1), [], 0)


def test_a_real_full_disk_refuses(tmp_path: Path) -> None:
    """A file system of one and a half megabytes: what fits is there, the rest was refused."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root: the full disk is simulated only")
    try:
        file = spool_file.create(tmp_path / "spool", "one")
        taken = 0
        with pytest.raises(StorageFull):
            for number in range(10_000):
                file.append(rows_of(f"g{number}", 100), (), reserve=1024, most=64 << 20)
                taken += 100
        file.append((), rows_of("end", 1), reserve=0, most=64 << 20)

        starts, ends, damaged = read_all(file)
        assert (len(starts), len(ends), damaged) == (taken, 1, 0) and taken > 0
        file.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_spool_is_bounded(tmp_path: Path) -> None:
    """Starts beyond `gate.spool_mb` are refused; what was taken before is whole, and its ends are taken."""
    spool = Spool(tmp_path, uuid4(), 2 << 20)
    taken = 0
    with pytest.raises(PartUnavailable):
        while taken < 100_000:
            await spool.append(rows_of(f"g{taken}", 100), ())
            taken += 100
    await spool.append((), rows_of("end", 100))

    assert 0 < taken < 100_000 and spool.rows == taken + 100
    await spool.close()


async def test_rows_are_handed_out_in_order_and_the_file_goes(tmp_path: Path) -> None:
    """Written ones are not handed out again; cleared, the next outage begins a new file."""
    spool = Spool(tmp_path, uuid4(), MOST)
    for number in range(1200):
        await spool.append(rows_of(str(number), 1), ())
    found: list[bytes] = []
    while rows := await spool.oldest():
        found += rows.starts
        spool.written(rows)

    assert found == [row for number in range(1200) for row in rows_of(str(number), 1)]
    await spool.clear()
    assert files_in(tmp_path) == []
    await spool.append(rows_of("again", 1), ())
    again = await spool.oldest()
    assert again is not None and list(again.starts) == rows_of("again", 1)
    await spool.close()


_WRITER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from appliance.fairness.accounting.spool import Spool

async def write():
    spool = Spool(Path(sys.argv[1]), UUID(sys.argv[2]), 8 << 20)
    number = 0
    while True:
        await spool.append([b'{"id":"s-%d"}' % number], [b'{"id":"e-%d"}' % number])
        print(number, flush=True)
        number += 1

asyncio.run(write())
"""


async def test_the_rows_of_a_killed_process_are_adopted(tmp_path: Path) -> None:
    """`kill -9` in the middle of writing: all it had acknowledged is handed out, once, and the file is gone."""
    worker = uuid4()
    words = [sys.executable, "-c", _WRITER, str(tmp_path), str(worker)]
    writer = await asyncio.to_thread(subprocess.Popen, words, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    for _ in range(50):
        writer.stdout.readline()
    mine = Spool(tmp_path, UUID(int=1), MOST)
    assert [rows async for rows in mine.abandoned()] == []  # it lives
    writer.kill()
    acknowledged = 50 + len(writer.stdout.read().splitlines())
    writer.wait()

    starts: list[bytes] = []
    ends: list[bytes] = []
    async with aclosing(mine.abandoned()) as abandoned:
        async for rows in abandoned:
            starts += rows.starts
            ends += rows.ends

    numbers = range(len(starts))
    assert starts == [b'{"id":"s-%d"}' % number for number in numbers] and len(starts) >= acknowledged
    assert ends == [b'{"id":"e-%d"}' % number for number in range(len(ends))] and len(ends) >= acknowledged
    assert files_in(tmp_path) == []
    await mine.close()


async def test_rows_that_could_not_be_written_stay_for_the_next_try(tmp_path: Path) -> None:
    """Whoever stops half way through an abandoned file leaves it as it was."""
    dead, mine = Spool(tmp_path, uuid4(), MOST), Spool(tmp_path, uuid4(), MOST)
    await dead.append(rows_of("a", 3), ())
    await dead.close()
    with pytest.raises(PartUnavailable):
        async with aclosing(mine.abandoned()) as abandoned:
            async for _ in abandoned:
                raise PartUnavailable

    found = [list(rows.starts) async for rows in mine.abandoned()]

    assert found == [rows_of("a", 3)]
    await mine.close()

"""The ledger of what left: one chain over files, processes and rotations; what cannot be written stays."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.storage.egress_ledger import CLOSED, CURRENT, START, EgressLedger, chain_of, parted
from inference.egress import Departure

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def departure(path: str = "/v1/chat/completions", happened: str = "began") -> Departure:
    """A call of a cloud."""
    return Departure(happened, NOON, "cloud", "ana@x.example", "POST", "cloud.example", path)  # type: ignore[arg-type]


def lines_of(folder: Path) -> list[bytes]:
    """Of all files, oldest first."""
    files = [*sorted(folder.glob(CLOSED)), folder / CURRENT]
    return [line for file in files for line in file.read_bytes().splitlines(keepends=True)]


def require_whole(folder: Path, count: int) -> None:
    """Numbers without a gap, each hash made of the one before."""
    before = START
    for number, line in enumerate(lines_of(folder), start=1):
        told, body, chain = parted(line) or pytest.fail(f"no line of ours: {line!r}")
        assert told["n"] == number
        assert chain == chain_of(before, body)
        before = chain
    assert number == count


def test_a_line_holds_all_that_is_known(tmp_path: Path) -> None:
    """As JSON that any tool reads; nobody but the appliance may."""
    ledger = EgressLedger(tmp_path / "egress")

    ledger(departure())

    (line,) = lines_of(tmp_path / "egress")
    told = json.loads(line)
    assert (told["n"], told["actor"], told["host"]) == (1, "ana@x.example", "cloud.example")
    assert told["at"] == "2026-11-22T12:00:00.000+00:00"
    assert stat.S_IMODE((tmp_path / "egress" / CURRENT).stat().st_mode) == 0o600


def test_a_file_is_closed_when_it_is_full_and_the_chain_goes_on(tmp_path: Path) -> None:
    """Nothing is lost at the seam."""
    ledger = EgressLedger(tmp_path / "egress", segment_bytes=2000)

    for place in range(20):
        ledger(departure(f"/{place}"))

    assert len(list((tmp_path / "egress").glob(CLOSED))) >= 3
    require_whole(tmp_path / "egress", 20)


def test_a_file_is_closed_when_its_day_has_ended(tmp_path: Path) -> None:
    """A day each, in UTC."""
    folder, today = tmp_path / "egress", datetime.now(UTC)
    EgressLedger(folder)(departure())
    yesterday = (today - timedelta(days=1)).timestamp()
    os.utime(folder / CURRENT, (yesterday, yesterday))

    EgressLedger(folder)(departure())

    assert len(list(folder.glob(CLOSED))) == 1
    require_whole(folder, 2)


def test_what_is_older_than_it_is_to_be_kept_is_removed(tmp_path: Path) -> None:
    """Closed files alone, whole; the chain goes on from what is left."""
    folder, today = tmp_path / "egress", datetime.now(UTC)
    old = EgressLedger(folder, segment_bytes=1, now=lambda: today - timedelta(days=40))
    for _ in range(3):
        old(departure())

    removed = EgressLedger(folder, keep_days=30).forget()

    assert removed == 2
    assert [json.loads(line)["n"] for line in lines_of(folder)] == [3]


def test_zero_days_keep_everything(tmp_path: Path) -> None:
    """For ever."""
    folder, today = tmp_path / "egress", datetime.now(UTC)
    old = EgressLedger(folder, segment_bytes=1, now=lambda: today - timedelta(days=4000))
    for _ in range(3):
        old(departure())

    assert EgressLedger(folder, keep_days=0).forget() == 0
    require_whole(folder, 3)


def write_many(folder: Path, who: int) -> None:
    """One process's lines."""
    ledger = EgressLedger(folder, segment_bytes=3000)
    for place in range(25):
        ledger(departure(f"/{who}/{place}", "ended"))


def test_processes_write_side_by_side(tmp_path: Path) -> None:
    """One chain, no line torn, over rotations too."""
    folder = tmp_path / "egress"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(folder, who)) for who in range(3)]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    require_whole(folder, 75)


def test_a_torn_line_is_left_and_the_chain_goes_on_after_it(tmp_path: Path) -> None:
    """A process that died in the middle of its line takes no other line with it."""
    folder = tmp_path / "egress"
    EgressLedger(folder)(departure("/first"))
    with (folder / CURRENT).open("ab") as file:
        file.write(b'{"n": 2, "happened": "beg')

    EgressLedger(folder)(departure("/second"))

    first, torn, second = lines_of(folder)
    assert parted(torn) is None
    told, body, chain = parted(second) or pytest.fail("no line of ours")
    assert told["n"] == 2
    assert chain == chain_of((parted(first) or pytest.fail("no line"))[2], body)


def no_room(folder: Path) -> None:
    """Files may not grow beyond what is there."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, ((folder / CURRENT).stat().st_size + 40, resource.RLIM_INFINITY)
    )
    try:
        EgressLedger(folder)(departure("/second"))
    except OSError:
        os._exit(7)
    os._exit(0)


def test_a_full_disk_is_an_error_and_leaves_no_half_of_a_line(tmp_path: Path) -> None:
    """Whoever wanted to send learns it; what stood there stands there still."""
    folder = tmp_path / "egress"
    EgressLedger(folder)(departure("/first"))
    before = (folder / CURRENT).read_bytes()
    process = multiprocessing.get_context("fork").Process(target=no_room, args=(folder,))

    process.start()
    process.join()

    assert process.exitcode == 7
    assert (folder / CURRENT).read_bytes() == before


def test_a_long_field_is_cut(tmp_path: Path) -> None:
    """A line stays one write, whatever somebody asked for."""
    EgressLedger(tmp_path / "egress")(departure("/" + "x" * 10_000))

    (line,) = lines_of(tmp_path / "egress")
    assert len(line) < 2000


def test_the_ledger_of_older_releases_is_kept(tmp_path: Path) -> None:
    """It becomes the oldest file of the new one."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "egress.jsonl").write_text('{"happened": "began", "host": "huggingface.co"}\n')

    EgressLedger(tmp_path / "egress")(departure())

    old, new = lines_of(tmp_path / "egress")
    assert json.loads(old)["host"] == "huggingface.co"
    assert json.loads(new)["n"] == 1
    assert not (tmp_path / "logs" / "egress.jsonl").exists()

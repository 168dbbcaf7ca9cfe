"""`kill -9` of each process of a whole box while documents are read and answers are written.

python -m pytest tests/faults/test_kill_battery.py -m battery      every process, several moments each
FAULT_SEED=7 python -m pytest tests/faults/test_kill_battery.py    other processes and moments
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from appliance.supervisor.state import read_state
from tests.faults.engine_process import engine_process
from tests.faults.killed_behind_the_page import kill, reading
from tests.faults.whole_box_load import Load, Seen, half_visible
from tests.supervisor.conftest import wait_until
from tests.ui.test_page_in_chromium import CHROMIUM
from tests.whole_box import WITH_ENGINE, WholeBox, temporary_box

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.asyncio(loop_scope="module")]

SEED = int(os.environ.get("FAULT_SEED", "20261121"))
PARTS = ("postgres", "valkey", "gateway", "worker", "embedder", "ui", "engine-tiny", "forkserver")
POINTS = 3
MOMENTS = 4
PATIENCE_S = 240.0  # "comes back" means within this; how soon it is in fact is shown, not judged
WITH_SLOW_ENGINE = f"""{WITH_ENGINE}
[models]
default = "tiny"

[engines.slow]
engine = "openai_compatible"
base_url = "{{base_url}}"
"""
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}


@dataclass(frozen=True)
class Point:
    """Kill part so many seconds into everyday use."""

    part: str
    after_s: float

    def __str__(self) -> str:
        return f"{self.part}-{self.after_s:.2f}s"


def a_few() -> list[Point]:
    """Different parts, different moments: those of this seed."""
    seeded = random.Random(SEED)
    return [Point(part, seeded.uniform(0.3, 2.5)) for part in seeded.sample(PARTS, POINTS)]


def all_of_them() -> list[Point]:
    """Every part at several moments, in no order, so that the same one is not killed twice in a row."""
    seeded = random.Random(SEED)
    points = [Point(part, seeded.uniform(0.3, 3.0)) for part in PARTS for _ in range(MOMENTS)]
    seeded.shuffle(points)
    return points


@pytest.fixture(scope="module")
def box(prepared_data: Path) -> Iterator[WholeBox]:
    """With the page, the real llama.cpp, and `fake`, which never ends; it lives through the whole battery."""
    with (
        engine_process("--tokens", "100000", "--pace-ms", "50") as slow,
        temporary_box(
            WITH_SLOW_ENGINE.format(base_url=slow.base_url), like=prepared_data, page=True
        ) as running,
    ):
        for part in ("embedder", "worker", "tiny", "slow", "ui"):
            wait_until(lambda part=part: running.part_is(part), f"{part} is ready", 180)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def load(box: WholeBox) -> AsyncIterator[Load]:
    """Clients with the first administrator's key, and the vector store they fill."""
    headers = {"authorization": f"Bearer {box.key}"}
    async with aiohttp.ClientSession(box.url, headers=headers, timeout=aiohttp.ClientTimeout(240)) as session:
        async with session.post("/v1/vector_stores", json={"name": "battery"}) as response:
            store = (await response.json())["id"]
        yield Load(box, store, session)


@pytest.mark.parametrize("point", a_few(), ids=str)
async def test_a_killed_process_costs_nothing_that_was_promised(
    box: WholeBox, load: Load, point: Point
) -> None:
    """It comes back by itself, the port never refuses, and all that was acknowledged is there and whole."""
    await strike(box, load, point)


@pytest.mark.battery
@pytest.mark.parametrize("point", all_of_them(), ids=str)
async def test_every_process_at_several_moments(box: WholeBox, load: Load, point: Point) -> None:
    """The same, for all of them."""
    await strike(box, load, point)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: no answer was read in a browser")
async def test_an_answer_in_the_browser_outlives_the_gateway_and_the_page(box: WholeBox) -> None:
    """Both killed in mid-answer: the words so far stay, marked as broken off; one click goes on behind them."""
    async with reading(box) as reader:
        await reader.ask("fake", "Count for me.")
        shown = await reader.reads(more_than=10)
        killed = kill(box, "gateway", "ui")
        kept = await reader.sees_the_break()
        assert kept[: len(shown)] == shown

        for part, pid in killed.items():
            await until(lambda part=part, pid=pid: _replaced(box, part, pid), f"{part} has a successor")
        await reader.page.reload()
        assert await reader.sees_the_break() == kept
        await reader.goes_on()
        assert (await reader.reads(more_than=len(kept)))[: len(kept)] == kept
        await reader.stops()


async def test_every_request_has_its_row_and_every_row_its_end(box: WholeBox, load: Load) -> None:
    """After the kills above no row of the ledger is missing or open: those that broke off are settled."""
    async with load.running():
        await asyncio.sleep(1)
    rows = dict(await asyncio.to_thread(box.rows, "SELECT request_id, count(*) FROM requests GROUP BY 1"))
    assert [request for request in load.promised.chats if request not in rows] == []

    async def none_open() -> bool:
        return await asyncio.to_thread(box.rows, "SELECT id FROM requests WHERE status = 'started'") == []

    await until(none_open, "every row of the ledger has its end")


async def strike(box: WholeBox, load: Load, point: Point) -> None:
    """Kill in the middle of everyday use, wait for the part to be of use again, then look at everything."""
    pid = pid_of(box, point.part)
    load.seen = Seen()
    async with load.running():
        await asyncio.sleep(point.after_s)
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        await until(lambda: _replaced(box, point.part, pid), f"{point.part} has a successor")
        await until(lambda: of_use(load, point.part), f"{point.part} is of use again")
        back_s = time.monotonic() - killed_at
    report(
        f"seed {SEED} {point}: of use again after {back_s:.2f} s; {load.seen.endings} {load.seen.statuses}"
    )
    await require_promises(box, load, point)


async def require_promises(box: WholeBox, load: Load, point: Point) -> None:
    """Files, turns and streams, as they were acknowledged."""
    promised, seen = load.promised, load.seen
    assert seen.refused == 0 and seen.connections > 0
    assert seen.half_visible == [] and await asyncio.to_thread(half_visible, box) == []
    assert seen.endings.get("no end", 0) == 0
    assert point.part == "gateway" or "cut off" not in seen.endings
    for file_id, (word, data) in promised.files.items():
        assert await load.content(file_id) == data, file_id
        if file_id in promised.attached:
            await until(lambda file_id=file_id: load.is_read(file_id), f"{file_id} is read")
            assert await load.finds(word) == file_id
    for turn, conversation in promised.turns.items():
        await until(lambda t=turn, c=conversation: load.has_ended(t, c), f"turn {turn} has ended")
    promised.files.clear()
    promised.turns.clear()


async def _replaced(box: WholeBox, part: str, pid: int) -> bool:
    if part == "forkserver":
        return forkserver_of(box) not in (None, pid)
    state = read_state(box.data)
    assert state is not None
    child = state.children[part]
    return child.pid not in (None, pid) and child.state == "ready"


async def of_use(load: Load, part: str) -> bool:
    """Does what people need it for."""
    if part == "gateway":
        return await load.status("GET", "/v1/models") == 200
    if part == "postgres":
        return await load.status("GET", "/v1/vector_stores") == 200
    if part == "embedder":
        body = {"model": "all-MiniLM-L6-v2", "input": "x"}
        return await load.status("POST", "/v1/embeddings", body) == 200
    if part in ("engine-tiny", "valkey"):
        return await load.status("POST", "/v1/chat/completions", CHAT) == 200
    if part == "ui":
        return await asyncio.to_thread(load.box.part_is, "ui")
    return await asyncio.to_thread(load.box.part_is, "worker")


def pid_of(box: WholeBox, part: str) -> int:
    """Of the process now; the forkserver is a child of the worker, and starts with its first document."""
    if part != "forkserver":
        return box.pid_of(part)
    wait_until(lambda: forkserver_of(box) is not None, "the worker has a forkserver")
    pid = forkserver_of(box)
    assert pid is not None
    return pid


def forkserver_of(box: WholeBox) -> int | None:
    """The worker's child that reads documents."""
    worker = box.pid_of("worker")
    try:
        lists = [path.read_text().split() for path in Path(f"/proc/{worker}/task").glob("*/children")]
        children = [pid for pids in lists for pid in pids]
        found = [int(pid) for pid in children if b"rag.sandbox" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    except OSError:  # it has just ended
        return None
    return found[0] if found else None


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask again until it is so; fail by name when it never is."""
    deadline = time.monotonic() + PATIENCE_S
    while not await condition():
        if time.monotonic() > deadline:
            pytest.fail(f"never: {what}")
        await asyncio.sleep(0.02)


def report(line: str) -> None:
    """For whoever looks at the run: seeds and times are shown, never judged."""
    sys.__stdout__.write(f"\n{line}\n")  # type: ignore[union-attr]

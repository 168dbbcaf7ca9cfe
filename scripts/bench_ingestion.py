"""How fast documents are read, and whether anybody who asks notices: against a running appliance, over its public API.

    python scripts/bench_ingestion.py --data DATA [--pdf FILE] [--files 20 1000] [--model NAME]

Prints one row a measurement: seconds, files or pages a second, processor seconds a file by process (which other work
on the machine changes less than the clock), and the worker's memory before and after; then, with --beside, the latency
of searches (and, with --model, the time to the first token of chats) while nothing else happens, beside the same while
the last batch is being read. Search and chat are asked one after the other, as by one person.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

_WORDS = Path(__file__).read_text(encoding="utf-8").split()
_AT_ONCE = 4
_TURNS, _ALONE = 5, 200  # a p95 of few measurements is the machine's mood
_RUN = time.time_ns()  # no run's documents are those of another, which need not be read again


@dataclass(frozen=True, slots=True)
class Reading:
    """One batch."""

    files: int
    pages: int
    seconds: float
    failed: int


class Bench:
    """One collection of a running appliance."""

    def __init__(self, session: aiohttp.ClientSession, store: str) -> None:
        self._session = session
        self._store = store

    async def read(self, documents: list[tuple[str, bytes]]) -> Reading:
        """Upload and wait until all is searchable."""
        begun, queue = time.monotonic(), iter(documents)

        async def send() -> None:
            for name, content in queue:
                form = aiohttp.FormData({"purpose": "assistants"})
                form.add_field("file", content, filename=name)
                file = await self._json("POST", "/v1/files", data=form)
                await self._json("POST", self._files, json={"file_id": file["id"]})

        await asyncio.gather(*(send() for _ in range(_AT_ONCE)))
        while (await self._counts())["in_progress"]:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.25)
        seconds = time.monotonic() - begun
        done = await self._json("GET", f"{self._files}?limit=100")
        pages = sum(file["pages"] for file in done["data"][: len(documents)])
        return Reading(len(documents), pages, seconds, (await self._counts())["failed"])

    async def search(self) -> float:
        """Seconds of one search."""
        words = " ".join(random.sample(_WORDS, 6))
        begun = time.monotonic()
        await self._json("POST", f"/v1/vector_stores/{self._store}/search", json={"query": words})
        return time.monotonic() - begun

    async def chat(self, model: str) -> float:
        """Seconds to the first piece of an answer."""
        body = {
            "model": model,
            "stream": True,
            "max_tokens": 8,
            "messages": [{"role": "user", "content": "Hello"}],
        }
        begun = time.monotonic()
        async with self._session.post("/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: {"):
                    return time.monotonic() - begun
        raise RuntimeError("the answer had no pieces")

    @property
    def _files(self) -> str:
        return f"/v1/vector_stores/{self._store}/files"

    async def _counts(self) -> dict[str, int]:
        store = await self._json("GET", f"/v1/vector_stores/{self._store}")
        counts: dict[str, int] = store["file_counts"]
        return counts

    async def _json(self, method: str, path: str, **more: object) -> dict:  # type: ignore[type-arg]
        async with self._session.request(method, path, **more) as response:  # type: ignore[arg-type]
            response.raise_for_status()
            return await response.json()  # type: ignore[no-any-return]


def small(number: int, seed: int) -> tuple[str, bytes]:
    """A note of about 150 words that no other note equals."""
    seeded = random.Random(f"{_RUN}-{seed}-{number}")
    body = " ".join(seeded.choice(_WORDS) for _ in range(150))
    return f"note-{seed}-{number}.md", f"# Note {_RUN}-{seed}-{number}\n\n{body}\n".encode()


def percentiles(values: list[float]) -> str:
    """p50 and p95 in milliseconds."""
    ordered = sorted(values)
    at = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"p50 {statistics.median(ordered) * 1000:.0f} ms, p95 {at * 1000:.0f} ms of {len(ordered)}"


def processor_line(before: dict[str, float], after: dict[str, float], files: int) -> str:
    """Milliseconds of processor time a file, by part; what used next to nothing is left out."""
    each = {name: 1000 * (after[name] - before.get(name, 0.0)) / files for name in after}
    parts = ", ".join(f"{name} {ms:.1f}" for name, ms in each.items() if ms >= 0.5)
    return f"processor {sum(each.values()):.0f} ms a file: {parts}; load {os.getloadavg()[0]:.1f}"


def memory_mib(data: Path) -> float:
    """Of the worker with its children, what they share counted once."""
    state = json.loads((data / "supervisor.json").read_text())
    family = _family(int(state["children"]["worker"]["pid"]))
    return sum(_pss_kib(Path(f"/proc/{pid}")) for pid in family) / 1024


def processor_s(data: Path) -> dict[str, float]:
    """Processor seconds that each part has used so far, the worker's reading processes apart."""
    state = json.loads((data / "supervisor.json").read_text())
    used: dict[str, float] = {}
    for name, child in state["children"].items():
        pid = int(child["pid"])
        family = _family(pid)
        used[name] = sum(_ticks(each) for each in family)
        if name == "worker":
            used["reading"] = used[name] - _ticks(pid)
            used[name] = _ticks(pid)
    return {name: ticks / os.sysconf("SC_CLK_TCK") for name, ticks in used.items()}


def _family(pid: int) -> set[int]:
    """The process with its children and theirs."""
    family = {pid}
    parents = {
        int(folder.name): int((_stat(folder) or ["", "0"])[1]) for folder in Path("/proc").glob("[0-9]*")
    }
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _ticks(pid: int) -> int:
    """Its own and that of children that have ended."""
    return sum(int(value) for value in _stat(Path(f"/proc/{pid}"))[11:15])


def _stat(folder: Path) -> list[str]:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return []


def _pss_kib(folder: Path) -> int:
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def for_a_while(
    measure: Callable[[], Awaitable[float]], until: asyncio.Event, most: int
) -> list[float]:
    """One after the other, until told to stop or so many."""
    values: list[float] = []
    while len(values) < most and not until.is_set():
        values.append(await measure())
    return values


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[Bench]:
    """A new collection, removed at the end with its files' passages."""
    told = json.loads((data / "credentials.json").read_text())
    headers = {"authorization": f"Bearer {told['api_key']}"}
    async with aiohttp.ClientSession(told["url"], headers=headers) as session:
        async with session.post("/v1/vector_stores", json={"name": "bench"}) as response:
            store = (await response.json())["id"]
        yield Bench(session, store)
        await (await session.delete(f"/v1/vector_stores/{store}")).read()


async def run(arguments: argparse.Namespace) -> None:
    """All measurements."""
    async with opened(arguments.data) as bench:
        for seed, count in enumerate(arguments.files):
            before, used = memory_mib(arguments.data), processor_s(arguments.data)
            done = await bench.read([small(number, seed) for number in range(count)])
            after = memory_mib(arguments.data)
            print(
                f"{count} small files: {done.seconds:.1f} s, {done.seconds / count:.3f} s each, {done.failed} failed,"
                f" memory {before:.0f} -> {after:.0f} MiB",
                flush=True,
            )
            print(f"    {processor_line(used, processor_s(arguments.data), count)}", flush=True)
        if arguments.pdf:
            done = await bench.read([(arguments.pdf.name, arguments.pdf.read_bytes())])
            print(
                f"{arguments.pdf.name}: {done.pages} pages in {done.seconds:.1f} s, "
                f"{done.pages / done.seconds:.1f} pages/s",
                flush=True,
            )
        measures: dict[str, Callable[[], Awaitable[float]]] = {"search": bench.search}
        if arguments.model:
            measures["first token"] = lambda: bench.chat(arguments.model)
        for name, measure in measures.items() if arguments.beside else ():
            await beside(bench, name, measure, arguments.beside)


async def beside(bench: Bench, name: str, measure: Callable[[], Awaitable[float]], count: int) -> None:
    """The same measurement alone and while documents are being read, in turns so that the machine's mood is shared."""
    alone: list[float] = []
    busy: list[float] = []
    for turn in range(_TURNS):
        alone += await for_a_while(measure, asyncio.Event(), _ALONE)
        ended = asyncio.Event()
        asking = asyncio.create_task(for_a_while(measure, ended, 100_000))
        await bench.read([small(number, hash((name, turn)) % 10**6) for number in range(count)])
        ended.set()
        busy += await asking
    ratios = [sorted(busy)[int(p * len(busy))] / sorted(alone)[int(p * len(alone))] for p in (0.5, 0.95)]
    print(f"{name} alone:       {percentiles(alone)}")
    print(
        f"{name} beside it:   {percentiles(busy)}; ratio {ratios[0]:.2f} (p50), {ratios[1]:.2f} (p95)"
        f"; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="data folder of the running appliance")
    parser.add_argument("--files", type=int, nargs="*", default=[20, 1000], help="sizes of the batches")
    parser.add_argument(
        "--beside",
        type=int,
        default=60,
        help="documents that are read beside the asking, a turn; 0: no asking",
    )
    parser.add_argument("--pdf", type=Path, help="a large PDF")
    parser.add_argument("--model", help="a chat model, for the time to its first token")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
